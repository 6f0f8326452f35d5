"""What a host is streamed, over HTTP and in this process: the same lines (architecture, seam 4)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from midonet_kubernetes.exchange import Request, Transport
from midonet_kubernetes.midonet_api import HttpTransport, InProcessTransport
from midonet_kubernetes.minimidonet.server.connections import Connections
from midonet_kubernetes.minimidonet.server.face import Face
from midonet_kubernetes.minimidonet.server.metrics import ServerMetrics
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store

HOST = "11111111-1111-4111-8111-111111111111"
CHAIN = "22222222-2222-4222-8222-222222222222"
BRIDGE = "33333333-3333-4333-8333-333333333333"
JSON = {"Content-Type": "application/json", "Accept": "application/json"}


@asynccontextmanager
async def over_http(service: Service) -> AsyncIterator[Transport]:
    metrics = ServerMetrics(frozenset(), streams=service.hub.readers, alive=service.agents.alive, revision=lambda: 0)
    runner = web.ServerRunner(Connections(Face(service, metrics)), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    transport = HttpTransport(f"http://127.0.0.1:{runner.addresses[0][1]}")
    try:
        yield transport
    finally:
        service.hub.close()
        await transport.close()
        await runner.cleanup()


@asynccontextmanager
async def in_process(service: Service) -> AsyncIterator[Transport]:
    yield InProcessTransport(service.handle, service.stream)


@pytest.fixture(params=[over_http, in_process])
async def transport(request, tmp_path):
    store = Store.open(str(tmp_path / "s")) if request.param is over_http else Store()
    async with request.param(Service(store)) as found:
        yield found
    await store.close()


class Lines:
    """The lines of a stream, however they are cut into chunks."""

    def __init__(self, chunks: AsyncIterator[bytes]) -> None:
        self._chunks, self._rest = aiter(chunks), b""

    async def until_commit(self) -> list[dict]:
        lines: list[dict] = []
        while not lines or lines[-1]["type"] != "commit":
            while b"\n" not in self._rest:
                self._rest += await anext(self._chunks)
            line, self._rest = self._rest.split(b"\n", 1)
            lines.append(json.loads(line))
        return [line for line in lines if line["type"] != "alive"]


async def ask(transport, method, path, body):
    answer = await transport.send(Request(method, path, JSON, json.dumps(body).encode()))
    assert answer.status < 300, answer
    return answer


async def register(transport):
    await ask(transport, "PUT", f"/minimidonet/v1/hosts/{HOST}", {"name": "node1", "interfaces": ["eth0"]})


def stream(transport, position=None):
    query = f"?store={position[0]}&revision={position[1]}" if position else ""
    return transport.stream(Request("GET", f"/minimidonet/v1/hosts/{HOST}/stream{query}"))


async def test_a_cascade_is_one_commit(transport):
    await register(transport)
    await ask(transport, "POST", "/midonet-api/chains", {"id": CHAIN})
    await ask(transport, "POST", "/midonet-api/bridges", {"id": BRIDGE, "inboundFilterId": CHAIN})
    async with stream(transport) as streamed:
        lines = Lines(streamed.chunks)
        first = await lines.until_commit()
        assert first[0]["type"] == "snapshot"
        assert {(line["kind"], line["id"]) for line in first[1:-1]} == {("Host", HOST), ("Chain", CHAIN), ("Bridge", BRIDGE)}
        await ask(transport, "DELETE", f"/midonet-api/chains/{CHAIN}", {})
        news = await lines.until_commit()
        assert {(line["type"], line["kind"], line["id"]) for line in news[:-1]} == {
            ("put", "Bridge", BRIDGE),
            ("delete", "Chain", CHAIN),
        }
        assert next(line["object"] for line in news if line.get("kind") == "Bridge") == {"id": BRIDGE}


async def test_a_reader_that_was_cut_misses_nothing(transport):
    await register(transport)
    async with stream(transport) as streamed:
        first = await Lines(streamed.chunks).until_commit()
    position = first[0]["store"], first[-1]["revision"]
    for number in range(3):
        await ask(transport, "POST", "/midonet-api/routers", {"name": f"r{number}"})
    async with stream(transport, position) as streamed:
        lines = Lines(streamed.chunks)
        names = [(await lines.until_commit())[0]["object"]["name"] for _ in range(3)]
    assert names == ["r0", "r1", "r2"]


async def test_a_host_has_to_be_registered_first(transport):
    async with stream(transport) as refused:
        body = b"".join([chunk async for chunk in refused.chunks])
    assert refused.status == 404
    assert json.loads(body)["code"] == 404
