"""Which component of a real cluster is missing when pods do not come. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

Object = Mapping[str, Any]


def absentee(deployments: Iterable[Object], pods: Iterable[Object]) -> str:
    """What keeps the pods from being made or placed, in a sentence; "" when nothing is seen.

    Args:
        deployments: of the lab.
        pods: of the lab.
    """
    for deployment in deployments:
        name, status = deployment["metadata"]["name"], deployment.get("status") or {}
        if "observedGeneration" not in status:
            return f"nobody acts on Deployment {name}: kube-controller-manager does not run at this cluster"
        if refused := _message(status, "ReplicaFailure", "True"):
            return f"the cluster makes no pods for Deployment {name}: {refused}"
        if deployment["spec"].get("replicas", 1) and not status.get("replicas"):
            return f"nobody makes pods for Deployment {name}: kube-controller-manager runs without its replicaset controller"
    for pod in pods:
        name, status = pod["metadata"]["name"], pod.get("status") or {}
        if not pod["spec"].get("nodeName"):
            why = _message(status, "PodScheduled", "False")
            return f"Pod {name} is placed nowhere: " + (why or "kube-scheduler does not run at this cluster")
    return ""


def _message(status: Object, type_: str, value: str) -> str:
    conditions = status.get("conditions") or ()
    return next((one.get("message", "") for one in conditions if (one["type"], one["status"]) == (type_, value)), "")
