import asyncio
import json
from contextlib import asynccontextmanager

import pytest

from midonet_kubernetes.controllers.fence import NotLeading, fence
from midonet_kubernetes.controllers.pusher.status import BUSY_SECONDS, SETTLE_SECONDS, Report, StatusWriter
from midonet_kubernetes.exchange import Response
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.model.translation import PUSHED, PushedResource
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = pytest.mark.looptime

CHAIN = PushedResource(kind="Chain", id="x", digest="00")


class Server:
    def __init__(self):
        self.statuses, self.written = [], []

    async def send(self, request):
        status = self.statuses.pop(0) if self.statuses else 200
        if status == 200:
            self.written.append((asyncio.get_running_loop().time(), request.path, json.loads(request.body)["status"]))
        return Response(status, {}, b"{}")


@asynccontextmanager
async def writing(server, *, busy=lambda: False, is_leader=lambda: True):
    writer = StatusWriter(Client(server), fence(is_leader), busy)
    task = asyncio.create_task(writer.run())
    yield writer
    task.cancel()
    await asyncio.wait({task})


async def test_a_status_says_what_is_pushed_of_which_generation():
    server = Server()
    async with writing(server) as writer:
        writer.report("ns/t", Report(3, (CHAIN,), PUSHED))
        await elapse(5.0)
    ((_, path, status),) = server.written
    assert path == "/apis/midonet.org/v1/namespaces/ns/translations/t/status"
    assert status["resourcesPushed"] == 1
    assert status["pushed"] == [{"kind": "Chain", "id": "x", "digest": "00"}]
    (condition,) = status["conditions"]
    assert (condition["type"], condition["status"], condition["observedGeneration"]) == ("Pushed", "True", 3)


async def test_what_is_no_longer_pushed_is_taken_out_by_name():
    server = Server()
    async with writing(server) as writer:
        writer.report("ns/t", Report(3, (), "Waiting", "for what"))
        await elapse(5.0)
    ((_, _, status),) = server.written
    assert status["pushed"] is None
    assert status["conditions"][0]["status"] == "False"


async def test_only_the_latest_report_is_written():
    server = Server()
    async with writing(server) as writer:
        for generation in range(100):
            writer.report("ns/t", Report(generation, (), PUSHED))
        await elapse(5.0)
    assert [status["conditions"][0]["observedGeneration"] for _, _, status in server.written] == [99]


async def test_statuses_wait_while_there_is_something_to_push_but_not_for_ever():
    server, begun = Server(), asyncio.get_running_loop().time()
    async with writing(server, busy=lambda: True) as writer:
        writer.report("ns/t", Report(1, (), PUSHED))
        await elapse(300.0)
    assert server.written[0][0] - begun == pytest.approx(SETTLE_SECONDS + BUSY_SECONDS, abs=1.1)


@pytest.mark.parametrize("failure", [500, 409, 429, 403])
async def test_a_failed_write_is_done_again(failure):
    server = Server()
    server.statuses = [failure] * 7
    async with writing(server) as writer:
        writer.report("ns/t", Report(1, (), PUSHED))
        await elapse(120.0)
    assert len(server.written) == 1


@pytest.mark.parametrize("failure", [404, 422])
async def test_a_write_that_cannot_succeed_is_given_up(failure):
    server = Server()
    server.statuses = [failure]
    async with writing(server) as writer:
        writer.report("ns/t", Report(1, (), PUSHED))
        await elapse(120.0)
        assert writer.depth == 0
    assert server.written == []


async def test_nothing_is_written_after_the_lead_is_lost():
    server = Server()
    async with writing(server, is_leader=lambda: False) as writer:
        writer.report("ns/t", Report(1, (), PUSHED))
        await elapse(60.0)
        assert writer.depth == 1
    assert server.written == []
    with pytest.raises(NotLeading):
        fence(lambda: False)()
