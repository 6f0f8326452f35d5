"""Connection tracking in memory: only what a test says was tracked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection

from midonet_kubernetes.linux.kernel import Flow, Usage

_LIMIT = 262144


class TwinConntrack:
    """``kernel.Conntrack``."""

    def __init__(self, flows: Counter[Flow]) -> None:
        self._flows = flows

    def usage(self) -> Usage:
        """See ``kernel.Conntrack``."""
        return Usage(self._flows.total(), _LIMIT)

    def forget(self, flows: Collection[Flow]) -> int:
        """See ``kernel.Conntrack``."""
        return sum(self._flows.pop(flow, 0) for flow in set(flows))

    def close(self) -> None:
        """See ``kernel.Conntrack``."""
