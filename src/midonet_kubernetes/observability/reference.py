"""The reference page of all metrics: ``python -m midonet_kubernetes.observability.reference > docs/reference/metrics.md``."""

from __future__ import annotations

import sys

from midonet_kubernetes.observability.metrics import CONTROLLERS

_BEGIN = """# Metrics

Made from `observability/metrics.py`. `midonet-kube-controllers` serves these at `/metrics` of `MIDONETKUBE_LISTEN`.

| name | type | labels | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The page."""
    rows = (
        f"| `{metric.name}` | {metric.type.__name__.lower()} | {', '.join(metric.labels) or '–'} | {metric.help} |\n"  # noqa: RUF001 - a dash
        for metric in CONTROLLERS
    )
    return _BEGIN + "".join(rows)


if __name__ == "__main__":
    sys.stdout.write(page())
