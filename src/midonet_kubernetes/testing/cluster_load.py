"""Many objects in a Kubernetes API: a cluster of any size, made and taken away again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import msgspec

from midonet_kubernetes.errors import NotFound
from midonet_kubernetes.kubernetes_api.client import MERGE_PATCH, Client
from midonet_kubernetes.kubernetes_api.kinds import (
    ENDPOINT_SLICE,
    ENDPOINTS,
    EVENT,
    LEASE,
    NODE,
    POD,
    SERVICE,
    TRANSLATION,
    Kind,
)
from midonet_kubernetes.model.kubernetes import Metadata
from midonet_kubernetes.model.names import mac_for
from midonet_kubernetes.testing.objects import NODES, PODS, SERVICES, SLICES, Json, endpoint_slice, node, pod, service

T = TypeVar("T")

AT_ONCE = 32
PORT = 80


async def each(things: Iterable[T], work: Callable[[T], Awaitable[Any]], *, at_once: int = AT_ONCE) -> None:
    """Do something with each of many things, with ``at_once`` of them at a time."""
    waiting = iter(things)

    async def worker() -> None:
        for thing in waiting:
            await work(thing)

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(worker())


@dataclass(frozen=True)
class Load:
    """A cluster: Pods spread over Nodes, and Services over Pods.

    Args:
        nodes: how many; at most 250.
        pods: how many; at most 60,000.
        services: how many.
        endpoints: of each Service.
    """

    nodes: int
    pods: int
    services: int
    endpoints: int = 10

    @property
    def node_names(self) -> list[str]:
        """The names of its Nodes."""
        return [f"node-{number}" for number in range(self.nodes)]

    def node(self, number: int) -> Json:
        """Node ``number``, from 0, with its MAC annotation."""
        made = node(f"node-{number}", number + 1)
        made["metadata"]["annotations"] = {"midonet.org/mac-address": mac_for(f"node-{number}")}
        return made

    def address(self, number: int) -> str:
        """The address of Pod ``number``."""
        on, place = number % self.nodes, number // self.nodes
        return f"10.{1 + place // 250}.{on + 1}.{3 + place % 250}"

    def pod(self, number: int) -> Json:
        """Pod ``number``, from 0."""
        return pod(f"pod-{number}", f"node-{number % self.nodes}", self.address(number), mac=mac_for(f"default/pod-{number}"))

    def service(self, number: int) -> Json:
        """Service ``number``, without a selector: its slice is made by hand."""
        made = service(f"service-{number}", PORT)
        del made["spec"]["selector"]
        return made

    def slice(self, number: int, *, more: int = 0) -> Json:
        """The slice of Service ``number``, with ``more`` endpoints than usual."""
        addresses = [self.address((number * self.endpoints + each) % self.pods) for each in range(self.endpoints + more)]
        return endpoint_slice(f"service-{number}-1", f"service-{number}", PORT, *addresses)

    @property
    def translations(self) -> int:
        """How many Translations it becomes: of the whole cluster, each Node, each Pod and each Service."""
        return 3 + 5 * self.nodes + 3 * self.pods + 3 * self.services

    async def create(self, client: Client) -> None:
        """Make all of it."""
        await each((self.node(number) for number in range(self.nodes)), lambda one: with_status(client, NODES, one))
        await each((self.pod(number) for number in range(self.pods)), lambda one: with_status(client, PODS, one))
        await each((self.service(number) for number in range(self.services)), lambda one: post(client, SERVICES, one))
        await each((self.slice(number) for number in range(self.services)), lambda one: post(client, SLICES, one))


async def post(client: Client, path: str, object_: Json) -> None:
    """Create one object."""
    await client.send("POST", path, msgspec.json.encode(object_))


async def with_status(client: Client, path: str, object_: Json) -> None:
    """Create one object, then write its status, as kubelet would."""
    await post(client, path, object_)
    patch = msgspec.json.encode({"status": object_["status"]})
    await client.send("PATCH", f"{path}/{object_['metadata']['name']}/status", patch, MERGE_PATCH)


async def wipe(client: Client) -> None:
    """Take everything away that a test may have made, of the kinds that we read or write."""
    kinds: list[Kind[Any]] = [POD, SERVICE, ENDPOINT_SLICE, ENDPOINTS, NODE, EVENT, LEASE, TRANSLATION]
    for kind in kinds:
        found = [kind.metadata(one) for one in await client.list(kind)]
        ours = [one for one in found if one.name != "kubernetes" and not one.name.startswith("apiserver-")]
        await each(ours, partial(remove, client, kind))


async def remove(client: Client, kind: Kind[Any], metadata: Metadata) -> None:
    """Delete one object, whoever waits for its end."""
    path = kind.path(namespace=metadata.namespace or None, name=metadata.name)
    try:
        if metadata.finalizers:
            await client.send("PATCH", path, b'{"metadata":{"finalizers":null}}', MERGE_PATCH)
        await client.send("DELETE", f"{path}?gracePeriodSeconds=0")
    except NotFound:
        return
