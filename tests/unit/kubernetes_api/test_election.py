import asyncio

import pytest

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.election import Election
from midonet_kubernetes.testing.faulty_kubernetes import FaultyKubernetes, failure
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = pytest.mark.looptime

LEASES = "/apis/coordination.k8s.io/v1/leases"


class Replica:
    """A candidate whose work is to note when it leads."""

    def __init__(self, api, identity, **options):
        self.loop = asyncio.get_running_loop()
        self.transport = Wire(api)
        self.election = Election(
            Client(self.transport), namespace="kube-system", name="midonet", identity=identity, clock=self.loop.time, **options
        )
        self.led_at = []
        self.stopped_at = []
        self.stop_takes = 0.0
        self.task = asyncio.create_task(self.election.run(self.work))

    async def work(self):
        assert self.election.is_leader()
        self.led_at.append(self.loop.time())
        try:
            await asyncio.Event().wait()
        finally:
            if self.stop_takes:
                await elapse(self.stop_takes)
            self.stopped_at.append(self.loop.time())

    async def stop(self):
        self.task.cancel()
        await asyncio.wait({self.task})


class Wire:
    """A replica's own way to the server: it can be cut, hang, or die with the replica (kill -9)."""

    def __init__(self, api):
        self.api = api
        self.broken = False
        self.hangs = False

    async def send(self, request):
        if self.hangs:
            await elapse(3600)
        if self.broken:
            raise Unreachable("connection refused")
        return await self.api.send(request)


@pytest.fixture
def api():
    return FaultyKubernetes()


@pytest.fixture
async def replicas(api):
    started = []

    def start(identity, **options):
        started.append(Replica(api, identity, **options))
        return started[-1]

    yield start
    for replica in started:
        await replica.stop()


def lease(api):
    (found,) = [each for place, each in api._objects.items() if place[0] == LEASES]
    return found


async def test_the_only_candidate_leads_at_once_and_the_lease_says_so(api, replicas):
    one = replicas("one")
    await elapse(0.01)
    assert one.election.is_leader()
    spec = lease(api)["spec"]
    assert spec["holderIdentity"] == "one"
    assert spec["leaseDurationSeconds"] == 12
    assert spec["leaseTransitions"] == 1
    assert spec["renewTime"].endswith("Z")
    assert len(spec["renewTime"]) == len("2026-11-24T21:08:53.000000Z")


async def test_a_lead_that_is_renewed_lasts(api, replicas):
    one, two = replicas("one"), replicas("two")
    await elapse(1)
    acquired_at = lease(api)["spec"]["acquireTime"]
    await elapse(600)
    assert len(one.led_at) + len(two.led_at) == 1
    assert lease(api)["spec"]["acquireTime"] == acquired_at < lease(api)["spec"]["renewTime"]
    assert lease(api)["spec"]["leaseTransitions"] == 1


async def test_after_a_clean_stop_the_other_leads_within_two_seconds(api, replicas):
    one = replicas("one")
    await elapse(0.01)
    two = replicas("two")
    await elapse(30)
    await one.stop()
    stopped_at = asyncio.get_running_loop().time()
    assert lease(api)["spec"]["holderIdentity"] == ""
    await elapse(2)
    assert two.election.is_leader()
    assert two.led_at[0] - stopped_at <= 2


@pytest.mark.parametrize("killed_after", [30.0, 30.5, 31.0, 31.5, 31.99])
async def test_after_kill_9_the_other_leads_within_15_seconds_and_never_while_the_first_may_write(replicas, killed_after):
    one = replicas("one")
    await elapse(0.01)
    two = replicas("two")
    await elapse(killed_after)
    one.transport.broken = True  # as good as dead for everybody else, but we can still ask what it would do
    killed_at = asyncio.get_running_loop().time()
    while not two.election.is_leader():
        await elapse(0.05)
        assert not (one.election.is_leader() and two.election.is_leader())
    assert asyncio.get_running_loop().time() - killed_at <= 15


async def test_a_leader_that_cannot_renew_stops_its_work_at_the_deadline(replicas):
    one = replicas("one")
    await elapse(20.5)
    one.transport.broken = True
    await elapse(10)
    assert not one.election.is_leader()
    assert len(one.stopped_at) == 1
    assert 26 <= one.stopped_at[0] <= 28.5


async def test_a_leader_whose_renewal_hangs_stops_its_work_at_the_deadline(replicas):
    one = replicas("one")
    await elapse(20.5)
    one.transport.hangs = True
    await elapse(10)
    assert not one.election.is_leader()
    assert 26 <= one.stopped_at[0] <= 28.5


async def test_a_candidate_whose_request_hangs_tries_again(replicas):
    one = replicas("one")
    one.transport.hangs = True
    await elapse(1)
    one.transport.hangs = False
    await elapse(6)
    assert one.election.is_leader()


async def test_a_short_outage_costs_nothing(api, replicas):
    one, two = replicas("one"), replicas("two")
    await elapse(20)
    for _ in range(10):
        api.reachable = False
        await elapse(5)
        api.reachable = True
        await elapse(5)
    assert len(one.led_at) + len(two.led_at) == 1


async def test_after_a_long_outage_somebody_leads_again(api, replicas):
    one, two = replicas("one"), replicas("two")
    await elapse(20)
    api.reachable = False
    await elapse(600)
    assert not one.election.is_leader()
    assert not two.election.is_leader()
    api.reachable = True
    await elapse(15)
    assert one.election.is_leader() != two.election.is_leader()


async def test_the_lead_goes_on_while_the_work_takes_its_time_to_stop(replicas):
    one = replicas("one")
    await elapse(0.01)
    two = replicas("two")
    one.stop_takes = 60
    await one.stop()
    await elapse(2)
    assert one.stopped_at[0] >= 60
    assert two.led_at[0] > one.stopped_at[0]


async def test_a_409_at_the_renewal_is_no_loss_while_the_lease_is_ours(api, replicas):
    one = replicas("one")
    await elapse(1)
    api.answers.extend([api._handle, failure(409, "Conflict")])
    await elapse(30)
    assert len(one.led_at) == 1
    assert one.election.is_leader()


async def test_work_that_ends_releases_the_lead_and_its_error_is_told(api):
    async def fails():
        raise RuntimeError("mistake")

    election = Election(Client(api), namespace="x", name="l", clock=asyncio.get_running_loop().time)
    with pytest.raises(RuntimeError, match="mistake"):
        await election.run(fails)
    assert lease(api)["spec"]["holderIdentity"] == ""
    assert not election.is_leader()


async def test_work_that_fails_while_it_is_stopped_is_told_in_the_log_and_the_lead_is_released(api, caplog):
    async def fails_late():
        try:
            await asyncio.Event().wait()
        finally:
            raise RuntimeError("mistake")

    election = Election(Client(api), namespace="x", name="l", clock=asyncio.get_running_loop().time)
    running = asyncio.create_task(election.run(fails_late))
    await elapse(1)
    running.cancel()
    await asyncio.wait({running})
    assert running.cancelled()
    assert "mistake" in caplog.text
    assert lease(api)["spec"]["holderIdentity"] == ""


async def test_two_candidates_that_see_the_same_free_lease_do_not_both_get_it(replicas):
    candidates = [replicas(str(number), random=lambda: 0.5) for number in range(5)]
    await elapse(1)
    assert sum(candidate.election.is_leader() for candidate in candidates) == 1


async def test_identities_that_are_not_given_differ(api):
    first, second = (Election(Client(api), namespace="x", name="l") for _ in range(2))
    assert first.identity != second.identity
