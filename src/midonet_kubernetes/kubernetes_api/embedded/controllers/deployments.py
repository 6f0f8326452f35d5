"""Deployments make ReplicaSets, one for each template they have had, and shift Pods from the old ones to the new one."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterable

import msgspec

from midonet_kubernetes.kubernetes_api.embedded import deletion
from midonet_kubernetes.kubernetes_api.embedded.controllers.controller import RegistryController, Subject, controlled
from midonet_kubernetes.kubernetes_api.embedded.controllers.deployment_status import bounds, status_of
from midonet_kubernetes.kubernetes_api.embedded.controllers.replica_sets import owner_reference
from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.kinds.workloads import DEPLOYMENTS, REPLICA_SETS
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Key, Stored

_HASH = "pod-template-hash"
_REVISION = "deployment.kubernetes.io/revision"


class Deployments(RegistryController):
    """Rolls Deployments out."""

    def affected(self, change: Change) -> Iterable[Subject]:
        """A Deployment, that of a ReplicaSet, and that of a Pod that is gone (``Recreate`` waits for it)."""
        key = change.now.key
        if key.resource == DEPLOYMENTS.id:
            return [(key.namespace, key.name)]
        if key.resource == REPLICA_SETS.id:
            return self._owners(change.now.owners, DEPLOYMENTS.id)
        if key.resource == "pods" and change.type == "DELETED":
            sets = [
                self.store.get(Key(REPLICA_SETS.id, *subject)) for subject in self._owners(change.now.owners, REPLICA_SETS.id)
            ]
            return [subject for piece in sets if piece for subject in self._owners(piece.owners, DEPLOYMENTS.id)]
        return ()

    def _owners(self, uids: Iterable[str], resource: str) -> list[tuple[str, str]]:
        owners = [owner for owner in map(self.store.by_uid, uids) if owner is not None and owner.key.resource == resource]
        return [(owner.key.namespace, owner.key.name) for owner in owners]

    def reconcile(self, subject: Subject) -> None:
        """One step of the rollout; its effects bring on the next."""
        namespace, name = subject
        stored = self.store.get(Key(DEPLOYMENTS.id, namespace, name))
        if stored is None:
            return
        deployment = stored.body()
        sets = sorted(
            (piece.body() for piece in controlled(self.store, stored.uid, REPLICA_SETS.id)),
            key=lambda piece: (piece["metadata"]["creationTimestamp"], piece["metadata"]["name"]),
        )
        new = next((piece for piece in sets if _template(piece) == deployment["spec"]["template"]), None)
        if not deployment["metadata"].get("deletionTimestamp"):
            if new is None and not deployment["spec"].get("paused"):
                new = self._create(deployment, sets)
                sets.append(new)
            if new is not None:
                self._mark_revision(deployment, new, sets)
                self._shift(deployment, new, [piece for piece in sets if piece is not new])
                self._forget_oldest(deployment, new, sets)
        status = status_of(deployment, new, sets, self.registry.clock())
        self.registry.update(DEPLOYMENTS, namespace, name, lambda body: body | {"status": status}, status=True)

    def _create(self, deployment: Json, sets: list[Json]) -> Json:
        about, spec = deployment["metadata"], deployment["spec"]
        digest = hashlib.sha256(msgspec.json.encode(spec["template"], order="deterministic")).hexdigest()[:10]
        template = copy.deepcopy(spec["template"])
        template["metadata"].setdefault("labels", {})[_HASH] = digest
        selector = copy.deepcopy(spec["selector"])
        selector.setdefault("matchLabels", {})[_HASH] = digest
        body = {
            "metadata": {
                "name": f"{about['name']}-{digest}",
                "labels": dict(template["metadata"]["labels"]),
                "annotations": {_REVISION: str(1 + max(map(_revision, sets), default=0))},
                "ownerReferences": [owner_reference(deployment)],
            },
            "spec": {"replicas": 0, "selector": selector, "template": template},
        }
        return self.registry.create(REPLICA_SETS, about["namespace"], body).body()

    def _mark_revision(self, deployment: Json, new: Json, sets: list[Json]) -> None:
        """An old template that is used again becomes the newest revision (``kubectl rollout undo``)."""
        newest = max(map(_revision, sets))
        if _revision(new) < newest:
            self._annotate(new, str(newest + 1))
        if deployment["metadata"].get("annotations", {}).get(_REVISION) != str(_revision(new)):
            self._annotate(deployment, str(_revision(new)))

    def _annotate(self, body: Json, revision: str) -> None:
        resource = REPLICA_SETS if body["kind"] == "ReplicaSet" else DEPLOYMENTS
        body["metadata"].setdefault("annotations", {})[_REVISION] = revision

        def edit(present: Json) -> Json:
            present["metadata"].setdefault("annotations", {})[_REVISION] = revision
            return present

        self.registry.update(resource, body["metadata"]["namespace"], body["metadata"]["name"], edit)

    def _shift(self, deployment: Json, new: Json, old: list[Json]) -> None:
        wanted = deployment["spec"]["replicas"]
        if deployment["spec"]["strategy"]["type"] == "Recreate":
            for piece in old:
                self._scale(piece, 0)
            if not any(_runs(pod) for piece in old for pod in controlled(self.store, piece["metadata"]["uid"], "pods")):
                self._scale(new, wanted)
            return
        surge, unavailable = bounds(deployment)
        total = new["spec"]["replicas"] + sum(piece["spec"]["replicas"] for piece in old)
        room = max(wanted + surge - total, 0)
        self._scale(new, min(wanted, new["spec"]["replicas"] + room))
        self._scale_down(old, new, wanted - unavailable)

    def _scale_down(self, old: list[Json], new: Json, least: int) -> None:
        """Take Pods from the old sets: those that are not available first, as many as keep ``least`` available."""
        total = new["spec"]["replicas"] + sum(piece["spec"]["replicas"] for piece in old)
        budget = total - least - (new["spec"]["replicas"] - _available(new))
        for piece in old:
            idle = min(max(piece["spec"]["replicas"] - _available(piece), 0), max(budget, 0))
            self._scale(piece, piece["spec"]["replicas"] - idle)
            budget -= idle
        spare = _available(new) + sum(min(_available(piece), piece["spec"]["replicas"]) for piece in old) - least
        for piece in old:
            surplus = min(piece["spec"]["replicas"], max(spare, 0))
            self._scale(piece, piece["spec"]["replicas"] - surplus)
            spare -= surplus

    def _scale(self, piece: Json, replicas: int) -> None:
        if piece["spec"]["replicas"] == replicas:
            return
        piece["spec"]["replicas"] = replicas

        def edit(body: Json) -> Json:
            body["spec"]["replicas"] = replicas
            return body

        about = piece["metadata"]
        self.registry.update(REPLICA_SETS, about["namespace"], about["name"], edit)

    def _forget_oldest(self, deployment: Json, new: Json, sets: list[Json]) -> None:
        empty = [s for s in sets if s is not new and not s["spec"]["replicas"] and not s.get("status", {}).get("replicas")]
        surplus = len(empty) - deployment["spec"]["revisionHistoryLimit"]
        for piece in sorted(empty, key=_revision)[: max(surplus, 0)]:
            about = piece["metadata"]
            deletion.delete(self.registry, REPLICA_SETS, about["namespace"], about["name"], deletion.Options())


def _runs(pod: Stored) -> bool:
    return pod.fields["status.phase"] not in {"Succeeded", "Failed"}


def _template(replica_set: Json) -> Json:
    template: Json = copy.deepcopy(replica_set["spec"]["template"])
    template["metadata"].get("labels", {}).pop(_HASH, None)
    return template


def _revision(replica_set: Json) -> int:
    return int(replica_set["metadata"].get("annotations", {}).get(_REVISION, "0"))


def _available(replica_set: Json) -> int:
    return int(replica_set.get("status", {}).get("availableReplicas", 0))
