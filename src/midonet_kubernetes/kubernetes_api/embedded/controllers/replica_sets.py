"""ReplicaSets make and remove Pods."""

from __future__ import annotations

import copy
from collections.abc import Iterable

from midonet_kubernetes.kubernetes_api.embedded import deletion
from midonet_kubernetes.kubernetes_api.embedded.controllers.controller import RegistryController, Subject, controlled
from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.kinds.pods import PODS, is_finished, is_ready
from midonet_kubernetes.kubernetes_api.embedded.kinds.workloads import REPLICA_SETS
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Key


def owner_reference(owner: Json) -> Json:
    """The reference of a controller's object to it."""
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }


class ReplicaSets(RegistryController):
    """Keeps the number of a ReplicaSet's Pods."""

    def affected(self, change: Change) -> Iterable[Subject]:
        """A ReplicaSet, and that of a Pod."""
        key = change.now.key
        if key.resource == REPLICA_SETS.id:
            yield (key.namespace, key.name)
        elif key.resource == "pods":
            for uid in change.now.owners:
                owner = self.store.by_uid(uid)
                if owner is not None and owner.key.resource == REPLICA_SETS.id:
                    yield (owner.key.namespace, owner.key.name)

    def reconcile(self, subject: Subject) -> None:
        """Make or remove Pods, then say how many there are."""
        stored = self.store.get(Key(REPLICA_SETS.id, *subject))
        if stored is None:
            return
        replica_set = stored.body()
        pods = self._pods(stored.uid)
        if not replica_set["metadata"].get("deletionTimestamp"):
            missing = replica_set["spec"]["replicas"] - len(pods)
            for _ in range(missing):
                self._create(replica_set)
            for pod in sorted(pods, key=_worth)[: max(-missing, 0)]:
                about = pod["metadata"]
                deletion.delete(self.registry, PODS, about["namespace"], about["name"], deletion.Options())
            pods = self._pods(stored.uid)
        self._report(replica_set, pods)

    def _pods(self, uid: str) -> list[Json]:
        bodies = [stored.body() for stored in controlled(self.store, uid, "pods")]
        return [pod for pod in bodies if not pod["metadata"].get("deletionTimestamp") and not is_finished(pod)]

    def _create(self, replica_set: Json) -> None:
        template, about = replica_set["spec"]["template"], replica_set["metadata"]
        metadata = {name: copy.deepcopy(template["metadata"].get(name, {})) for name in ("labels", "annotations")}
        metadata |= {"generateName": f"{about['name']}-", "ownerReferences": [owner_reference(replica_set)]}
        body = {"metadata": metadata, "spec": copy.deepcopy(template["spec"])}
        self.registry.create(PODS, about["namespace"], body)

    def _report(self, replica_set: Json, pods: list[Json]) -> None:
        ready = sum(map(is_ready, pods))
        about = replica_set["metadata"]
        status = {
            "replicas": len(pods),
            "fullyLabeledReplicas": len(pods),
            "readyReplicas": ready,
            "availableReplicas": ready,
            "observedGeneration": about["generation"],
        }
        status = {name: number for name, number in status.items() if number or name == "replicas"}
        self.registry.update(REPLICA_SETS, about["namespace"], about["name"], lambda body: body | {"status": status}, status=True)


def _worth(pod: Json) -> tuple[bool, bool, bool, str]:
    """Which Pod goes first: without a Node, then not running, then not ready, then the newest."""
    newest_first = "".join(chr(0x7E - ord(character) + 0x20) for character in pod["metadata"]["creationTimestamp"])
    status = pod.get("status", {})
    return bool(pod["spec"].get("nodeName")), status.get("phase") == "Running", is_ready(pod), newest_first
