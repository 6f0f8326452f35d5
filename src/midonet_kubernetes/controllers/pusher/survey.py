"""What MidoNet has, read in lists: one request for all rules of a chain, all ports of a bridge, and so on.

What is under a parent that MidoNet does not have is absent without asking. Of each object only a digest is kept.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from midonet_kubernetes.controllers.pusher.normal import normal, parent_of
from midonet_kubernetes.controllers.pusher.wanted import Wanted, identity
from midonet_kubernetes.errors import ApiError, MidonetApiError
from midonet_kubernetes.midonet_api import Client
from midonet_kubernetes.model.resource_kinds import KINDS, ResourceKind
from midonet_kubernetes.model.translation import PushedResource

# Kinds whose lists are under a parent of one of these kinds, itself in a list that needs no parent.
_PARENTS: Mapping[str, tuple[str, ...]] = {
    "Rule": ("Chain",),
    "Route": ("Router",),
    "Port": ("Bridge", "Router"),
    "MACPort": ("Bridge",),
    "IPv4MACPair": ("Bridge",),
    "TunnelZoneHost": ("TunnelZone",),
}
_ON_A_PORT = ("PortLink", "HostInterfacePort")
_encode = msgspec.json.Encoder(order="sorted").encode

Found = Mapping[str, tuple[str, bytes]]
"""By identity: parent, and digest of what counts."""


class Survey:
    """One look at MidoNet; each list is read once, when something in it is asked for.

    Args:
        client: of the MidoNet API.
        pace: awaited before each request; spreads them over time.
    """

    def __init__(self, client: Client, pace: Callable[[], Awaitable[None]]) -> None:
        self._client, self._pace = client, pace
        self._lists: dict[str, asyncio.Task[Found]] = {}

    async def look(self, wanted: Wanted) -> PushedResource | None:
        """What MidoNet has in the place of ``wanted``: with its digest if it is as wanted, without if not, None if absent.

        Raises:
            ApiError: a list could not be read.
        """
        found = (await self._place(wanted)).get(wanted.identity)
        if found is None:
            return None
        parent, digest = found
        if parent == wanted.parent and digest == _digest(wanted.kind.name, wanted.body):
            return wanted.pushed()
        return PushedResource(kind=wanted.kind.name, id=wanted.id, parent=parent)

    async def forget(self) -> None:
        """Stop reading; the next question is answered by new lists."""
        tasks, self._lists = set(self._lists.values()), {}
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)

    async def _place(self, wanted: Wanted) -> Found:
        """The list that ``wanted`` would be in."""
        if wanted.kind.name in _ON_A_PORT:
            return await self._port(wanted.id)
        for kind in _PARENTS.get(wanted.kind.name, ()):
            parents = await self._list(KINDS[kind], "", {})
            if identity(kind, wanted.parent, "") in parents:
                return await self._list(wanted.kind, wanted.parent, wanted.body)
        return {} if wanted.kind.name in _PARENTS else await self._list(wanted.kind, "", {})

    async def _port(self, id: str) -> Found:  # noqa: A002 - the contract's word
        """The list that the port is in: it was read already if the port is of the same Translation."""
        for task in list(self._lists.values()):
            if task.done() and not task.cancelled() and task.exception() is None and identity("Port", id, "") in task.result():
                return task.result()
        return await self._once(f"port {id}", lambda: self._read_port(id))

    async def _list(self, kind: ResourceKind, parent: str, body: Mapping[str, Any]) -> Found:
        path = kind.collection_path(parent, body)
        return await self._once(path, lambda: self._read(kind, parent, body))

    async def _once(self, name: str, read: Callable[[], Awaitable[Found]]) -> Found:
        task = self._lists.get(name)
        if task is None:
            task = self._lists[name] = asyncio.ensure_future(read())
        try:
            return await asyncio.shield(task)
        except ApiError:
            self._lists.pop(name, None)
            raise

    async def _read(self, kind: ResourceKind, parent: str, body: Mapping[str, Any]) -> Found:
        await self._pace()
        try:
            objects = await self._client.list(kind.collection_path(parent, body), kind.collection_media_type)
        except MidonetApiError as error:
            if error.status == 404:
                return {}
            raise
        found: dict[str, tuple[str, bytes]] = {}
        for actual in objects:
            found.update(_seen(kind, parent, actual))
        return found

    async def _read_port(self, id: str) -> Found:  # noqa: A002 - the contract's word
        await self._pace()
        port = KINDS["Port"]
        answer = await self._client.get(port, "", id)
        if answer.status == 404:
            return {}
        if not answer.ok:
            raise MidonetApiError(f"MidoNet answers GET of Port {id} with {answer.status}", status=answer.status)
        return _seen(port, "", answer.object())


def _seen(kind: ResourceKind, parent: str, actual: Mapping[str, Any]) -> dict[str, tuple[str, bytes]]:
    """What an object of a list tells; a port also tells of its link and its binding."""
    try:
        id_ = kind.id_of(parent, actual)
    except (KeyError, AttributeError, TypeError):
        return {}
    under = parent_of(kind.name, actual, parent)
    seen = {identity(kind.name, id_, under): (under, _digest(kind.name, actual))}
    if kind.name == "Port" and actual.get("peerId"):
        seen[identity("PortLink", id_, "")] = (id_, _digest("PortLink", actual))
    if kind.name == "Port" and actual.get("hostId"):
        seen[identity("HostInterfacePort", id_, "")] = (str(actual["hostId"]), _digest("HostInterfacePort", actual))
    return seen


def _digest(kind: str, body: Mapping[str, Any]) -> bytes:
    return hashlib.sha256(_encode(normal(kind, body))).digest()[:8]
