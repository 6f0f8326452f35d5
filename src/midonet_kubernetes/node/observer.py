"""What is told to people about the daemon's work: metrics and Events."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from midonet_kubernetes.observability import Metric, Metrics

PREFIX = "midonet_kube_node_"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)

OPERATION_SECONDS = Metric(
    Histogram, PREFIX + "cni_operation_seconds", "Time that a CNI operation takes in the daemon", ("command",), SECONDS
)
OPERATIONS = Metric(
    Counter, PREFIX + "cni_operations_total", "CNI operations by their error code, 0 for success", ("command", "code")
)
ADDRESSES = Metric(Gauge, PREFIX + "addresses", "Addresses of the podCIDR", ("state",))
REPAIRS = Metric(Counter, PREFIX + "repairs_total", "Things found to be not as they should be, and put right")

NODE_METRICS: tuple[Metric[Any], ...] = (OPERATION_SECONDS, OPERATIONS, ADDRESSES, REPAIRS)


class Observer:
    """Hears of everything worth counting; may be called in any thread.

    Args:
        warn: reason and message of an Event about the Node.
    """

    def __init__(self, warn: Callable[[str, str], None] = lambda _reason, _message: None) -> None:
        self.metrics, self.warn = Metrics(NODE_METRICS), warn

    def operation(self, command: str, code: int, seconds: float) -> None:
        """A CNI operation has ended.

        Args:
            command: as in CNI_COMMAND; "" when the request could not be read.
            code: of the error, 0 for success.
            seconds: how long it took.
        """
        self.metrics[OPERATION_SECONDS].labels(command).observe(seconds)
        self.metrics[OPERATIONS].labels(command, str(code)).inc()

    def repaired(self, count: int) -> None:
        """So many things were put right."""
        self.metrics[REPAIRS].inc(count)

    def addresses(self, held: int, free: int) -> None:
        """How the pool stands."""
        self.metrics[ADDRESSES].labels("held").set(held)
        self.metrics[ADDRESSES].labels("free").set(free)
