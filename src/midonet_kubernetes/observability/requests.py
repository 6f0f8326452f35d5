"""Counts and times the requests that go through a transport."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import cache

from prometheus_client import Counter, Histogram

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.exchange import Request, Response, StreamedResponse, Transport
from midonet_kubernetes.observability.metrics import REQUEST_ERRORS, REQUEST_SECONDS, REQUESTS, Metrics


def media_type(request: Request) -> str:
    """The label ``resource``: the media type of the object that the request is about; empty for DELETE and login."""
    if request.method == "DELETE" or request.path.endswith("/login"):
        return ""
    headers = {name.lower(): value for name, value in request.headers.items()}
    return headers.get("content-type") or headers.get("accept") or ""


class MeasuredTransport:
    """A transport that counts what another one carries, by the metrics of the MidoNet client.

    Args:
        inner: carries the requests.
        metrics: must hold the MidoNet client's three metrics.
        clock: seconds, monotonic.
    """

    def __init__(self, inner: Transport, metrics: Metrics, clock: Callable[[], float] = time.perf_counter) -> None:
        self._inner, self._clock = inner, clock
        self._seconds, self._requests = metrics[REQUEST_SECONDS], metrics[REQUESTS]
        self._errors = metrics[REQUEST_ERRORS]
        self._counters = cache(self._find_counters)  # finding them costs as much as counting, and there are few

    async def send(self, request: Request) -> Response:
        """Send; no answer counts as an error, any answer as a request with its status."""
        method, resource = request.method.lower(), media_type(request)
        begin = self._clock()
        try:
            response = await self._inner.send(request)
        except Unreachable:
            self._errors.labels(method, resource).inc()
            raise
        seconds, requests = self._counters(method, resource, response.status)
        seconds.observe(self._clock() - begin)
        requests.inc()
        return response

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[StreamedResponse]:
        """Streams are passed on, uncounted: their length is not a latency."""
        async with self._inner.stream(request) as streamed:
            yield streamed

    async def close(self) -> None:
        """Close the inner transport."""
        await self._inner.close()

    def _find_counters(self, method: str, resource: str, status: int) -> tuple[Histogram, Counter]:
        labels = (method, resource, str(status))
        return self._seconds.labels(*labels), self._requests.labels(*labels)
