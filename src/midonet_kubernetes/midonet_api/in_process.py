"""The transport to a server in this process: its handler, called directly."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.exchange import Request, Response, StreamedResponse

Handle = Callable[[Request], Response]
Stream = Callable[[Request], AbstractAsyncContextManager[StreamedResponse]]


class InProcessTransport:
    """An ``exchange.Transport`` to a handler.

    Args:
        handle: answers a request.
        stream: answers one as it comes; None: the whole answer of ``handle`` in one chunk.
    """

    def __init__(self, handle: Handle, stream: Stream | None = None) -> None:
        self._handle, self._stream = handle, stream
        self._closed = False

    async def send(self, request: Request) -> Response:
        """See ``Transport``."""
        self._check_open()
        return self._handle(request)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[StreamedResponse]:
        """See ``Transport``."""
        self._check_open()
        if self._stream is None:
            response = self._handle(request)
            yield StreamedResponse(response.status, response.headers, _once(response.body))
            return
        async with self._stream(request) as streamed:
            yield streamed

    async def close(self) -> None:
        """See ``Transport``."""
        self._closed = True

    def _check_open(self) -> None:
        if self._closed:
            raise Unreachable("the transport is closed")


async def _once(body: bytes) -> AsyncIterator[bytes]:
    if body:
        yield body
