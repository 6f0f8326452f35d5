import asyncio

import pytest

from midonet_kubernetes.controllers.program import Options
from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.testing.mortal import Life, MortalTransport, running
from midonet_kubernetes.testing.objects import ENDPOINTS, PODS, pod
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = pytest.mark.looptime


class WithoutLease:
    """A way to the API server on which the Lease's requests get lost."""

    def __init__(self, inner):
        self.inner, self.lost, self.writes = inner, False, []

    async def send(self, request):
        if self.lost and "/leases" in request.path:
            raise Unreachable("lost")
        if request.method != "GET" and "/leases" not in request.path and "/events" not in request.path:
            self.writes.append(request.path)
        return await self.inner.send(request)

    def stream(self, request):
        return self.inner.stream(request)

    async def close(self):
        await self.inner.close()


async def test_the_next_replica_takes_over_within_15_seconds_of_a_kill(shop):
    life = Life()
    one = shop.controllers(
        kubernetes=MortalTransport(shop.kubernetes_transport(), life),
        midonet=MortalTransport(shop.midonet_transport(), life),
        identity="one",
    )
    two = shop.controllers(identity="two")
    first = asyncio.create_task(one.run())
    await shop.settle(one)
    second = asyncio.create_task(two.run())
    await elapse(5.0)
    life.over.set()
    await shop.apply(PODS, pod("late", "n1", "10.1.1.9"))
    await elapse(15.0)
    assert two.election.is_leader()
    await shop.settle(two)
    assert "default/pod.4.late" in await shop.translations()
    for task in (first, second):
        task.cancel()
    await asyncio.wait({first, second})


async def test_a_leader_that_loses_its_lease_writes_nothing_any_more_to_either_api(shop):
    kubernetes, midonet = WithoutLease(shop.kubernetes_transport()), WithoutLease(shop.midonet_transport())
    async with running(shop, kubernetes=kubernetes, midonet=midonet) as program:
        await shop.settle(program)
        kubernetes.lost = True
        await elapse(8.0)
        assert not program.election.is_leader()
        kubernetes.writes.clear()
        midonet.writes.clear()
        await shop.apply(PODS, pod("late", "n1", "10.1.1.9"))
        await shop.remove(f"{PODS}/a?gracePeriodSeconds=0")
        shop.cluster.settle()
        await elapse(60.0)
        assert (kubernetes.writes, midonet.writes) == ([], [])
        kubernetes.lost = False
        await elapse(20.0)
        await shop.settle(program)
        translations = await shop.translations()
        assert "default/pod.4.late" in translations
        assert "default/pod.4.a" not in translations


async def test_another_source_of_endpoints_replaces_what_the_first_made_and_leaves_nothing(shop):
    def owners(translations):
        return {one.metadata.owner_references[0].kind for key, one in translations.items() if "endpoints-port.4.web" in key}

    await shop.apply(
        ENDPOINTS,
        {
            "metadata": {"name": "web"},
            "subsets": [
                {"addresses": [{"ip": "10.1.1.5"}], "ports": [{"name": "p80", "port": 80}, {"name": "p443", "port": 80}]}
            ],
        },
    )
    for source, kind in (("endpointslices", "Service"), ("endpoints", "Endpoints"), ("endpointslices", "Service")):
        async with running(shop, options=Options(endpoints_source=source)) as program:
            await shop.settle(program)
            assert owners(await shop.translations()) == {kind}
            assert (await program.verification.verify()).found == []
            rules = [one for one in shop.topology()["Rule"].values() if one["type"] == "dnat"]
            assert len(rules) == 2
