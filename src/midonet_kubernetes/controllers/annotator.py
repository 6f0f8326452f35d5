"""Tells Nodes their MidoNet host: the annotations that everything else waits for (translations 6)."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from midonet_kubernetes.controllers.fence import NotLeading
from midonet_kubernetes.errors import ApiError, Forbidden, Invalid
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.events import EventRecorder, reference_to
from midonet_kubernetes.kubernetes_api.informer import Informer
from midonet_kubernetes.kubernetes_api.kinds import NODE
from midonet_kubernetes.kubernetes_api.queue import Queue
from midonet_kubernetes.midonet_api import Client as MidonetClient
from midonet_kubernetes.model.annotations import HOST_ID, TUNNEL_ENDPOINT_IP, TUNNEL_ZONE_ID
from midonet_kubernetes.model.kubernetes import Node

_HOSTS, _HOSTS_TYPE = "/hosts", "application/vnd.org.midonet.collection.Host-v3+json"
_FRESH_SECONDS = 0.4  # for which a list of hosts is good enough; less than between two looks at one Node
_REFUSED_SECONDS = 300.0
_ALL = (HOST_ID, TUNNEL_ZONE_ID, TUNNEL_ENDPOINT_IP)

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Listed:
    """MidoNet's hosts as they were listed: ids by name, and when, by the loop's clock."""

    at: float = float("-inf")
    hosts: Mapping[str, str] = field(default_factory=dict)


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
        self._queue: Queue[str] = Queue(shortest=0.5, longest=30.0)
        self._listed = _Listed()
        self._told: dict[str, str] = {}  # by Node: what was last said about it
        nodes.add_handler(self._changed)

    async def run(self) -> None:
        """Annotate until cancelled: at once when a Node changes, again and again while one has no host."""
        await self._nodes.synced.wait()
        for key in self._nodes.store:
            self._queue.add(key)
        while True:
            key = await self._queue.get()
            try:
                await self._look(key)
            except (Invalid, Forbidden) as error:
                self._refused(key, error)
            except (ApiError, NotLeading) as error:
                _log.info("Node %s is annotated later: %s", key, error)
                self._queue.retry(key)
            except Exception:  # noqa: BLE001 - an odd answer must not stop the program
                _log.exception("Node %s is annotated later", key)
                self._queue.retry(key)
            finally:
                self._queue.done(key)

    def _changed(self, key: str, before: Node | None, now: Node | None) -> None:
        if now is None:
            self._told.pop(key, None)
            self._queue.forget(key)
        elif _absent(now) and (before is None or _facts(before) != _facts(now)):
            self._queue.forget(key)
            self._queue.add(key)

    async def _look(self, key: str) -> None:
        node = self._nodes.get(key)
        if node is None or not _absent(node) or await self._annotate(node):
            self._queue.forget(key)
        else:
            self._queue.retry(key)

    async def _annotate(self, node: Node) -> bool:
        """Whether the Node has all of them now."""
        name = node.metadata.name
        address = next((one.address for one in node.status.addresses if one.type == "InternalIP"), "")
        host = node.metadata.annotations.get(HOST_ID) or (await self._hosts()).get(name, "")
        if not host:
            self._say(node, "MidoNetHostMissing", f"no MidoNet host has the name {name}: does its agent run, under that name?")
            return False
        if not address:
            self._say(node, "InternalIPMissing", f"Node {name} has no InternalIP, so its tunnel endpoint is not known")
            return False
        values = {HOST_ID: host, TUNNEL_ZONE_ID: "", TUNNEL_ENDPOINT_IP: address}
        patch = {"metadata": {"annotations": {key: values[key] for key in _absent(node)}}}
        self._fence()
        await self._kubernetes.patch(NODE, name, patch)
        self._told.pop(name, None)
        self._recorder.record(reference_to(node), "MidoNetHostIDAnnotated", f"its MidoNet host is {host}")
        return True

    async def _hosts(self) -> Mapping[str, str]:
        """The ids of MidoNet's hosts by name; Nodes that are looked at together share one list."""
        now = asyncio.get_running_loop().time()
        if now - self._listed.at > _FRESH_SECONDS:
            hosts = await self._midonet.list(_HOSTS, _HOSTS_TYPE)
            self._listed = _Listed(now, {str(host.get("name")): str(host["id"]) for host in hosts if host.get("id")})
        return self._listed.hosts

    def _refused(self, key: str, error: ApiError) -> None:
        """An API server checks the whole Node when its annotations change, and others write its status: only they can help."""
        node = self._nodes.get(key)
        if node is not None:
            message = f"the Kubernetes API does not let its annotations be set, so it has no network: {error}"
            self._say(node, "NodeAnnotationRefused", message)
        self._queue.retry(key, at_least=_REFUSED_SECONDS)

    def _say(self, node: Node, reason: str, message: str) -> None:
        """Once, until it is something else."""
        if self._told.get(node.metadata.name) != message:
            self._told[node.metadata.name] = message
            self._recorder.record(reference_to(node), reason, message, type="Warning")


def _absent(node: Node) -> list[str]:
    return [key for key in _ALL if key not in node.metadata.annotations]


def _facts(node: Node) -> object:
    return node.metadata.annotations, node.status.addresses
