"""A chain that only rejects: a Service without endpoints. Its address is in a set, and what is sent there is refused at once."""

from __future__ import annotations

from collections.abc import Sequence

from midonet_kubernetes.model.midonet import Rule
from midonet_kubernetes.topology.passes.folding import given, live_rules


def refuses(rules: Sequence[Rule]) -> bool:
    """Whether a chain rejects every packet."""
    live = live_rules(rules)
    return len(live) == 1 and live[0].type == "reject" and not given(live[0])
