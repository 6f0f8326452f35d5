"""The whole server but its ports: one object answers every request and every stream."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from urllib.parse import parse_qsl

import msgspec

from midonet_kubernetes.exchange import Request, Response, StreamedResponse
from midonet_kubernetes.minimidonet.auth.access import Access
from midonet_kubernetes.minimidonet.quirks import Quirks
from midonet_kubernetes.minimidonet.rest.media import JSON
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.server.agents import Agents
from midonet_kubernetes.minimidonet.server.api import Api, compressed, refused
from midonet_kubernetes.minimidonet.server.extensions import PREFIX, Extensions
from midonet_kubernetes.minimidonet.server.hub import Hub
from midonet_kubernetes.minimidonet.store.store import Store

_JSON_HEADERS = {"content-type": JSON, "vary": "Accept-Encoding"}
_STREAM_HEADERS = {"content-type": "application/x-ndjson"}


class Service:
    """MidoNet's API and the extensions over one store.

    Args:
        store: what it is about.
        quirks: which of MidoNet's defects are shown.
        access: who may do anything.
        clock: seconds that only go forward, for leases.
    """

    def __init__(
        self,
        store: Store,
        *,
        quirks: Quirks | None = None,
        access: Access | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.store = store
        self.agents = Agents(clock)
        self.hub = Hub(store)
        self._api = Api(store, quirks=quirks, access=access, is_alive=self.agents.is_alive)
        self._extensions = Extensions(store, self.agents)

    def handle(self, request: Request) -> Response:
        """The answer to any request but a stream. What it wrote is safe after ``store.durable()``."""
        if not request.path.startswith(PREFIX):
            return self._api.handle(request)
        headers = {name.lower(): value for name, value in request.headers.items()}
        method = request.method.upper()
        try:
            self._api.access.check(headers)
            path, _, query = request.path[len(PREFIX) :].partition("?")
            value = self._extensions.answer(method, path, query, request.body)
        except Refusal as refusal:
            return refused(refusal)
        response = compressed(Response(200, _JSON_HEADERS, msgspec.json.encode(value)), headers)
        return Response(200, response.headers) if method == "HEAD" else response

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[StreamedResponse]:
        """The answer to a GET of a host's stream, as it comes; a refusal comes in one chunk."""
        try:
            chunks = self._lines(request)
        except Refusal as refusal:
            response = refused(refusal)
            yield StreamedResponse(response.status, response.headers, _once(response.body))
            return
        try:
            yield StreamedResponse(200, _STREAM_HEADERS, chunks)
        finally:
            await chunks.aclose()

    def _lines(self, request: Request) -> AsyncGenerator[bytes, None]:
        self._api.access.check({name.lower(): value for name, value in request.headers.items()})
        path, _, query = request.path.partition("?")
        host = path[len(PREFIX) :].strip("/").split("/")[1].lower()
        if self.store.tables.get("Host", host) is None:
            raise Refusal(404, f"There is no host {host[:80]}: its agent has to register it first")
        asked = dict(parse_qsl(query))
        return self.hub.lines(host, asked.get("store", ""), _revision(asked))


def is_stream(method: str, path: str) -> bool:
    """Whether a request is for a host's stream."""
    return method == "GET" and path.startswith(f"{PREFIX}/hosts/") and path.partition("?")[0].endswith("/stream")


def _revision(asked: Mapping[str, str]) -> int | None:
    text = asked.get("revision", "")
    if not text:
        return None
    if not text.isascii() or not text.isdigit() or len(text) > 18:
        raise bad_request("revision has to be a number")
    return int(text)


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
