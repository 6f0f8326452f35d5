"""A Deployment's status, as ``kubectl rollout status`` and ``kubectl wait --for=condition=Available`` read it."""

from __future__ import annotations

import math
from datetime import datetime

from midonet_kubernetes.kubernetes_api.embedded.durations import timestamp
from midonet_kubernetes.kubernetes_api.embedded.failures import Json


def bounds(deployment: Json) -> tuple[int, int]:
    """How many Pods a rolling update may have too many, and too few."""
    wanted, rolling = deployment["spec"]["replicas"], deployment["spec"]["strategy"].get("rollingUpdate", {})
    surge = _absolute(rolling.get("maxSurge", 0), wanted, up=True)
    unavailable = _absolute(rolling.get("maxUnavailable", 0), wanted, up=False)
    return surge, unavailable if surge or unavailable else 1


def _absolute(value: int | str, whole: int, *, up: bool) -> int:
    if isinstance(value, int):
        return value
    share = int(value.removesuffix("%")) * whole / 100
    return math.ceil(share) if up else math.floor(share)


def status_of(deployment: Json, new: Json | None, sets: list[Json], now: datetime) -> Json:
    """The status that follows from the ReplicaSets.

    Args:
        deployment: with its present status.
        new: the ReplicaSet of the present template.
        sets: all of its ReplicaSets.
        now: for conditions that change.
    """
    about, wanted = deployment["metadata"], deployment["spec"]["replicas"]
    total, ready, available = (_sum(sets, name) for name in ("replicas", "readyReplicas", "availableReplicas"))
    updated = _sum([new] if new else [], "replicas")
    numbers = {
        "observedGeneration": about["generation"],
        "replicas": total,
        "updatedReplicas": updated,
        "readyReplicas": ready,
        "availableReplicas": available,
        "unavailableReplicas": max(max(total, wanted) - available, 0),
    }
    status: Json = {name: number for name, number in numbers.items() if number}
    before = deployment.get("status", {}).get("conditions", [])
    enough = available >= wanted - bounds(deployment)[1]
    complete = updated == wanted == available and total == updated
    name = new["metadata"]["name"] if new else about["name"]
    status["conditions"] = [
        _condition(before, "Available", _AVAILABLE[enough], now),
        _condition(before, "Progressing", _progress(name, complete=complete), now),
    ]
    return status


_AVAILABLE = {
    True: ("True", "MinimumReplicasAvailable", "Deployment has minimum availability."),
    False: ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability."),
}


def _progress(name: str, *, complete: bool) -> tuple[str, str, str]:
    if complete:
        return "True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.'
    return "True", "ReplicaSetUpdated", f'ReplicaSet "{name}" is progressing.'


def _sum(sets: list[Json], name: str) -> int:
    return sum(piece.get("status", {}).get(name, 0) for piece in sets)


def _condition(before: list[Json], kind: str, what: tuple[str, str, str], now: datetime) -> Json:
    status, reason, message = what
    old = next((condition for condition in before if condition["type"] == kind), None)
    if old is not None and (old["status"], old["reason"], old["message"]) == what:
        return old
    moment = timestamp(now)
    changed = moment if old is None or old["status"] != status else old["lastTransitionTime"]
    times = {"lastUpdateTime": moment, "lastTransitionTime": changed}
    return {"type": kind, "status": status, **times, "reason": reason, "message": message}
