"""The transport over the network: one aiohttp session for one server. No client knows more of HTTP than ``exchange``."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import aiohttp
from yarl import URL

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.exchange import Request, Response, StreamedResponse

_READ_BUFFER = 256 * 1024  # bytes; more makes watches slower
_CONNECT_SECONDS = 10.0
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

_FAILURES = (aiohttp.ClientError, TimeoutError, OSError, ValueError)  # ValueError: an answer that is no HTTP header


class HttpTransport:
    """An ``exchange.Transport`` to a server.

    Args:
        server: ``http://`` or ``https://``, host, port, and a path prefix if the server has one.
        tls: how to check the server and which certificate to show; None is the system's trust.
        tls_server_name: to whom the server's certificate has to be made out, "" for the host of ``server``.
        timeout: seconds for a whole request that is not a stream.
        idle: seconds without a byte after which a stream counts as broken.
        keep_alive: seconds for which an idle connection may be used again.
        connections: at most so many at a time, streams included.
        verbatim: send the request's own headers only, and give back a packed body as it came.
    """

    def __init__(
        self,
        server: str,
        *,
        tls: ssl.SSLContext | None = None,
        tls_server_name: str = "",
        timeout: float = 60.0,
        idle: float = 120.0,
        keep_alive: float = 15.0,
        connections: int = 128,
        verbatim: bool = False,
    ) -> None:
        self._server = server.rstrip("/")
        self._tls, self._tls_server_name = tls, tls_server_name or None
        self._once = aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT_SECONDS)
        self._streaming = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=idle)
        self._keep_alive, self._connections, self._verbatim = keep_alive, connections, verbatim
        self._opened: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Response:
        """Send and read the whole answer.

        Raises:
            Unreachable: there was no usable answer.
        """
        try:
            async with await self._call(request, self._once) as response:
                return Response(response.status, _lower(response.headers), await response.read())
        except _FAILURES as error:
            raise self._unreachable(request, error) from error

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[StreamedResponse]:
        """Send and read the answer as it comes; leaving the context closes the connection.

        Raises:
            Unreachable: on entering, or while iterating ``chunks``, when the connection breaks or is silent for too long.
        """
        try:
            response = await self._call(request, self._streaming)
        except _FAILURES as error:
            raise self._unreachable(request, error) from error
        try:
            yield StreamedResponse(response.status, _lower(response.headers), self._chunks(request, response))
        finally:
            # Left in the middle, it is cut: a polite end over TLS waits for the server, perhaps longer than the event loop lives.
            if response.connection is not None and response.connection.transport is not None:
                response.connection.transport.abort()
            response.close()

    async def close(self) -> None:
        """Close all connections. Closing twice is fine."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def _call(self, request: Request, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        if self._opened is None:
            self._opened = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=self._connections, ssl=self._tls or True, keepalive_timeout=self._keep_alive
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                read_bufsize=_READ_BUFFER,
                auto_decompress=not self._verbatim,
                skip_auto_headers=_AUTOMATIC if self._verbatim else (),
            )
        return await self._opened.request(
            request.method,
            URL(self._server + request.path, encoded=True),
            headers=request.headers,
            data=request.body or None,
            timeout=limits,
            server_hostname=self._tls_server_name,
            allow_redirects=False,
        )

    async def _chunks(self, request: Request, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            async for chunk in response.content.iter_any():
                yield chunk
        except _FAILURES as error:
            raise self._unreachable(request, error) from error

    def _unreachable(self, request: Request, error: Exception) -> Unreachable:
        return Unreachable(f"{request.method} {self._server}{request.path.partition('?')[0]}: {_why(error)}")


def _why(error: Exception) -> str:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"its certificate is not trusted ({error.certificate_error}); is this the right certificate authority?"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return f"its name cannot be resolved ({error.os_error.strerror})"
    if isinstance(error, aiohttp.ClientConnectorError) and error.os_error.errno:
        return os.strerror(error.os_error.errno)
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return str(error) or type(error).__name__


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}
