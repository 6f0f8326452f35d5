"""What the daemon reads from the Kubernetes API and writes to it. None of it is needed while a pod is being wired.

Read: the own Node (podCIDR, addresses) and the Pods of the node (MAC addresses asked for by annotation).
Written: the annotation ``midonet.org/mac-address`` of Pods and of the Node, from which their MAC and ARP entries are made.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from midonet_kubernetes.errors import ApiError, Conflict, Invalid, NotFound
from midonet_kubernetes.kubernetes_api.client import Client, retry_after
from midonet_kubernetes.kubernetes_api.events import EventRecorder, reference_to
from midonet_kubernetes.kubernetes_api.informer import Informer
from midonet_kubernetes.kubernetes_api.kinds import NODE, POD
from midonet_kubernetes.kubernetes_api.queue import Queue
from midonet_kubernetes.model.annotations import MAC_ADDRESS
from midonet_kubernetes.model.kubernetes import Metadata, Node, Pod
from midonet_kubernetes.node.node_link import node_mac
from midonet_kubernetes.node.state import Annotation
from midonet_kubernetes.translate.addresses import mac

_log = logging.getLogger(__name__)

_THE_NODE = ""  # key of the Node in the queue; no Pod has it


class Wishes(Protocol):
    """The annotations that Pods shall have."""

    async def annotations(self) -> list[Annotation]:
        """Those that are still to be written."""
        ...

    async def wish(self, pod: str) -> Annotation | None:
        """The annotation that a Pod (``namespace/name``) shall have, None when it is none of ours."""
        ...

    async def annotation_written(self, annotation: Annotation) -> None:
        """This one needs no more care, unless the wish has changed meanwhile."""
        ...


class Cluster:
    """The daemon's view of the cluster.

    Args:
        client: of the API.
        node: the Node's name.
        wishes: which annotations there shall be.
        changed: told the podCIDR ("" for none) and the underlay addresses of the Node when they may have changed.
    """

    def __init__(self, client: Client, node: str, wishes: Wishes, changed: Callable[[str, list[str]], None]) -> None:
        self._client, self._node, self._wishes, self._changed = client, node, wishes, changed
        self.nodes: Informer[Node] = Informer(client, NODE, fields=f"metadata.name={node}", trim=_node_fields)
        self.pods: Informer[Pod] = Informer(client, POD, fields=f"spec.nodeName={node}", trim=_pod_fields)
        self.nodes.add_handler(self._node_changed)
        self.pods.add_handler(self._pod_changed)
        self._queue: Queue[str] = Queue(shortest=0.2)
        self._events = EventRecorder(client, "midonet-kube-node", host=node)
        self._wished = asyncio.Event()
        self._wished.set()  # there may be wishes from before the last restart

    async def run(self) -> None:
        """Watch and write until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.nodes.run(), name="watch the Node")
            tasks.create_task(self.pods.run(), name="watch Pods")
            tasks.create_task(self._events.run(), name="write Events")
            tasks.create_task(self._collect_wishes(), name="collect annotations")
            tasks.create_task(self._write_annotations(), name="annotate")

    def annotated_mac(self, pod: str) -> str:
        """The MAC that a Pod asks for, "" when it asks for none, for a bad one, or is not known yet."""
        found = self.pods.get(pod)
        try:
            return mac(found.metadata.annotations[MAC_ADDRESS]) if found is not None else ""
        except (KeyError, ValueError):
            return ""

    def warn(self, reason: str, message: str) -> None:
        """Record an Event about the Node."""
        self._events.record(reference_to(Node(metadata=Metadata(name=self._node))), reason, message, type="Warning")

    def annotate(self) -> None:
        """There are annotations to write."""
        self._wished.set()

    async def _collect_wishes(self) -> None:
        while True:
            await self._wished.wait()
            self._wished.clear()
            for annotation in await self._wishes.annotations():
                self._queue.add(annotation.pod)

    def _node_changed(self, key: str, _old: Node | None, new: Node | None) -> None:
        if key != self._node or new is None:
            return
        addresses = [address.address for address in new.status.addresses if address.type == "InternalIP"]
        self._changed(new.spec.pod_cidr, addresses)
        if new.metadata.annotations.get(MAC_ADDRESS) != node_mac(self._node):
            self._queue.add(_THE_NODE)

    def _pod_changed(self, key: str, _old: Pod | None, new: Pod | None) -> None:
        if new is not None and MAC_ADDRESS not in new.metadata.annotations:  # somebody took it away, or we have not wired it yet
            self._queue.add(key)

    async def _write_annotations(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                await self._write(key)
                self._queue.forget(key)
            except ApiError as error:
                seconds = self._queue.retry(key, at_least=retry_after(error))
                _log.log(
                    logging.WARNING if self._queue.failures(key) == 1 else logging.DEBUG,
                    "annotating %s failed, next attempt in %.1f s: %s",
                    key or f"Node {self._node}",
                    seconds,
                    error,
                )
            finally:
                self._queue.done(key)

    async def _write(self, key: str) -> None:
        if key == _THE_NODE:
            await self._client.patch(NODE, self._node, _patch("", node_mac(self._node)))
            return
        annotation = await self._wishes.wish(key)
        if annotation is None:
            return
        namespace, _, name = key.partition("/")
        try:
            await self._client.patch(POD, name, _patch(annotation.uid, annotation.mac), namespace=namespace)
        except (NotFound, Conflict, Invalid) as error:  # the Pod is gone, or another one has its name
            _log.debug("%s is not annotated: %s", key, error)
        await self._wishes.annotation_written(annotation)


def _patch(uid: str, mac: str) -> dict[str, object]:
    """A merge patch; with a uid the server refuses it for another object of the same name."""
    metadata: dict[str, object] = {"annotations": {MAC_ADDRESS: mac or None}}
    if uid:
        metadata["uid"] = uid
    return {"metadata": metadata}


def _own_annotations(metadata: Metadata) -> Metadata:
    kept = {MAC_ADDRESS: metadata.annotations[MAC_ADDRESS]} if MAC_ADDRESS in metadata.annotations else {}
    return Metadata(
        name=metadata.name,
        namespace=metadata.namespace,
        uid=metadata.uid,
        resource_version=metadata.resource_version,
        annotations=kept,
    )


def _node_fields(node: Node) -> Node:
    return Node(metadata=_own_annotations(node.metadata), spec=node.spec, status=node.status)


def _pod_fields(pod: Pod) -> Pod:
    return Pod(metadata=_own_annotations(pod.metadata))
