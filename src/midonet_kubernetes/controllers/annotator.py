"""Tells Nodes their MidoNet host: the annotations that everything else waits for (translations 6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping

from midonet_kubernetes.controllers.fence import NotLeading
from midonet_kubernetes.errors import ApiError
from midonet_kubernetes.kubernetes_api.backoff import Backoff
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.events import EventRecorder, reference_to
from midonet_kubernetes.kubernetes_api.informer import Informer
from midonet_kubernetes.kubernetes_api.kinds import NODE
from midonet_kubernetes.midonet_api import Client as MidonetClient
from midonet_kubernetes.model.annotations import HOST_ID, TUNNEL_ENDPOINT_IP, TUNNEL_ZONE_ID
from midonet_kubernetes.model.kubernetes import Node

_HOSTS, _HOSTS_TYPE = "/hosts", "application/vnd.org.midonet.collection.Host-v3+json"
_ALL = (HOST_ID, TUNNEL_ZONE_ID, TUNNEL_ENDPOINT_IP)

_log = logging.getLogger(__name__)


class NodeAnnotator:
    """Annotates Nodes as soon as MidoNet has hosts of their names.

    Args:
        nodes: all Nodes.
        kubernetes: the Kubernetes API.
        midonet: the MidoNet API.
        recorder: takes Events.
        fence: called before each write; raises when we may not write (any more).
    """

    def __init__(
        self,
        nodes: Informer[Node],
        *,
        kubernetes: Client,
        midonet: MidonetClient,
        recorder: EventRecorder,
        fence: Callable[[], None],
    ) -> None:
        self._nodes, self._kubernetes, self._midonet = nodes, kubernetes, midonet
        self._recorder, self._fence = recorder, fence
        self._look = asyncio.Event()
        self._told: dict[str, str] = {}  # by Node: what was last said about it
        nodes.add_handler(self._changed)

    async def run(self) -> None:
        """Annotate until cancelled: at once when a Node changes, again and again while one has no host."""
        await self._nodes.synced.wait()
        backoff = Backoff(shortest=0.5, longest=30.0)
        while True:
            self._look.clear()
            try:
                left = await self._round()
            except (ApiError, NotLeading) as error:
                _log.info("Nodes are annotated later: %s", error)
                left = True
            except Exception:  # noqa: BLE001 - an odd answer must not stop the program
                _log.exception("Nodes are annotated later")
                left = True
            if left:
                await _until(self._look, backoff.next())
            else:
                backoff.reset()
                await self._look.wait()

    def _changed(self, key: str, before: Node | None, now: Node | None) -> None:
        if now is None:
            self._told.pop(key, None)
        elif _absent(now) and (before is None or _facts(before) != _facts(now)):
            self._look.set()

    async def _round(self) -> bool:
        """Annotate what can be; whether something is left."""
        waiting = [node for node in self._nodes.store.values() if _absent(node)]
        if not waiting:
            return False
        listed = await self._midonet.list(_HOSTS, _HOSTS_TYPE)
        hosts = {str(host.get("name")): str(host["id"]) for host in listed if host.get("id")}
        annotated = [await self._annotate(node, hosts) for node in waiting]
        return not all(annotated)

    async def _annotate(self, node: Node, hosts: Mapping[str, str]) -> bool:
        name = node.metadata.name
        address = next((one.address for one in node.status.addresses if one.type == "InternalIP"), "")
        host = node.metadata.annotations.get(HOST_ID) or hosts.get(name, "")
        if not host:
            self._say(node, "MidoNetHostMissing", f"no MidoNet host has the name {name}: does its agent run, under that name?")
            return False
        if not address:
            self._say(node, "InternalIPMissing", f"Node {name} has no InternalIP, so its tunnel endpoint is not known")
            return False
        values = {HOST_ID: host, TUNNEL_ZONE_ID: "", TUNNEL_ENDPOINT_IP: address}
        patch = {"metadata": {"annotations": {key: values[key] for key in _absent(node)}}}
        self._fence()
        try:
            await self._kubernetes.patch(NODE, name, patch)
        except ApiError as error:
            _log.info("Node %s is annotated later: %s", name, error)
            return False
        self._told.pop(name, None)
        self._recorder.record(reference_to(node), "MidoNetHostIDAnnotated", f"its MidoNet host is {host}")
        return True

    def _say(self, node: Node, reason: str, message: str) -> None:
        """Once, until it is something else."""
        if self._told.get(node.metadata.name) != message:
            self._told[node.metadata.name] = message
            self._recorder.record(reference_to(node), reason, message, type="Warning")


def _absent(node: Node) -> list[str]:
    return [key for key in _ALL if key not in node.metadata.annotations]


def _facts(node: Node) -> object:
    return node.metadata.annotations, node.status.addresses


async def _until(event: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return
