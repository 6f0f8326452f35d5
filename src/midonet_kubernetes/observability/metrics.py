"""The controllers' metrics, and how every program declares its own. The reference page is made from these declarations.

A program takes what it needs: ``Metrics(CONTROLLERS)`` makes the metrics in a registry of their own, so that two
programs in one process (tests, the all-in-one lab) do not meet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics

Kind = TypeVar("Kind", Counter, Gauge, Histogram)

CLIENT = "midonet_kube_controllers_midonet_client_"
CONTROLLER = "midonet_kube_controllers_"
# The buckets of Prometheus' Go client, so that dashboards of the Go integration keep working.
LATENCY_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
PUSH_BUCKETS = (*LATENCY_BUCKETS, 30.0, 60.0, 300.0, 1800.0)


@dataclass(frozen=True)
class Metric(Generic[Kind]):
    """A metric as declared.

    Args:
        type: ``Counter``, ``Gauge`` or ``Histogram`` of prometheus_client.
        name: as it is served; a counter's ends in ``_total``.
        help: as it is served.
        labels: their names.
        buckets: upper bounds, for a histogram.
    """

    type: type[Kind]
    name: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()


REQUEST_SECONDS = Metric(
    Histogram, CLIENT + "request_duration_seconds", "Latency of MidoNet API call", ("method", "resource", "code"), LATENCY_BUCKETS
)
REQUESTS = Metric(Counter, CLIENT + "requests_total", "Number of MidoNet API calls", ("method", "resource", "code"))
REQUEST_ERRORS = Metric(Counter, CLIENT + "errors_total", "Number of failed MidoNet API calls", ("method", "resource"))

WANTED = Metric(Gauge, CONTROLLER + "wanted_resources", "MidoNet objects that Translations want", ("kind",))
PUSHED = Metric(Gauge, CONTROLLER + "pushed_resources", "MidoNet objects known to be as wanted", ("kind",))
PARKED = Metric(Gauge, CONTROLLER + "parked_translations", "Translations that wait for an object another one makes")
FAILING = Metric(Gauge, CONTROLLER + "failing_translations", "Translations whose last push met an error")
QUEUE_DEPTH = Metric(Gauge, CONTROLLER + "queue_depth", "Keys that wait for a controller", ("controller",))
STATUS_DEPTH = Metric(Gauge, CONTROLLER + "statuses_waiting", "Statuses of Translations that are still to be written")
QUEUE_AGE = Metric(Gauge, CONTROLLER + "queue_oldest_seconds", "How long the oldest key has waited", ("controller",))
WATCH_LAG = Metric(Gauge, CONTROLLER + "watch_silence_seconds", "Time since the API server was last heard on a watch", ("kind",))
RECONCILED = Metric(Counter, CONTROLLER + "reconciled_total", "Objects worked on", ("controller", "result"))
UNREADABLE = Metric(Gauge, CONTROLLER + "unreadable_objects", "Objects that the API server sent and we could not read", ("kind",))
PROBLEMS = Metric(Gauge, CONTROLLER + "objects_with_problems", "Objects that cannot be translated as they are", ("controller",))
TRANSLATION_WRITES = Metric(
    Counter, CONTROLLER + "translation_writes_total", "Writes of Translations to the Kubernetes API", ("verb",)
)
PUSH_SECONDS = Metric(
    Histogram, CONTROLLER + "push_duration_seconds", "From an object's change to MidoNet's answer", (), PUSH_BUCKETS
)
PUSH_ERRORS = Metric(Counter, CONTROLLER + "push_errors_total", "Pushes that met an error", ("kind",))
DRIFT = Metric(Counter, CONTROLLER + "drift_total", "MidoNet objects found changed or missing, and put right", ("kind",))
VERIFIED = Metric(Gauge, CONTROLLER + "verified_timestamp_seconds", "When MidoNet was last compared with what is wanted")
LEADER = Metric(Gauge, CONTROLLER + "leader", "1 while this replica holds the Lease")
EVENTS_DROPPED = Metric(Gauge, CONTROLLER + "events_dropped", "Kubernetes Events that could not be written in time")

CONTROLLERS: tuple[Metric[Any], ...] = (
    REQUEST_SECONDS,
    REQUESTS,
    REQUEST_ERRORS,
    WANTED,
    PUSHED,
    PARKED,
    FAILING,
    QUEUE_DEPTH,
    STATUS_DEPTH,
    QUEUE_AGE,
    WATCH_LAG,
    RECONCILED,
    PROBLEMS,
    UNREADABLE,
    TRANSLATION_WRITES,
    PUSH_SECONDS,
    PUSH_ERRORS,
    DRIFT,
    VERIFIED,
    LEADER,
    EVENTS_DROPPED,
)


class Metrics:
    """The metrics of one program, in a registry of their own.

    Args:
        declared: what the program has.
    """

    def __init__(self, declared: Iterable[Metric[Any]]) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # else each has one more series, which no contract names
        self.registry = CollectorRegistry()
        self._made: dict[str, Any] = {metric.name: self._make(metric) for metric in declared}

    def __getitem__(self, metric: Metric[Kind]) -> Kind:
        """The live metric.

        Raises:
            KeyError: the program did not declare it.
        """
        made: Kind = self._made[metric.name]
        return made

    def _make(self, metric: Metric[Any]) -> Any:
        extra = {"buckets": metric.buckets} if metric.buckets else {}
        return metric.type(metric.name, metric.help, metric.labels, registry=self.registry, **extra)
