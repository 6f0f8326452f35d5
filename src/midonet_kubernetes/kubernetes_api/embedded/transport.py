"""The in-memory transport: our client's requests go straight to an embedded API."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from midonet_kubernetes.exchange import Request, Response, StreamedResponse
from midonet_kubernetes.kubernetes_api.embedded.api import Api


class EmbeddedTransport:
    """An ``exchange.Transport`` to an API in this process.

    Args:
        api: the server.
    """

    def __init__(self, api: Api) -> None:
        self._api = api

    async def send(self, request: Request) -> Response:
        """Answer a request."""
        return await self._api.handle(request)

    def stream(self, request: Request) -> AbstractAsyncContextManager[StreamedResponse]:
        """Answer a request as a stream."""
        return self._api.stream(request)

    async def close(self) -> None:
        """Nothing is held."""
