"""The API on sockets."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Sequence
from dataclasses import dataclass

from aiohttp import web

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.kubernetes_api.embedded.api import Api

_LARGEST = 3 * 1024 * 1024  # bytes of a request's body; kube-apiserver's limit


@dataclass(frozen=True, slots=True)
class Listeners:
    """Where to listen.

    Args:
        addresses: host and port of each socket to make; port 0 takes a free one.
        sockets: listening sockets that exist already, as inherited ones.
        tls: how connections are secured; None for plain HTTP.
    """

    addresses: Sequence[tuple[str, int]] = ()
    sockets: Sequence[socket.socket] = ()
    tls: ssl.SSLContext | None = None


class HttpFace:
    """Serves an API over HTTP.

    Args:
        api: what answers.
        listeners: where.
    """

    def __init__(self, api: Api, listeners: Listeners) -> None:
        self._api, self._listeners = api, listeners
        server = web.Server(self._answer, handler_cancellation=True, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=2.0, client_max_size=_LARGEST)

    async def start(self) -> list[str]:
        """Listen.

        Returns:
            The URL of each listener, made sockets first.

        Raises:
            OSError: an address cannot be listened on.
        """
        await self._runner.setup()
        tls = self._listeners.tls
        for host, port in self._listeners.addresses:
            await web.TCPSite(self._runner, host or None, port, ssl_context=tls, backlog=1024).start()
        for inherited in self._listeners.sockets:
            await web.SockSite(self._runner, inherited, ssl_context=tls, backlog=1024).start()
        scheme = "https" if tls else "http"
        return [f"{scheme}://{host}:{port}" for host, port, *_ in self._runner.addresses]

    async def stop(self) -> None:
        """End the watches, let answers that are under way finish, close the sockets."""
        self._api.close()
        await self._runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.read() if request.can_read_body else b""
        asked = Request(request.method, request.raw_path, dict(request.headers), body)
        if "watch=" in request.raw_path:
            return await self._stream(request, asked)
        answer = await self._api.handle(asked)
        return web.Response(status=answer.status, headers=dict(answer.headers), body=answer.body)

    async def _stream(self, request: web.BaseRequest, asked: Request) -> web.StreamResponse:
        async with self._api.stream(asked) as answer:
            response = web.StreamResponse(status=answer.status, headers=dict(answer.headers))
            response.enable_chunked_encoding()
            await response.prepare(request)
            async for chunk in answer.chunks:
                await response.write(chunk)
            await response.write_eof()
            return response
