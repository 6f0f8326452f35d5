"""How a program is watched: one list of every metric, health, profiles for ``go tool pprof``, logs without secrets.

``serve(listen, registry=…, health=…, ready=…)`` starts the listener; ``configure(level, form, redactor)`` the logs;
``Metrics(declared)`` makes the metrics of a program.
"""

from __future__ import annotations

from midonet_kubernetes.observability.listener import Check, Listener, serve
from midonet_kubernetes.observability.logs import Redactor, configure
from midonet_kubernetes.observability.metrics import Metric, Metrics

__all__ = ["Check", "Listener", "Metric", "Metrics", "Redactor", "configure", "serve"]
