"""Takes a lab out of an API that stays, at its end or, after a kill, at the next start: no program of the lab is needed for it.

Translations go with their finalizers taken off: the MidoNet that they were pushed to ends, or has ended, with the lab.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

from midonet_kubernetes.errors import ApiError, NotFound
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import LEASE, NODE, POD, TRANSLATION, Kind, raw
from midonet_kubernetes.lab.cluster import CONTROLLERS, LEASE_NAMESPACE
from midonet_kubernetes.lab.ownership import Ownership

T = TypeVar("T")
R = TypeVar("R")

AT_ONCE = 16  # requests
GONE = 10.0  # seconds for objects to go, with what the cluster's own components have to do for it
MOST_NAMED = 5  # objects in a message
POLL = 0.2  # seconds between two looks at what is left
AT_ONCE_AND_WITH_WHAT_IT_OWNS = json.dumps(
    {"apiVersion": "v1", "kind": "DeleteOptions", "gracePeriodSeconds": 0, "propagationPolicy": "Background"}
).encode()
NOT_BY_LABEL = {("", "nodes"), ("", "events"), ("events.k8s.io", "events"), (TRANSLATION.group, TRANSLATION.plural)}
RAW_TRANSLATION = raw(TRANSLATION.api_version, TRANSLATION.kind, TRANSLATION.plural, namespaced=True)


async def clear(client: Client, ownership: Ownership) -> None:
    """Remove the lab's objects, all Translations, the controllers' Lease, and last the lab's Nodes.

    Nodes go last since they tell a later start that Translations are its own to take away.
    Nobody may be making Translations.

    Raises:
        ApiError: the API refused something or is away, or objects do not go; call it again later.
    """
    stuck = await _remove_labelled(client, ownership)
    await _each(await translations(client), partial(_remove_translation, client))
    await _remove(client, LEASE, LEASE_NAMESPACE, CONTROLLERS)  # else the next controllers would wait for it to run out
    nodes = [node.metadata.name for node in await client.list(NODE, labels=ownership.selector)]
    await _each(nodes, partial(_remove, client, NODE, None))
    for node in nodes:  # pods that their owner insists on having on each node
        for pod in await client.list(POD, fields=f"spec.nodeName={node}"):
            await _remove(client, POD, pod.metadata.namespace, pod.metadata.name)
    if stuck:
        raise ApiError(f"objects are still there {GONE:.0f} s after their deletion: {', '.join(stuck[:MOST_NAMED])}")


async def translations(client: Client) -> Sequence[dict[str, Any]]:
    """All Translations; none where their kind is not known."""
    try:
        return await client.list(RAW_TRANSLATION)
    except NotFound:
        return []


async def _remove_labelled(client: Client, ownership: Ownership) -> list[str]:
    """What is still there in the end, by name."""
    kinds, loop = await _kinds(client), asyncio.get_running_loop()
    ends_at = loop.time() + GONE
    while True:
        lists = await _each(kinds, partial(_labelled, client, ownership))
        found = [(kind, one["metadata"]) for kind, objects in zip(kinds, lists, strict=True) for one in objects]
        if not found or loop.time() > ends_at:
            return [f"{kind.plural}/{metadata['name']}" for kind, metadata in found]
        for kind, metadata in found:
            await _remove(client, kind, metadata.get("namespace"), metadata["name"])
        await asyncio.sleep(POLL)


async def _kinds(client: Client) -> list[Kind[dict[str, Any]]]:
    """Every kind that the API can list and delete, in the version that it prefers."""
    groups = json.loads((await client.send("GET", "/apis")).body)["groups"]
    versions = ["v1", *(group["preferredVersion"]["groupVersion"] for group in groups)]
    answers = await _each(versions, partial(_resources, client))
    return [
        kind
        for version, resources in zip(versions, answers, strict=True)
        for resource in resources
        if "/" not in resource["name"] and {"list", "delete"} <= set(resource["verbs"])
        for kind in [raw(version, resource["kind"], resource["name"], namespaced=resource["namespaced"])]
        if (kind.group, kind.plural) not in NOT_BY_LABEL
    ]


async def _resources(client: Client, version: str) -> list[dict[str, Any]]:
    try:
        answer = await client.send("GET", f"/apis/{version}" if "/" in version else f"/api/{version}")
    except ApiError:  # the server of an aggregated API is away: nothing of the lab is there
        return []
    resources: list[dict[str, Any]] = json.loads(answer.body)["resources"]
    return resources


async def _labelled(client: Client, ownership: Ownership, kind: Kind[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    try:
        return await client.list(kind, labels=ownership.selector)
    except ApiError as error:
        if error.status in {403, 404, 405}:  # what we may not list we have not made
            return []
        raise


async def _remove(client: Client, kind: Kind[Any], namespace: str | None, name: str) -> None:
    try:
        await client.send("DELETE", kind.path(namespace=namespace, name=name), AT_ONCE_AND_WITH_WHAT_IT_OWNS)
    except NotFound:
        return


async def _remove_translation(client: Client, translation: dict[str, Any]) -> None:
    metadata = translation["metadata"]
    name, namespace = metadata["name"], metadata["namespace"]
    try:
        if metadata.get("finalizers"):
            await client.patch(RAW_TRANSLATION, name, {"metadata": {"finalizers": None}}, namespace=namespace)
        await client.delete(RAW_TRANSLATION, name, namespace=namespace)
    except NotFound:
        return


async def _each(things: Iterable[T], work: Callable[[T], Awaitable[R]]) -> list[R]:
    """The results of working on each, some at a time, in order."""
    some = asyncio.Semaphore(AT_ONCE)

    async def one(thing: T) -> R:
        async with some:
            return await work(thing)

    return await asyncio.gather(*(one(thing) for thing in things))
