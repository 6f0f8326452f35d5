"""A running lab, as the requests of other terminals see it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.lab.kubelet import Kubelet
from midonet_kubernetes.lab.ownership import Ownership
from midonet_kubernetes.lab.programs import Programs
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.lab.underlay import LabNode
from midonet_kubernetes.model.kubernetes import Node, Pod


@dataclass(frozen=True)
class Lab:
    """Everything of a running lab. ``stop`` is set when it shall end."""

    place: Place
    nodes: list[LabNode]
    client: Client
    ownership: Ownership | None
    programs: Programs
    kubelet: Kubelet
    stop: asyncio.Event

    def network_of(self, where: str) -> Path:
        """The network namespace of a node, of the virtual network on it, or of a pod.

        Args:
            where: ``node-1``, ``node-1.midonet``, ``namespace/name`` or, in the namespace ``default``, ``name``.

        Raises:
            UserError: there is neither.
        """
        for node in self.nodes:
            if where in {node.name, node.datapath.name}:
                return node.network if where == node.name else node.datapath
        key = where.removeprefix("pod/")
        found = self.kubelet.sandboxes.get(key if "/" in key else f"default/{key}")
        if found is None:
            known = ", ".join([node.name for node in self.nodes] + sorted(self.kubelet.sandboxes))
            raise UserError(f"there is no pod or node {where!r} in this lab; there are {known}")
        return found.network


def ready(thing: Pod | Node) -> bool:
    """Whether a Pod or a Node says that it is ready."""
    return any(condition.type == "Ready" and condition.status == "True" for condition in thing.status.conditions)


def now() -> str:
    """The time of day as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
