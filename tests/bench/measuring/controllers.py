"""One life of the controllers at a real API server, followed from outside until nothing is left to do."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import msgspec

from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.model.kubernetes import Metadata
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.model.translation import Resource, Translation
from midonet_kubernetes.testing.background import until
from midonet_kubernetes.testing.cluster_load import Load, each, with_status
from midonet_kubernetes.testing.installation import Installation, Replica
from midonet_kubernetes.testing.objects import PODS

QUIET = 1.0  # seconds without a write to MidoNet after which we ask whether there is more to come
_LONGEST = 1800.0  # seconds
_WRITES = ("POST", "PUT", "PATCH", "DELETE")
_BRIDGE_PORT = (
    '{"id":"7b8b6f5a-0c5b-5c2e-9a55-3d9f4b6b5d70","type":"Bridge","outboundFilterId":"7b8b6f5a-0c5b-5c2e-9a55-3d9f4b6b5d71"}'
)


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
        cpu: seconds of processor time.
        memory: resident bytes at the end.
    """

    pushed: float
    told: float
    ready: float
    midonet: int
    kubernetes: int
    events: int
    cpu: float
    memory: int


async def bare_rate(client: Client, count: int, at_once: int) -> float:
    """Translations of a Pod's size that are created in a second and then deleted."""
    resources = [Resource("Port", "7b8b6f5a-0c5b-5c2e-9a55-3d9f4b6b5d72", _BRIDGE_PORT)] * 3
    names = [f"bare-{number}" for number in range(count)]

    async def create(name: str) -> None:
        metadata = Metadata(name=name, namespace="kube-public", labels={"midonet.org/owner-uid": name})
        await client.create(TRANSLATION, Translation(metadata=metadata, resources=resources))

    begun = time.monotonic()
    await each(names, create, at_once=at_once)
    rate = count / (time.monotonic() - begun)
    await each(names, lambda name: client.delete(TRANSLATION, name, namespace="kube-public"), at_once=at_once)
    return rate


async def follow(installation: Installation, client: Client, name: str, translations: int) -> Life:
    """Start a replica and follow it until it has nothing to do."""
    before = await _writes(installation, client)
    with installation.running(name) as replica:
        return await _follow(installation, client, replica, translations, before)


async def _follow(
    installation: Installation, client: Client, replica: Replica, translations: int, before: tuple[int, int, int]
) -> Life:
    begun, ready = time.monotonic(), 0.0

    async def has_pushed() -> bool:
        nonlocal ready
        last.append(await _last_write(installation, last))
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
        cpu=replica.process.cpu_seconds(),
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
