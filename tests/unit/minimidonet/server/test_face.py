from __future__ import annotations

import asyncio
import gzip
import json
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.midonet_api import HttpTransport
from midonet_kubernetes.minimidonet.server import connections, face
from midonet_kubernetes.minimidonet.server.connections import Connections
from midonet_kubernetes.minimidonet.server.face import Face
from midonet_kubernetes.minimidonet.server.metrics import ServerMetrics
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.file import StoreFull
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.testing.virtual_time import turn

HOST = "11111111-1111-4111-8111-111111111111"
JSON = {"Content-Type": "application/json", "Accept": "application/json"}


class Served:
    def __init__(self, port: int, the_face: Face, service: Service) -> None:
        self.port, self.face, self.service = port, the_face, service
        self.transport = HttpTransport(f"http://127.0.0.1:{port}")

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str):
        return await self.transport.send(Request(method, path, {**JSON, **headers}, body))

    async def raw(self, *pieces: bytes) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
            return await reader.read()
        finally:
            writer.close()


@asynccontextmanager
async def serving(service: Service | None = None):
    service = service or Service(Store())
    metrics = ServerMetrics(frozenset({"bridges"}), streams=service.hub.readers, alive=lambda: 0, revision=lambda: 0)
    the_face = Face(service, metrics)
    runner = web.ServerRunner(Connections(the_face), shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    served = Served(runner.addresses[0][1], the_face, service)
    try:
        yield served
    finally:
        service.hub.close()
        await served.transport.close()
        await runner.cleanup()


async def test_a_body_that_is_too_long_is_refused():
    async with serving() as served:
        head = b"POST /midonet-api/bridges HTTP/1.1\r\nHost: x\r\nContent-Length: 1048577\r\n\r\n"
        answer = await served.raw(head, b"x" * 1048577)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b'"code":413' in answer


async def test_a_body_that_unpacks_to_too_much_is_refused():
    async with serving() as served:
        answer = await served.ask("POST", "/midonet-api/bridges", gzip.compress(b" " * (8 << 20)), **{"Content-Encoding": "gzip"})
    assert answer.status == 413


async def test_a_body_that_takes_too_long_is_refused(monkeypatch):
    monkeypatch.setattr(face, "BODY_SECONDS", 0.05)
    monkeypatch.setattr(connections, "LINGER_SECONDS", 0.05)
    async with serving() as served:
        head = b"POST /midonet-api/bridges HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
        answer = await served.raw(head)
    assert answer.startswith(b"HTTP/1.1 408 ")


async def test_a_connection_that_says_nothing_is_closed(monkeypatch):
    monkeypatch.setattr(connections, "FIRST_REQUEST_SECONDS", 0.05)
    async with serving() as served:
        assert await served.raw() == b""
        assert await served.raw(b"GET /midonet-api/", b"system_state HTTP/1.1\r\nHo") == b""


async def test_a_connection_too_many_is_told_so(monkeypatch):
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 0)
    async with serving() as served:
        assert (await served.raw()).startswith(b"HTTP/1.1 503 ")


async def test_a_request_too_many_is_told_so(monkeypatch):
    monkeypatch.setattr(face, "MOST_REQUESTS", 0)
    async with serving() as served:
        answer = await served.ask("GET", "/midonet-api/system_state")
    assert (answer.status, answer.headers["retry-after"]) == (503, "1")


