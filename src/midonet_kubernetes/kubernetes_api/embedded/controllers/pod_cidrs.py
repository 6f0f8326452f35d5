"""Each Node gets a /24 of the Pod network."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from midonet_kubernetes.kubernetes_api.embedded.controllers.controller import RegistryController, Subject
from midonet_kubernetes.kubernetes_api.embedded.failures import Failure, Json
from midonet_kubernetes.kubernetes_api.embedded.kinds.nodes import NODES
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Key

_PREFIX = 24  # kube-controller-manager's --node-cidr-mask-size


class PodCidrs(RegistryController):
    """Gives out podCIDRs, the lowest free one first.

    Args:
        registry: the objects.
        network: of all Pods.
    """

    def __init__(self, registry: Registry, network: ipaddress.IPv4Network) -> None:
        super().__init__(registry)
        self._network = network
        self._holders: dict[str, set[str]] = {}  # podCIDR to the Nodes that have it

    def affected(self, change: Change) -> Iterable[Subject]:
        """A Node."""
        if change.now.key.resource != "nodes":
            return
        name = change.now.key.name
        if change.before is not None:
            holders = self._holders.get(change.before.body()["spec"].get("podCIDR", ""), set())
            holders.discard(name)
        if change.type != "DELETED":
            given = change.now.body()["spec"].get("podCIDR", "")
            self._holders.setdefault(given, set()).add(name)
            if not given:
                yield (name,)

    def reconcile(self, subject: Subject) -> None:
        """Give the Node a network if it has none."""
        (name,) = subject
        if self.store.get(Key("nodes", "", name)) is None:
            return

        def edit(node: Json) -> Json:
            if not node["spec"].get("podCIDR"):
                node["spec"]["podCIDR"] = self._free()
                node["spec"]["podCIDRs"] = [node["spec"]["podCIDR"]]
            return node

        self.registry.update(NODES, "", name, edit)

    def _free(self) -> str:
        for subnet in self._network.subnets(new_prefix=max(_PREFIX, self._network.prefixlen)):
            if not self._holders.get(str(subnet)):
                return str(subnet)
        raise Failure(500, "InternalError", f"the Pod network {self._network} has no free /{_PREFIX} for another Node")
