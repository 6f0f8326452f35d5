from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest

from midonet_kubernetes.errors import Unreachable, UserError
from midonet_kubernetes.exchange import Request
from midonet_kubernetes.midonet_api import HttpTransport, tls_context


@asynccontextmanager
async def answering(answer: bytes, *, stays_open: bool = False):
    done = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        await writer.drain()
        if stays_open:
            await done.wait()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    transport = HttpTransport(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/midonet-api", timeout=5, idle=0.2)
    try:
        yield transport
    finally:
        done.set()
        await transport.close()
        server.close()
        await server.wait_closed()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nshort",
        b"HTTP/1.1 2x0 OK\r\n\r\n",
        b"\x15\x03\x01\x00\x02\x02\x28",
    ],
)
async def test_what_is_no_answer_is_unreachable(answer):
    async with answering(answer) as transport:
        with pytest.raises(Unreachable, match=r"http://127.0.0.1:\d+: GET /midonet-api/x: "):
            await transport.send(Request("GET", "/midonet-api/x?secret=1"))


async def test_nobody_listening_is_unreachable():
    transport = HttpTransport("http://127.0.0.1:1")
    with pytest.raises(Unreachable):
        await transport.send(Request("GET", "/"))
    with pytest.raises(Unreachable):
        async with transport.stream(Request("GET", "/")):
            pass
    await transport.close()
    await transport.close()


async def test_a_redirect_is_an_answer_and_header_names_are_in_lower_case():
    async with answering(b"HTTP/1.1 302 Found\r\nLocation: /x\r\nX-Any: 1\r\nContent-Length: 0\r\n\r\n") as transport:
        answer = await transport.send(Request("GET", "/"))
    assert (answer.status, answer.headers["location"], answer.headers["x-any"]) == (302, "/x", "1")


async def test_a_stream_that_falls_silent_is_unreachable():
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n"
    async with answering(head, stays_open=True) as transport, transport.stream(Request("GET", "/")) as streamed:
        chunks = aiter(streamed.chunks)
        assert await anext(chunks) == b"abc"
        with pytest.raises(Unreachable):
            await anext(chunks)


def test_a_file_that_holds_no_certificate_is_said(tmp_path):
    path = tmp_path / "ca.pem"
    for content in (None, "no certificate"):
        if content is not None:
            path.write_text(content)
        with pytest.raises(UserError, match="give the certificate of the server's CA"):
            tls_context(str(path))
