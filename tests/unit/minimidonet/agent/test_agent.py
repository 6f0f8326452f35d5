import asyncio
import logging
from contextlib import asynccontextmanager, suppress

import msgspec
import pytest

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.exchange import Request, Response, StreamedResponse
from midonet_kubernetes.linux.nftables.transaction import DeleteTable, Transaction
from midonet_kubernetes.linux.twin.kernel import TwinKernel
from midonet_kubernetes.midonet_api import Credentials
from midonet_kubernetes.minimidonet.agent.agent import Agent
from midonet_kubernetes.minimidonet.agent.datapath import Datapath, open_namespace
from midonet_kubernetes.minimidonet.agent.observer import REPAIRS, REVISION, Observer
from midonet_kubernetes.minimidonet.agent.programmer import Programmer
from midonet_kubernetes.minimidonet.agent.server_client import HostName, ServerClient
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.testing.virtual_time import elapse
from midonet_kubernetes.topology.host_network import Link, Route

pytestmark = pytest.mark.looptime

HOST = "00000000-0000-0000-0000-000000000001"
ROUTER, BRIDGE, PORT, PEER = (f"00000000-0000-0000-0000-00000000000{n}" for n in (2, 3, 4, 5))
PATH = "/run/netns/midonet"


class Network:
    """A transport to a server in this process, which can be cut, and can answer nonsense."""

    def __init__(self, service):
        self.service, self.nonsense = service, b""
        self.cut = asyncio.Event()

    async def send(self, request):
        self.check()
        return self.service.handle(request)

    @asynccontextmanager
    async def stream(self, request):
        self.check()
        if self.nonsense:
            yield StreamedResponse(200, {}, self.once(self.nonsense))
            return
        async with self.service.stream(request) as streamed:
            yield StreamedResponse(streamed.status, streamed.headers, self.until_cut(streamed.chunks))

    async def close(self):
        pass

    def check(self):
        if self.cut.is_set():
            raise Unreachable("connection refused")

    async def once(self, chunk):
        yield chunk

    async def until_cut(self, chunks):
        following, cut = aiter(chunks), asyncio.ensure_future(self.cut.wait())
        try:
            while True:
                chunk = asyncio.ensure_future(anext(following))
                try:
                    await asyncio.wait({chunk, cut}, return_when=asyncio.FIRST_COMPLETED)
                    self.check()
                finally:
                    chunk.cancel()
                    await asyncio.wait({chunk})
                yield chunk.result()
        finally:
            cut.cancel()


class Site:
    def __init__(self):
        self.kernel, self.observer = TwinKernel(), Observer()
        self.namespace = open_namespace(self.kernel, PATH)
        self.datapath = Datapath(self.kernel, self.namespace, self.kernel.own_namespace())
        self.store = Store.open(":memory:")
        self.network = Network(Service(self.store, clock=asyncio.get_running_loop().time))
        server = ServerClient(self.network, HostName(HOST, "n1"))
        self.agent = Agent(server, self.datapath, Programmer(HOST, self.datapath), self.observer)
        self.routing = self.kernel.routing(self.namespace)

    def post(self, path, media, body):
        headers = {"content-type": f"application/vnd.org.midonet.{media}+json"}
        response = self.network.service.handle(Request("POST", f"/midonet-api{path}", headers, body.encode()))
        assert response.status == 201, response.body

    def black_hole(self, number):
        to = f'"dstNetworkAddr":"10.{number}.0.0","dstNetworkLength":16'
        body = f'{{"type":"BlackHole","srcNetworkAddr":"0.0.0.0","srcNetworkLength":0,{to}}}'
        self.post(f"/routers/{ROUTER}/routes", "Route-v1", body)

    def black_holes(self):
        return sorted(int(route.destination.split(".")[1]) for route in self.routing.routes() if route.kind == "blackhole")


@asynccontextmanager
async def running_site():
    made = Site()
    task = asyncio.create_task(made.agent.run())
    await elapse(1)
    made.post("/routers", "Router-v3", f'{{"id":"{ROUTER}","name":"r","tenantId":"t"}}')
    made.black_hole(1)
    await elapse(0.1)
    yield made
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    made.datapath.close()
    await made.store.close()


async def test_what_the_server_says_comes_into_the_kernel():
    async with running_site() as site:
        assert site.black_holes() == [1]
        assert site.agent.why_not_ready() == ""


async def test_the_host_stays_registered():
    async with running_site() as site:
        for _ in range(10):
            await elapse(20)
            assert site.network.service.agents.is_alive(HOST)


