"""Nodes."""

from __future__ import annotations

from midonet_kubernetes.controllers.informers import Informers
from midonet_kubernetes.controllers.reconciler import leaves
from midonet_kubernetes.controllers.writer import Case
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate import node


class Nodes:
    """What a Node is to become."""

    def __init__(self, informers: Informers, names: Names) -> None:
        self._informers, self._names = informers, names

    def all_keys(self) -> list[str]:
        """All Nodes."""
        return list(self._informers.nodes.store)

    def look(self, key: str) -> Case | None:
        """What the Node is to have."""
        found = self._informers.nodes.get(key)
        if found is None or leaves(found):
            return None
        return Case(found, node.translate(found, self._names), mine=lambda _name: True)
