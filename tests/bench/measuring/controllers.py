"""One life of the controllers at a real API server, followed from outside until nothing is left to do."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count, islice

import msgspec

from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.model.annotations import HOST_ID
from midonet_kubernetes.model.kubernetes import Node, Pod
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.model.translation import Translation
from midonet_kubernetes.testing.background import until
from midonet_kubernetes.testing.cluster_load import Load, each, remove, with_status
from midonet_kubernetes.testing.installation import Installation, Replica
from midonet_kubernetes.testing.objects import PODS
from midonet_kubernetes.testing.twins import host_id
from midonet_kubernetes.translate.pod import translate

QUIET = 1.0  # seconds without a write to MidoNet after which we ask whether there is more to come
_LONGEST = 1800.0  # seconds
_WRITES = ("POST", "PUT", "PATCH", "DELETE")


@dataclass(frozen=True)
class Spent:
    """Seconds of processor time, of programs that share a machine."""

    controllers: float
    kubernetes: float  # the API server and etcd
    midonet: float

    @classmethod
    def so_far(cls, installation: Installation, replica: Replica) -> Spent:
        """Since each was started."""
        kubernetes = installation.kubernetes.server.cpu_seconds() + installation.kubernetes.etcd.cpu_seconds()
        return cls(replica.process.cpu_seconds(), kubernetes, installation.midonet_process.cpu_seconds())

    def since(self, before: Spent) -> Spent:
        """Since ``before``."""
        return Spent(self.controllers, self.kubernetes - before.kubernetes, self.midonet - before.midonet)


@dataclass(frozen=True)
class Life:
    """What a life of the controllers took, in seconds since the process was started.

    Args:
        pushed: until the last write to MidoNet.
        told: until every status was written.
        ready: until it led, was ready and knew of nothing to do.
        midonet: writes to MidoNet.
        kubernetes: writes to the Kubernetes API, of Translations and their statuses.
        events: writes to the Kubernetes API, of Events.
        cpu: seconds of processor time until the last write to MidoNet, or until ready if there was none.
        memory: resident bytes at the end.
    """

    pushed: float
    told: float
    ready: float
    midonet: int
    kubernetes: int
    events: int
    cpu: Spent
    memory: int


async def bare_rate(client: Client, load: Load, number: int, at_once: int) -> float:
    """Translations of Pods, as the controllers write them, that are created in a second; then they are deleted."""
    made = list(islice(_translations(load), number))
    begun = time.monotonic()
    await each(made, lambda one: client.create(TRANSLATION, one), at_once=at_once)
    rate = number / (time.monotonic() - begun)
    await each(made, lambda one: remove(client, TRANSLATION, one.metadata), at_once=at_once)
    return rate


def _translations(load: Load) -> Iterator[Translation]:
    """What the Pods of a load become, in a namespace of its own."""
    node = load.node(0)
    node["metadata"]["annotations"][HOST_ID] = host_id("node-0")
    on = msgspec.convert(node, Node)
    for number in count():
        pod = load.pod(number)
        pod["metadata"] |= {"namespace": "kube-public", "uid": host_id(f"pod-{number}")}
        yield from translate(msgspec.convert(pod, Pod), on, Names("bare")).translations


async def follow(installation: Installation, client: Client, name: str, translations: int) -> Life:
    """Start a replica and follow it until it has nothing to do."""
    before = await _writes(installation, client)
    with installation.running(name) as replica:
        return await _follow(installation, client, replica, translations, before)


async def _follow(
    installation: Installation, client: Client, replica: Replica, translations: int, before: tuple[int, int, int]
) -> Life:
    begun, ready = time.monotonic(), 0.0
    at_begin = spent = Spent.so_far(installation, replica)

    async def has_pushed() -> bool:
        nonlocal ready, spent
        last.append(await _last_write(installation, last))
        if not translations or last[-1][0] != last[-2][0]:
            spent = Spent.so_far(installation, replica)
        if time.monotonic() - last[-1][1] < QUIET and translations:
            return False
        if await replica.done() and await _count(client) >= translations:
            ready = time.monotonic()
            return True
        return False

    last = [(0, begun)]
    await until("everything known", replica.ready, seconds=_LONGEST, every=0.05, programs=[replica.process])
    await until("everything pushed", has_pushed, seconds=_LONGEST, every=0.1, programs=[replica.process])
    await until("every status written", replica.settled, seconds=_LONGEST, every=0.2, programs=[replica.process])
    told = time.monotonic()
    if not translations:
        await asyncio.sleep(QUIET)  # time to do what it should not
    after = await _writes(installation, client)
    return Life(
        pushed=last[-1][1] - begun,
        told=told - begun,
        ready=ready - begun,
        midonet=after[0] - before[0],
        kubernetes=after[1] - before[1],
        events=after[2] - before[2],
        cpu=spent.since(at_begin),
        memory=replica.process.memory()[0],
    )


async def _last_write(installation: Installation, seen: list[tuple[int, float]]) -> tuple[int, float]:
    """How many writes MidoNet has seen, and since when it has seen no more."""
    count, since = await installation.midonet_writes(), seen[-1][1]
    return (count, since if count == seen[-1][0] else time.monotonic())


async def _count(client: Client) -> int:
    """How many Translations there are, by a list of one."""
    answer = await client.send("GET", f"{TRANSLATION.path()}?limit=1")
    listed = msgspec.json.decode(answer.body)
    return len(listed["items"]) + int(listed["metadata"].get("remainingItemCount", 0))


async def new_pod(installation: Installation, client: Client, load: Load) -> float:
    """Seconds from the first request that makes a Pod, with its address, to its binding in MidoNet."""
    pod = load.pod(load.pods)
    port = str(Names().id_for("Pod", f"default/{pod['metadata']['name']}"))

    async def bound() -> bool:
        answer = await installation.midonet.get(KINDS["Port"], "", port)
        return answer.ok and bool(answer.object().get("hostId"))

    begun = time.monotonic()
    await with_status(client, PODS, pod)
    await until("the new Pod in MidoNet", bound, seconds=_LONGEST, every=0.005)
    return time.monotonic() - begun


async def _writes(installation: Installation, client: Client) -> tuple[int, int, int]:
    """Writes so far: to MidoNet, of Translations, of Events."""
    text = (await client.send("GET", "/metrics")).body.decode()
    counts = {"translations": 0.0, "events": 0.0}
    for line in text.splitlines():
        if line.startswith("apiserver_request_total{"):
            for resource in counts:
                if f'resource="{resource}"' in line and any(f'verb="{verb}"' in line for verb in _WRITES):
                    counts[resource] += float(line.rpartition(" ")[2])
    return await installation.midonet_writes(), round(counts["translations"]), round(counts["events"])
