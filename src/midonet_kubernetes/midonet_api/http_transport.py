"""The transport over the network: one aiohttp session for one server. Nothing else here knows HTTP."""

from __future__ import annotations

import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
from yarl import URL

from midonet_kubernetes.errors import Unreachable, UserError
from midonet_kubernetes.exchange import Request, Response, StreamedResponse

_CONNECT_SECONDS = 10.0
_READ_BUFFER = 256 * 1024  # bytes
# MidoNet closes a connection that was idle for 30 s without a word (rest-api 11.4).
_KEEP_ALIVE_SECONDS = 20.0
_FAILURES = (aiohttp.ClientError, TimeoutError, OSError, ValueError)  # ValueError: an answer that is no HTTP


class HttpTransport:
    """An ``exchange.Transport`` to a server.

    Args:
        server: URL; only scheme, host and port count.
        tls: how to check the server; None is the system's trust.
        timeout: seconds for a whole request that is not a stream. MidoNet itself gives up after 30.
        idle: seconds without a byte after which a stream counts as broken.
        connections: at most so many at a time.
    """

    def __init__(
        self,
        server: str,
        *,
        tls: ssl.SSLContext | None = None,
        timeout: float = 40.0,
        idle: float = 15.0,
        connections: int = 64,
    ) -> None:
        parts = urlsplit(server)
        self.server = f"{parts.scheme}://{parts.netloc}"
        self._tls = tls
        self._once = aiohttp.ClientTimeout(total=timeout, sock_connect=_CONNECT_SECONDS)
        self._streaming = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=idle)
        self._connections = connections
        self._opened: aiohttp.ClientSession | None = None

    async def send(self, request: Request) -> Response:
        """See ``Transport``.

        Raises:
            Unreachable: there was no usable answer.
        """
        try:
            response = await self._call(request, self._once)
            async with response:
                return Response(response.status, _lower(response), await response.read())
        except _FAILURES as error:
            raise self._unreachable(request, error) from error

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[StreamedResponse]:
        """See ``Transport``.

        Raises:
            Unreachable: on entering, or while iterating ``chunks``, when the connection breaks or is silent for too long.
        """
        try:
            response = await self._call(request, self._streaming)
        except _FAILURES as error:
            raise self._unreachable(request, error) from error
        try:
            yield StreamedResponse(response.status, _lower(response), self._chunks(request, response))
        finally:
            response.close()

    async def close(self) -> None:
        """See ``Transport``."""
        if self._opened is not None:
            await self._opened.close()
            self._opened = None

    async def _call(self, request: Request, limits: aiohttp.ClientTimeout) -> aiohttp.ClientResponse:
        return await self._session().request(
            request.method,
            URL(self.server + request.path, encoded=True),
            headers=dict(request.headers),
            data=request.body or None,
            timeout=limits,
            allow_redirects=False,
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
        )

    async def _chunks(self, request: Request, response: aiohttp.ClientResponse) -> AsyncIterator[bytes]:
        try:
            async for chunk in response.content.iter_any():
                yield chunk
        except _FAILURES as error:
            raise self._unreachable(request, error) from error

    def _session(self) -> aiohttp.ClientSession:
        if self._opened is None:
            connector = aiohttp.TCPConnector(
                limit=self._connections, ssl=self._tls or True, keepalive_timeout=_KEEP_ALIVE_SECONDS
            )
            self._opened = aiohttp.ClientSession(
                connector=connector, read_bufsize=_READ_BUFFER, cookie_jar=aiohttp.DummyCookieJar(), auto_decompress=False
            )
        return self._opened

    def _unreachable(self, request: Request, error: Exception) -> Unreachable:
        reason = str(error) or type(error).__name__
        return Unreachable(f"{self.server}: {request.method} {request.path.partition('?')[0]}: {reason}")


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Trust in the certificates of a file, instead of the system's.

    Raises:
        UserError: the file cannot be read or holds no certificate.
    """
    try:
        return ssl.create_default_context(cadata=Path(ca_file).read_text(encoding="ascii"))
    except (OSError, ssl.SSLError, ValueError) as error:
        raise UserError(f"{ca_file} is no file of PEM certificates ({error}): give the certificate of the server's CA") from error


def _lower(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}