async def test_broken_http_is_400_and_no_trace_of_it_is_logged(caplog):
    async with serving() as served:
        for broken in (
            b"\x00\x01\x02\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"GET /" + b"a" * 20000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        ):
            assert (await served.raw(broken)).startswith(b"HTTP/1.0 400 ") or b" 400 " in (await served.raw(broken))[:20]
    assert caplog.records == []


@pytest.mark.parametrize(
    "head",
    [
        b"GET /midonet-api/\xff\xfe HTTP/1.1\r\nHost: x",
        b"GET /midonet-api/tunnel_zones/\xed\xa0\x80 HTTP/1.1\r\nHost: x\r\nAccept: */*",
        b"GET /midonet-api/tenants HTTP/1.1\r\nHost: \xff\xed\xa0\x80",
        b"GET /midonet-api/ HTTP/1.1\r\nHost: x\r\nX-Forwarded-Host: \xff\r\nX-Forwarded-Proto: \xfe",
        b"GET /midonet-api/bridges HTTP/1.1\r\nHost: x\r\nAccept: application/json;\xff=\xfe",
        b"GET /midonet-api/bridges HTTP/1.1\r\nHost: x\r\nAccept: application/json;a=\x01",
        b"POST /midonet-api/bridges HTTP/1.1\r\nHost: \xff\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
        b"GET /midonet-api/login HTTP/1.1\r\nHost: x\r\nAuthorization: Basic \xff",
        b"GET /midonet-api/system_state HTTP/1.1\r\nHost: x\r\nX-Auth-Token: \xff\xed\xa0\x80",
        b"GET /midonet-api/tenants/%ED%A0%80%00?tenant_id=%FF HTTP/1.1\r\nHost: x",
        b"GET http://other/midonet-api/bridges HTTP/1.1\r\nHost: x",
        b"OPTIONS * HTTP/1.1\r\nHost: x",
        b"PUT /minimidonet/v1/hosts/\xff HTTP/1.1\r\nHost: x\r\nContent-Length: 0",
        b"GET /minimidonet/v1/hosts/\xff/stream?store=\xff HTTP/1.1\r\nHost: x",
        b"GET /\xff HTTP/1.1\r\nHost: x",
    ],
)
async def test_bytes_that_are_no_text_do_no_harm(head, caplog):
    async with serving() as served:
        body = b"" if b"\r\n\r\n" in head else b"\r\nConnection: close\r\n\r\n"
        answer = await served.raw(
            head.replace(b"HTTP/1.1\r\n", b"HTTP/1.1\r\nConnection: close\r\n", 1) if not body else head + body
        )
    assert answer.startswith(b"HTTP/1.")
    assert int(answer.split()[1]) < 500
    assert caplog.records == []


@pytest.mark.parametrize("status", [b'{"a":' * 900 + b"1" + b"}" * 900, b'{"a":"\\ud800"}', b"[]", b"null", b"{"])
async def test_a_status_that_could_not_be_shown_is_refused(status):
    async with serving() as served:
        path = f"/minimidonet/v1/hosts/{HOST}"
        await served.ask("PUT", path, b'{"name": "node1"}')
        told = await served.ask("PUT", f"{path}/status", status)
        assert told.status in {200, 400}
        assert (await served.ask("GET", "/minimidonet/v1/hosts")).status == 200


async def test_a_method_in_lower_case_is_understood():
    async with serving() as served:
        answer = await served.raw(b"get /midonet-api/system_state HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_full_device_is_507_and_nothing_is_changed():
    class FullStore(Store):
        def when_durable(self, done) -> None:
            done(StoreFull("no room left on the device"))

    async with serving(Service(FullStore())) as served:
        answer = await served.ask("POST", "/midonet-api/bridges", b"{}")
    assert (answer.status, json.loads(answer.body)["message"]) == (507, "no room left on the device")


async def test_a_defect_is_an_answer_without_its_inside(monkeypatch, caplog):
    service = Service(Store())
    monkeypatch.setattr(service, "handle", lambda _: 1 / 0)
    async with serving(service) as served:
        answer = await served.ask("GET", "/midonet-api/bridges")
    assert answer.status == 500
    assert b"ZeroDivision" not in answer.body
    assert "ZeroDivisionError" in caplog.text


async def test_a_host_streams_over_http_until_it_leaves():
    async with serving() as served:
        path = f"/minimidonet/v1/hosts/{HOST}"
        async with served.transport.stream(Request("GET", f"{path}/stream")) as refused:
            assert (refused.status, b"register" in b"".join([chunk async for chunk in refused.chunks])) == (404, True)
        await served.ask("PUT", path, b'{"name": "node1"}')
        async with served.transport.stream(Request("GET", f"{path}/stream?revision=")) as streamed:
            assert (streamed.status, streamed.headers["content-type"]) == (200, "application/x-ndjson")
            first = await anext(aiter(streamed.chunks))
            assert json.loads(first.splitlines()[0])["type"] == "snapshot"
            assert served.service.hub.readers() == 1
            await served.ask("POST", "/midonet-api/routers", b"{}")
            assert b'"kind":"Router"' in await anext(aiter(streamed.chunks))


@pytest.mark.parametrize("query", ["revision=x", "revision=-1", "revision=99999999999999999999"])
async def test_a_revision_that_is_no_number_is_refused(query):
    async with serving() as served:
        await served.ask("PUT", f"/minimidonet/v1/hosts/{HOST}", b'{"name": "node1"}')
        async with served.transport.stream(Request("GET", f"/minimidonet/v1/hosts/{HOST}/stream?{query}")) as answer:
            assert answer.status == 400


async def test_those_who_watch_are_answered():
    async with serving() as served:
        await served.ask("GET", "/midonet-api/bridges")
        assert (await served.ask("GET", "/healthz")).body == b"ok\n"
        assert (await served.ask("GET", "/readyz")).status == 200
        served.face.is_stopping = True
        assert (await served.ask("GET", "/readyz")).status == 503
        metrics = (await served.ask("GET", "/metrics")).body.decode()
    assert 'minimidonet_requests_total{code="200",method="GET",resource="bridges"} 1.0' in metrics


async def test_the_page_is_at_the_root_and_can_only_be_read():
    async with serving() as served:
        page = await served.ask("GET", "/?x=1")
        assert (page.status, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert b"<title>minimidonet</title>" in page.body
        assert (await served.ask("HEAD", "/page.js")).body == b""
        for method in ("POST", "PUT", "DELETE"):
            assert (await served.ask(method, "/", b"{}")).status == 404


async def test_links_start_as_the_client_addressed_the_server():
    async with serving() as served:
        answer = await served.ask(
            "POST", "/midonet-api/bridges", b"{}", **{"X-Forwarded-Proto": "https", "X-Forwarded-Host": "a:1"}
        )
        plain = await served.ask("POST", "/midonet-api/bridges", b"{}")
    assert answer.headers["location"].startswith("https://a:1/midonet-api/bridges/")
    assert plain.headers["location"].startswith(f"http://127.0.0.1:{served.port}/midonet-api/bridges/")


async def test_a_client_that_leaves_in_the_middle_is_no_defect(caplog):
    async with serving() as served:
        _, writer = await asyncio.open_connection("127.0.0.1", served.port)
        writer.write(b"POST /midonet-api/bridges HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
        await writer.drain()
        while served.face._running == 0:
            await turn()
        writer.transport.abort()
        while served.face._running:
            await turn()
        assert (await served.ask("GET", "/midonet-api/bridges")).status == 200
    assert caplog.records == []


async def test_a_broken_chunk_is_refused():
    async with serving() as served:
        head = b"POST /midonet-api/bridges HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        answer = await served.raw(head, b"zz\r\n{}\r\n0\r\n\r\n")
    assert b" 400 " in answer[:20]
