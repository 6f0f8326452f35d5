"""The server's metrics, in a registry of their own."""

from __future__ import annotations

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4

from midonet_kubernetes.minimidonet.server.api import ROOT

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
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
        self.registry = CollectorRegistry()
        self._collections = collections
        self._requests = Counter(
            "minimidonet_requests_total", "Requests answered", ("method", "resource", "code"), registry=self.registry
        )
        self._seconds = Histogram(
            "minimidonet_request_duration_seconds",
            "From the request's head to its answer, durable",
            ("method",),
            registry=self.registry,
            buckets=_BUCKETS,
        )
        for name, text, value in (
            ("minimidonet_streams", "Streams of hosts that are open", streams),
            ("minimidonet_hosts_alive", "Hosts whose lease runs", alive),
            ("minimidonet_revision", "Revision of the store", revision),
        ):
            Gauge(name, text, registry=self.registry).set_function(value)
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
