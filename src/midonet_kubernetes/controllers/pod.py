"""Pods. What a Pod becomes depends on its Node too."""

from __future__ import annotations

from midonet_kubernetes.controllers.informers import BY_NODE, Informers
from midonet_kubernetes.controllers.reconciler import leaves
from midonet_kubernetes.controllers.writer import Case
from midonet_kubernetes.model.annotations import HOST_ID
from midonet_kubernetes.model.kubernetes import Node
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate import pod


class Pods:
    """What a Pod is to become."""

    def __init__(self, informers: Informers, names: Names) -> None:
        self._informers, self._names = informers, names

    def all_keys(self) -> list[str]:
        """All Pods."""
        return list(self._informers.pods.store)

    def look(self, key: str) -> Case | None:
        """What the Pod is to have."""
        found = self._informers.pods.get(key)
        if found is None or leaves(found):
            return None
        node = self._informers.nodes.get(found.spec.node_name)
        return Case(found, pod.translate(found, node, self._names), mine=lambda _name: True)

    def on_node(self, before: Node | None, now: Node | None) -> list[str]:
        """The Pods that a change of their Node concerns. Nodes report every few seconds; little of that does."""
        node = now or before
        if node is None or _facts(before) == _facts(now):
            return []
        return [found.metadata.key for found in self._informers.pods.by_index(BY_NODE, node.metadata.name)]


def _facts(node: Node | None) -> tuple[str, str] | None:
    return (node.metadata.annotations.get(HOST_ID, ""), node.spec.pod_cidr) if node else None