async def test_the_server_hears_what_is_programmed():
    async with running_site() as site:
        await elapse(1)
        status = msgspec.json.decode(msgspec.json.encode(site.network.service.agents.status(HOST)))
        assert status["revision"] == site.store.revision
        assert status["unsupported"] == status["refused"] == []


async def test_without_a_server_nothing_changes_and_later_all_that_was_missed_comes(caplog):
    async with running_site() as site:
        with caplog.at_level(logging.INFO):
            site.network.cut.set()
            site.black_hole(2)
            await elapse(60)
            assert site.black_holes() == [1]
            site.network.cut.clear()
            await elapse(6)
        assert site.black_holes() == [1, 2]
        lost = [record.message for record in caplog.records if "traffic goes on" in record.message]
        assert 1 <= len(lost) <= 2  # once for each reason, however long it lasts


async def test_nonsense_from_the_server_harms_nothing():
    async with running_site() as site:
        for nonsense in (b"<html>\n", b'{"type":"put","kind":"Router"}\n', b'{"type":"snapshot","store":"X","revision":1}\n'):
            site.network.nonsense = nonsense
            site.network.cut.set()
            await elapse(1)
            site.network.cut.clear()
            await elapse(10)
            site.routing.delete_route(Route("10.1.0.0/16", kind="blackhole"))  # what is known is kept up
            await elapse(1)
            assert site.black_holes() == [1]
        site.network.nonsense = b""
        site.black_hole(2)
        await elapse(6)
        assert site.black_holes() == [1, 2]


async def test_a_server_that_forgot_the_host_gets_to_know_it_again():
    async with running_site() as site:
        site.network.service.handle(Request("DELETE", f"/midonet-api/hosts/{HOST}"))
        other = Store.open(":memory:")
        site.network.service = Service(other, clock=asyncio.get_running_loop().time)
        site.network.cut.set()
        await elapse(1)
        site.network.cut.clear()
        await elapse(6)
        assert site.network.service.agents.is_alive(HOST)
        assert site.black_holes() == []
        await other.close()


async def test_a_foreign_change_is_put_right_within_a_second_and_counted():
    async with running_site() as site:
        site.routing.delete_route(Route("10.1.0.0/16", kind="blackhole"))
        site.routing.replace_route(Route("10.9.0.0/16", kind="blackhole"))
        await elapse(1)
        assert site.black_holes() == [1]
        assert site.observer.metrics[REPAIRS]._value.get() == 2


async def test_a_table_that_is_gone_is_back_at_once():
    async with running_site() as site:
        with_rules = site.kernel.rule_sets(site.namespace)
        with_rules.apply(Transaction("midonet", operations=(DeleteTable(),)))
        await elapse(0.01)
        assert with_rules.dump("midonet") is not None
        with_rules.close()


async def test_own_changes_are_no_foreign_ones():
    async with running_site() as site:
        for number in range(2, 9):
            site.black_hole(number)
            await elapse(1)
        assert site.black_holes() == list(range(1, 9))
        assert site.observer.metrics[REPAIRS]._value.get() == 0
        assert site.observer.metrics[REVISION]._value.get() == site.store.revision


async def test_a_link_of_somebody_else_is_no_repair():
    async with running_site() as site:
        site.routing.add_veth(Link("mido1"), Link("peer"), site.kernel.own_namespace())
        await elapse(1)
        assert site.observer.metrics[REPAIRS]._value.get() == 0
        assert site.routing.link("mido1") is not None


async def test_an_agent_without_topology_leaves_the_kernel_alone():
    made = Site()
    made.network.cut.set()
    made.routing.replace_route(Route("10.7.0.0/16", kind="blackhole"))
    task = asyncio.create_task(made.agent.run())
    await elapse(100)
    assert made.black_holes() == [7]
    assert "connection refused" in made.agent.why_not_ready() or "not connected" in made.agent.why_not_ready()
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
    made.datapath.close()
    await made.store.close()


async def test_a_login_is_made_when_the_server_asks_for_one():
    asked = []

    class Guarded:
        async def send(self, request):
            asked.append(
                (request.method, request.path, request.headers.get("x-auth-token"), request.headers.get("authorization"))
            )
            if request.path == "/midonet-api/login":
                return Response(200, {}, b'{"key":"T"}')
            return Response(200, {}, b'{"leaseSeconds":30}') if request.headers.get("x-auth-token") == "T" else Response(401)

    client = ServerClient(Guarded(), HostName(HOST, "n1"), Credentials("admin", "secret"))
    assert await client.register([], []) == 30
    path = f"/minimidonet/v1/hosts/{HOST}"
    assert [(method, where, token) for method, where, token, _ in asked] == [
        ("PUT", path, None),
        ("POST", "/midonet-api/login", None),
        ("PUT", path, "T"),
    ]
