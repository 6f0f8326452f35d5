"""Deleting: preconditions, propagation, grace and finalizers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from midonet_kubernetes.kubernetes_api.embedded.durations import timestamp
from midonet_kubernetes.kubernetes_api.embedded.failures import Json, conflict, forbidden, invalid, unsupported
from midonet_kubernetes.kubernetes_api.embedded.kinds.pods import is_finished
from midonet_kubernetes.kubernetes_api.embedded.metadata import drop_empty
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry, is_done
from midonet_kubernetes.kubernetes_api.embedded.resource import Resource
from midonet_kubernetes.kubernetes_api.embedded.store import Stored

FOREGROUND, ORPHAN = "foregroundDeletion", "orphan"  # finalizers that garbage collection removes when its part is done
_PERMANENT = {"default", "kube-system", "kube-public", "kube-node-lease"}


@dataclass(frozen=True, slots=True)
class Options:
    """``DeleteOptions``.

    Args:
        propagation: ``Background``, ``Foreground``, ``Orphan``, or empty for the present one.
        grace: seconds that a Pod's processes get; None for what its spec says.
        uid: delete only the object that has it; empty for any.
        revision: delete only at this resourceVersion; empty for any.
        dry_run: change nothing.
    """

    propagation: str = ""
    grace: int | None = None
    uid: str = ""
    revision: str = ""
    dry_run: bool = False


def read_options(body: Json) -> Options:
    """Read a ``DeleteOptions`` object.

    Raises:
        Failure: 422, its propagation policy is none of the three.
    """
    conditions = body.get("preconditions") or {}
    propagation = body.get("propagationPolicy") or ""
    if not propagation and body.get("orphanDependents") is not None:
        propagation = "Orphan" if body["orphanDependents"] else "Background"
    if propagation not in {"", "Background", "Foreground", "Orphan"}:
        causes = [unsupported("propagationPolicy", propagation, ("Foreground", "Background", "Orphan", "nil"))]
        raise invalid("DeleteOptions", "meta.k8s.io", "", causes)
    grace = body.get("gracePeriodSeconds")
    return Options(
        propagation,
        grace if isinstance(grace, int) else None,
        conditions.get("uid") or "",
        conditions.get("resourceVersion") or "",
        bool(body.get("dryRun")),
    )


def delete(registry: Registry, resource: Resource, namespace: str, name: str, options: Options) -> tuple[Stored, bool]:
    """Delete an object, or mark it for deletion when somebody has to finish something first.

    Returns:
        Its last state, and whether it is gone.

    Raises:
        Failure: 403, 404, or 409 when a precondition does not hold.
    """
    before = registry.get(resource, namespace, name)
    body = before.body()
    _check_preconditions(resource, body["metadata"], options)
    if resource.id == "namespaces" and name in _PERMANENT:
        raise forbidden(resource.plural, resource.group, name, "this namespace may not be deleted")
    about = body["metadata"]
    _set_propagation(about, options.propagation)
    _mark(registry, resource, body, _grace(resource, body, options.grace))
    if options.dry_run:
        return before, True
    if is_done(body):
        return registry.store.remove(before.key, body), True
    if body == before.body():
        return before, False
    return registry.store.put(before.key, body), False


def _check_preconditions(resource: Resource, about: Json, options: Options) -> None:
    for what, wanted, actual, perhaps in (
        ("UID", options.uid, about["uid"], "deleted and then recreated"),
        ("ResourceVersion", options.revision, about["resourceVersion"], "modified"),
    ):
        if wanted and wanted != actual:
            why = f"the {what} in the precondition ({wanted}) does not match the {what} in record ({actual})"
            why += f". The object might have been {perhaps}"
            raise conflict(resource.kind, resource.group, about["name"], why)


def _set_propagation(about: Json, propagation: str) -> None:
    if not propagation:
        return
    finalizers = [name for name in about.get("finalizers", []) if name not in {FOREGROUND, ORPHAN}]
    if propagation != "Background":
        finalizers.append(FOREGROUND if propagation == "Foreground" else ORPHAN)
    about["finalizers"] = finalizers
    drop_empty(about)


def _grace(resource: Resource, body: Json, asked: int | None) -> int:
    """Seconds of grace: only Pods that a kubelet looks after have any."""
    if resource.id != "pods" or not body["spec"].get("nodeName") or is_finished(body):
        return 0
    return int(body["spec"]["terminationGracePeriodSeconds"] if asked is None else asked)


def _mark(registry: Registry, resource: Resource, body: Json, grace: int) -> None:
    about = body["metadata"]
    marked = "deletionTimestamp" in about
    if marked and grace >= about.get("deletionGracePeriodSeconds", 0):
        return
    if not marked and resource.generations:
        about["generation"] = about.get("generation", 0) + 1
    about["deletionTimestamp"] = timestamp(registry.clock() + timedelta(seconds=grace))
    about["deletionGracePeriodSeconds"] = grace
    if resource.id == "namespaces":
        body.setdefault("status", {})["phase"] = "Terminating"
