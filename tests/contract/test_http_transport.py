import asyncio
import gc
import socket
import ssl
import threading
import warnings
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest
from aiohttp import web

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.exchange import Request
from midonet_kubernetes.http_transport import HttpTransport
from midonet_kubernetes.kubernetes_api.access import Access, connect
from midonet_kubernetes.kubernetes_api.kinds import POD

CERTIFICATES = Path(__file__).parents[1] / "unit" / "kubernetes_api" / "certificates"


@asynccontextmanager
async def serving(handler, tls=None):
    """The address of a server whose every request is answered by ``handler``."""
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def speaking(script):
    """The address of a server that does not quite speak HTTP: ``script`` has its reader and writer."""
    talks = set()

    async def talk(reader, writer):
        talks.add(asyncio.current_task())
        try:
            await reader.readuntil(b"\r\n\r\n")
            await script(writer)
        finally:
            writer.transport.abort()

    server = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in talks:
            task.cancel()
        await asyncio.gather(*talks, return_exceptions=True)


@pytest.fixture
async def transport_to():
    opened = []

    def make(server, **options):
        opened.append(HttpTransport(server, **options))
        return opened[-1]

    yield make
    for transport in opened:
        await transport.close()
        await transport.close()


def server_tls(*, wants_client=False):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    if wants_client:
        context.load_verify_locations(CERTIFICATES / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    return context


def client_tls(authority="ca.pem", *, certificate=False):
    context = ssl.create_default_context(cafile=CERTIFICATES / authority)
    if certificate:
        context.load_cert_chain(CERTIFICATES / "client.pem", CERTIFICATES / "client.key")
    return context


async def echo(request):
    body = f"{request.method} {request.raw_path} {request.headers.get('X-Test')} ".encode() + await request.read()
    return web.Response(status=201, headers={"X-Answer": "yes"}, body=body)


async def test_a_request_arrives_as_it_is_and_its_answer_comes_back(transport_to):
    async with serving(echo) as server:
        request = Request("PATCH", "/api/v1/pods/a%2Fb?fieldSelector=x%21%3D1", {"X-Test": "t"}, b"body")
        response = await transport_to(server + "/prefix/").send(request)
    assert (response.status, response.headers["x-answer"]) == (201, "yes")
    assert response.body == b"PATCH /prefix/api/v1/pods/a%2Fb?fieldSelector=x%21%3D1 t body"


async def test_a_redirect_is_an_answer_and_is_not_followed(transport_to):
    async def redirect(_):
        raise web.HTTPFound("http://127.0.0.1:1/elsewhere")

    async with serving(redirect) as server:
        assert (await transport_to(server).send(Request("GET", "/"))).status == 302


async def test_a_stream_comes_in_chunks_and_closing_it_tells_the_server(transport_to):
    gone = asyncio.Event()

    async def watch(request):
        response = web.StreamResponse()
        await response.prepare(request)
        try:
            while True:
                await response.write(b"x" * 100_000 + b"\n")
        finally:
            gone.set()

    async with serving(watch) as server:
        received = 0
        async with transport_to(server).stream(Request("GET", "/")) as response:
            async for chunk in response.chunks:
                received += len(chunk)
                if received > 3_000_000:
                    break
        async with asyncio.timeout(5):
            await gone.wait()


@contextmanager
def streaming_to_one_who_leaves():
    """The address of a TLS server that starts one stream and does not notice how its client ends it."""
    over = threading.Event()

    def stream():
        with server_tls().wrap_socket(listening.accept()[0], server_side=True) as connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
            over.wait()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = threading.Thread(target=stream)
        server.start()
        try:
            yield f"https://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            over.set()
            server.join()


def test_a_stream_that_is_left_keeps_nothing_open_after_the_event_loop():
    async def leave(server):
        transport = HttpTransport(server, tls=client_tls())
        async with transport.stream(Request("GET", "/")) as response:
            assert await anext(response.chunks) == b"half"
        await transport.close()

    with streaming_to_one_who_leaves() as server, warnings.catch_warnings(record=True, action="always") as unclosed:
        asyncio.run(leave(server))
        gc.collect()
    assert not unclosed


async def test_a_refused_connection_is_no_answer(transport_to):
    transport = transport_to("http://127.0.0.1:1")
    with pytest.raises(Unreachable, match=r"^GET http://127\.0\.0\.1:1/x: Connection refused$"):
        await transport.send(Request("GET", "/x?secret=1"))
    with pytest.raises(Unreachable):
        async with transport.stream(Request("GET", "/x")):
            pytest.fail("nobody is there")


async def test_a_name_that_does_not_exist_is_no_answer(transport_to):
    with pytest.raises(Unreachable, match="cannot be resolved"):
        await transport_to("http://does-not-exist.invalid").send(Request("GET", "/"))


async def hang(_writer):
    await asyncio.Event().wait()


async def hang_up(_writer):
    return


def speak(text):
    async def something_else(writer):
        writer.write(text)
        await writer.drain()

    return something_else


NO_HTTP = [speak(text) for text in (b"SSH-2.0-OpenSSH_9.2\r\n", b"HTTP/1.1 2x0 OK\r\n\r\n", b"\x15\x03\x01\x00\x02\x02\x28")]


async def stop_half_way(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
    await writer.drain()


async def start_a_stream(writer):
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n")
    await writer.drain()


async def start_a_stream_and_hang(writer):
    await start_a_stream(writer)
    await hang(writer)


@pytest.mark.parametrize("script", [hang, hang_up, *NO_HTTP, stop_half_way, start_a_stream])
async def test_what_is_no_whole_answer_in_time_is_no_answer(transport_to, script):
    async with speaking(script) as server:
        with pytest.raises(Unreachable, match=server):
            await transport_to(server, timeout=0.3).send(Request("GET", "/"))


@pytest.mark.parametrize("script", [start_a_stream, start_a_stream_and_hang])
async def test_a_stream_that_is_cut_or_silent_is_broken_after_what_came(transport_to, script):
    async with speaking(script) as server, transport_to(server, idle=0.3).stream(Request("GET", "/")) as response:
        assert await anext(response.chunks) == b"half"
        with pytest.raises(Unreachable, match=server):
            await anext(response.chunks)


async def test_a_trusted_server_is_spoken_to_and_an_untrusted_one_is_not(transport_to):
    async with serving(echo, server_tls()) as server:
        assert (await transport_to(server, tls=client_tls()).send(Request("GET", "/"))).status == 201
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            await transport_to(server, tls=client_tls("other.pem")).send(Request("GET", "/"))
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            await transport_to(server).send(Request("GET", "/"))


async def test_a_server_that_is_reached_by_another_name_is_checked_for_its_own(transport_to):
    async with serving(echo, server_tls()) as server:
        own = transport_to(server, tls=client_tls(), tls_server_name="localhost")
        assert (await own.send(Request("GET", "/"))).status == 201
        async with own.stream(Request("GET", "/")) as response:
            assert response.status == 201
        with pytest.raises(Unreachable, match="certificate is not trusted"):
            await transport_to(server, tls=client_tls(), tls_server_name="k8s.example").send(Request("GET", "/"))


async def test_a_client_certificate_is_shown(transport_to):
    async def who(request):
        return web.Response(text=str(dict(part[0] for part in request.get_extra_info("peercert")["subject"])))

    async with serving(who, server_tls(wants_client=True)) as server:
        response = await transport_to(server, tls=client_tls(certificate=True)).send(Request("GET", "/"))
        assert b"'commonName': 'admin'" in response.body
        with pytest.raises(Unreachable):
            await transport_to(server, tls=client_tls()).send(Request("GET", "/"))


async def test_more_requests_than_connections_are_all_answered(transport_to):
    async with serving(echo) as server:
        transport = transport_to(server, connections=4)
        answers = await asyncio.gather(*(transport.send(Request("GET", f"/{number}")) for number in range(100)))
    assert {answer.status for answer in answers} == {201}


async def test_a_client_speaks_over_the_network():
    async def pods(_):
        return web.json_response({"metadata": {"resourceVersion": "1"}, "items": [{"metadata": {"name": "a"}}]})

    async with serving(pods) as server:
        client = await connect(Access(server))
        assert [pod.metadata.name for pod in await client.list(POD)] == ["a"]
        await client.close()
