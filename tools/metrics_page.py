"""Prints docs/reference/metrics.md, made from the metrics themselves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from midonet_kubernetes.minimidonet.agent.observer import AGENT_METRICS
from midonet_kubernetes.minimidonet.server.metrics import SERVER_METRICS
from midonet_kubernetes.node.observer import NODE_METRICS
from midonet_kubernetes.observability import Metric
from midonet_kubernetes.observability.metrics import CONTROLLERS

HEAD = """\
# Metrics

Each program serves these at `/metrics`: the controllers and the node daemon at `MIDONETKUBE_LISTEN`, `minimidonet serve` and
`minimidonet agent` at `--listen`. This page is made from the code: `python tools/metrics_page.py > docs/reference/metrics.md`.
"""
COLUMNS = "| name | type | labels | meaning |\n|---|---|---|---|\n"


def declared(metrics: Iterable[Metric[Any]]) -> str:
    """A table of metrics as a program declares them."""
    rows = (f"| `{m.name}` | {m.type.__name__.lower()} | {', '.join(m.labels) or '-'} | {m.help} |\n" for m in metrics)
    return COLUMNS + "".join(rows)


def page() -> str:
    """The whole page."""
    sections = {
        "midonet-kube-controllers": declared(CONTROLLERS),
        "midonet-kube-node": declared(NODE_METRICS),
        "minimidonet agent": declared(AGENT_METRICS),
        "minimidonet serve": declared(SERVER_METRICS),
    }
    return HEAD + "".join(f"\n## {program}\n\n{table}" for program, table in sections.items())


if __name__ == "__main__":
    print(page(), end="")
