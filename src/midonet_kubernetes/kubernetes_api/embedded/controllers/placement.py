"""Pods go to Nodes: to the Ready one that fits and has the fewest."""

from __future__ import annotations

from collections.abc import Iterable

from midonet_kubernetes.kubernetes_api.embedded.controllers.controller import RegistryController, Subject
from midonet_kubernetes.kubernetes_api.embedded.durations import timestamp
from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.kinds.nodes import is_ready
from midonet_kubernetes.kubernetes_api.embedded.kinds.pods import PODS
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Key
from midonet_kubernetes.kubernetes_api.embedded.subresources import bind

_REFUSING = {"NoSchedule", "NoExecute"}


class Placement(RegistryController):
    """Places Pods that name no Node."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self._waiting: dict[Subject, None] = {}
        self._labels: dict[str, dict[str, str]] = {}  # of each Node that takes Pods
        self._counts: dict[str, int] = {}  # Pods on each Node

    def affected(self, change: Change) -> Iterable[Subject]:
        """A Pod without a Node; all of those when a Node changes."""
        key = change.now.key
        if key.resource == "pods":
            return self._learn_pod(change)
        if key.resource == "nodes":
            node = change.now.body()
            if change.type != "DELETED" and _takes_pods(node):
                self._labels[key.name] = dict(change.now.labels)
                return list(self._waiting)
            self._labels.pop(key.name, None)
        return ()

    def _learn_pod(self, change: Change) -> Iterable[Subject]:
        subject: Subject = (change.now.key.namespace, change.now.key.name)
        if change.before is not None:
            self._count(change.before.fields["spec.nodeName"], -1)
        node = change.now.fields["spec.nodeName"]
        if change.type != "DELETED":
            self._count(node, 1)
            if not node:
                self._waiting[subject] = None
                return (subject,)
        self._waiting.pop(subject, None)
        return ()

    def _count(self, node: str, step: int) -> None:
        if node:
            self._counts[node] = self._counts.get(node, 0) + step

    def reconcile(self, subject: Subject) -> None:
        """Place the Pod, if there is a Node for it."""
        namespace, name = subject
        stored = self.store.get(Key("pods", namespace, name))
        if stored is None or stored.fields["spec.nodeName"]:
            return
        pod = stored.body()
        if pod["metadata"].get("deletionTimestamp"):
            return
        wanted = pod["spec"].get("nodeSelector", {}).items()
        fitting = [node for node, labels in self._labels.items() if wanted <= labels.items()]
        if fitting:
            node = min(fitting, key=lambda candidate: (self._counts.get(candidate, 0), candidate))
            bind(self.registry, PODS, namespace, name, node)
        else:
            self._report(namespace, name)

    def _report(self, namespace: str, name: str) -> None:
        """Say in the Pod's status that it waits, as ``kubectl describe`` shows it."""
        moment, why = timestamp(self.registry.clock()), "no Node is Ready, takes Pods and has the labels of the nodeSelector"
        waits = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": why}

        def edit(pod: Json) -> Json:
            conditions = pod["status"].setdefault("conditions", [])
            if not any(waits.items() <= condition.items() for condition in conditions):
                others = [condition for condition in conditions if condition.get("type") != "PodScheduled"]
                pod["status"]["conditions"] = [*others, {**waits, "lastTransitionTime": moment}]
            return pod

        self.registry.update(PODS, namespace, name, edit, status=True)


def _takes_pods(node: Json) -> bool:
    taints = node["spec"].get("taints", [])
    return is_ready(node) and not node["spec"].get("unschedulable") and not any(t.get("effect") in _REFUSING for t in taints)
