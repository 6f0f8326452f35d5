"""What the agent counts, and what it says of itself."""

from __future__ import annotations

from typing import Any

from prometheus_client import Counter, Gauge, Histogram

from midonet_kubernetes.linux.kernel import Usage
from midonet_kubernetes.minimidonet.agent.programmer import Report
from midonet_kubernetes.observability import Metric, Metrics

PREFIX = "minimidonet_agent_"
SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
SIZES = (1, 3, 10, 30, 100, 300, 1000, 10_000, 100_000, 1_000_000)

REVISION = Metric(Gauge, PREFIX + "revision", "Revision of the topology that was last programmed")
CONNECTED = Metric(Gauge, PREFIX + "stream_connected", "1 while the server's stream is followed")
PROGRAM_SECONDS = Metric(Histogram, PREFIX + "program_seconds", "From a commit's arrival until the kernel has it", (), SECONDS)
OPERATIONS = Metric(Histogram, PREFIX + "operations", "Operations that a change of the kernel took", ("part",), SIZES)
REFUSED = Metric(Counter, PREFIX + "refused_total", "Operations that the kernel refused")
REPAIRS = Metric(Counter, PREFIX + "repairs_total", "Things found changed by somebody else, and put right")
UNSUPPORTED = Metric(Gauge, PREFIX + "unsupported_objects", "Objects that the kernel cannot do as MidoNet would")
TRACKED = Metric(Gauge, PREFIX + "conntrack_entries", "Tracked connections of the virtual network")
TRACKED_LIMIT = Metric(Gauge, PREFIX + "conntrack_limit", "How many there may be")

AGENT_METRICS: tuple[Metric[Any], ...] = (
    REVISION,
    CONNECTED,
    PROGRAM_SECONDS,
    OPERATIONS,
    REFUSED,
    REPAIRS,
    UNSUPPORTED,
    TRACKED,
    TRACKED_LIMIT,
)


class Observer:
    """Hears of everything worth counting."""

    def __init__(self) -> None:
        self.metrics = Metrics(AGENT_METRICS)

    def connected(self, connected: bool) -> None:  # noqa: FBT001 - the truth value itself
        """The stream is there, or is not."""
        self.metrics[CONNECTED].set(connected)

    def programmed(self, revision: int, report: Report, seconds: float, unsupported: int) -> None:
        """A commit is in the kernel, as far as it can be.

        Args:
            revision: of the topology.
            report: what was done.
            seconds: since the commit came.
            unsupported: how many objects the kernel cannot do.
        """
        self.metrics[REVISION].set(revision)
        self.metrics[UNSUPPORTED].set(unsupported)
        if report.operations:
            self.metrics[PROGRAM_SECONDS].observe(seconds)
        self.worked(report)

    def worked(self, report: Report) -> None:
        """The kernel was changed."""
        if report.network:
            self.metrics[OPERATIONS].labels("network").observe(len(report.network))
        if report.rules:
            self.metrics[OPERATIONS].labels("rules").observe(report.rules)
        self.metrics[REFUSED].inc(len(report.refused))

    def repaired(self, count: int) -> None:
        """So many things were put right."""
        self.metrics[REPAIRS].inc(count)

    def tracked(self, usage: Usage) -> None:
        """How full connection tracking is."""
        self.metrics[TRACKED].set(usage.entries)
        self.metrics[TRACKED_LIMIT].set(usage.limit)
