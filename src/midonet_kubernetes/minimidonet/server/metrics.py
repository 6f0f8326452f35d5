"""The server's metrics, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aiohttp import web
from prometheus_client import Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from midonet_kubernetes.minimidonet.server.api import ROOT
from midonet_kubernetes.observability import Metric, Metrics

PREFIX = "minimidonet_"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

REQUESTS = Metric(Counter, PREFIX + "requests_total", "Requests answered", ("method", "resource", "code"))
REQUEST_SECONDS = Metric(
    Histogram, PREFIX + "request_duration_seconds", "From the request's head to its answer, durable", ("method",), SECONDS
)
STREAMS = Metric(Gauge, PREFIX + "streams", "Streams of hosts that are open")
HOSTS_ALIVE = Metric(Gauge, PREFIX + "hosts_alive", "Hosts whose lease runs")
REVISION = Metric(Gauge, PREFIX + "revision", "Revision of the store")

SERVER_METRICS: tuple[Metric[Any], ...] = (REQUESTS, REQUEST_SECONDS, STREAMS, HOSTS_ALIVE, REVISION)

_METHODS = frozenset(("GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"))


class ServerMetrics:
    """What the server counts.

    Args:
        collections: the first segments of paths that are counted by name; others are "other".
        streams: how many streams are open.
        alive: how many hosts are alive.
        revision: of the store.
    """

    def __init__(
        self,
        collections: frozenset[str],
        *,
        streams: Callable[[], float],
        alive: Callable[[], float],
        revision: Callable[[], float],
    ) -> None:
        metrics = Metrics(SERVER_METRICS)
        self.registry = metrics.registry
        self._collections = collections
        self._requests, self._seconds = metrics[REQUESTS], metrics[REQUEST_SECONDS]
        for gauge, value in ((STREAMS, streams), (HOSTS_ALIVE, alive), (REVISION, revision)):
            metrics[gauge].set_function(value)
        self._children: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, method: str, path: str, status: int, seconds: float) -> None:
        """One request."""
        key = (method, self._resource(path), status)
        children = self._children.get(key)
        if children is None:
            name = method if method in _METHODS else "other"
            children = self._requests.labels(name, key[1], str(status)), self._seconds.labels(name)
            if method in _METHODS:
                self._children[key] = children
        children[0].inc()
        children[1].observe(seconds)

    def response(self) -> web.Response:
        """All of it in Prometheus' text format."""
        return web.Response(body=generate_latest(self.registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    def _resource(self, path: str) -> str:
        if not path.startswith(ROOT):
            return "extensions" if path.startswith("/minimidonet/") else "other"
        name = path[len(ROOT) + 1 :].partition("?")[0].partition("/")[0]
        return name if name in self._collections else "other"
