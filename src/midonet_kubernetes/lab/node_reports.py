"""What kubelet says about each node to the Kubernetes API: at the start, when it is ready, and again before anybody worries."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any

from midonet_kubernetes.errors import ApiError
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import NODE, raw
from midonet_kubernetes.lab.ownership import Ownership
from midonet_kubernetes.lab.underlay import LabNode

HEARTBEAT = 10.0  # seconds; kube-controller-manager gives a node up after 40 without
ROOM = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "1Ti", "pods": "250"}  # pods here cost next to nothing
RAW_NODE = raw("v1", "Node", "nodes", namespaced=False)

_log = logging.getLogger(__name__)


class NodeReports:
    """Reports about nodes.

    Args:
        client: of the Kubernetes API.
        nodes: all of the lab.
        ownership: marks them, in an API that others use too.
        clock: gives the time of day for statuses (RFC 3339).
    """

    def __init__(self, client: Client, nodes: Sequence[LabNode], ownership: Ownership | None, clock: Callable[[], str]) -> None:
        self._client, self._nodes, self._ownership, self._clock = client, nodes, ownership, clock
        self._ready_since: dict[str, str] = {}

    async def register(self) -> None:
        """Create the Nodes, before their network works."""
        for node in self._nodes:
            await self._client.create(RAW_NODE, node_object(node, self._ownership))
            await self._report(node, node_status(node, self._clock(), ready=False))

    async def ready(self, node: LabNode) -> None:
        """A node's network works (from now on, when that is new)."""
        now = self._clock()
        since = self._ready_since.setdefault(node.name, now)
        await self._report(node, node_status(node, now, ready=True, since=since))

    async def run(self) -> None:
        """Repeat what has been reported until cancelled."""
        while True:
            await asyncio.sleep(HEARTBEAT)
            for node in self._nodes:
                try:
                    await self.ready(node)
                except ApiError as error:  # an API that is away, or a Node that somebody deleted
                    _log.info("%s is not reported: %s", node.name, error)

    async def _report(self, node: LabNode, status: dict[str, Any]) -> None:
        await self._client.patch(NODE, node.name, status, subresource="status")


def node_object(node: LabNode, ownership: Ownership | None) -> dict[str, Any]:
    """A node's Node, before its network works."""
    labels = {"kubernetes.io/hostname": node.name, "kubernetes.io/os": "linux"}
    bare: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": node.name, "labels": labels}}
    return {**ownership.marked(bare), "spec": {"taints": [ownership.taint]}} if ownership else bare


def node_status(node: LabNode, now: str, *, ready: bool, since: str = "") -> dict[str, Any]:
    """A merge patch of the Node's status.

    Args:
        node: whose.
        now: the time of the report.
        ready: whether its network works.
        since: since when that is so; "" for now.
    """
    condition = {
        "type": "Ready",
        "status": "True" if ready else "False",
        "reason": "NetworkReady" if ready else "NetworkNotReady",
        "message": "the node daemon serves pods" if ready else "the node daemon has not said that it serves pods",
        "lastHeartbeatTime": now,
        "lastTransitionTime": since or now,
    }
    addresses = [{"type": "InternalIP", "address": node.address}, {"type": "Hostname", "address": node.name}]
    return {"status": {"addresses": addresses, "conditions": [condition], "capacity": ROOM, "allocatable": ROOM}}
