"""One MidoNet object as a Translation wants it, read from the Translation's text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from midonet_kubernetes.model.resource_kinds import KINDS, ResourceKind
from midonet_kubernetes.model.translation import PushedResource, Resource

# Fields that name another MidoNet object, which must be there first (rest-api 5: "bound references", and 4.7, 4.9).
_REFERENCES = {
    "inboundFilterId": "Chain",
    "outboundFilterId": "Chain",
    "nextHopPort": "Port",
    "jumpChainId": "Chain",
    "portId": "Port",
    "peerId": "Port",
}
# What a parent is, where only we make such parents. A tunnel zone or a host may be anybody's.
_PARENTS = {"Rule": "Chain", "Route": "Router", "MACPort": "Bridge", "IPv4MACPair": "Bridge", "PortLink": "Port"}
# Kinds of which MidoNet keeps one per parent and id. Of the others the id alone says which object it is: a port has one
# link and one binding, whatever is at the other end.
_UNDER_PARENT = frozenset({"TunnelZoneHost", "MACPort", "IPv4MACPair"})


# What may stand in a path of the API: UUIDs, addresses, and what kinds join of them.
_IN_A_PATH = re.compile("[A-Za-z0-9._:-]{1,120}")


class Unusable(ValueError):
    """An entry of a Translation that cannot be pushed; the message says why."""


class Wanted(msgspec.Struct, frozen=True):
    """An object to be there.

    Args:
        kind: its resource kind.
        id: as the kind's ``id_of`` says.
        parent: UUID, or "".
        body: as JSON values.
        text: the body as written in the Translation; this is what is sent.
        digest: of parent and text: what is pushed under this digest needs no push.
        identity: which object of MidoNet it is; two entries with one identity are two opinions about one object.
    """

    kind: ResourceKind
    id: str
    parent: str
    body: Mapping[str, Any]
    text: str
    digest: str
    identity: str

    @property
    def needs(self) -> tuple[str, ...]:
        """What must be in MidoNet before: see ``gives``. A binding needs its host to be in a tunnel zone (rest-api 4.11)."""
        named = [str(self.body[field]) for field in _REFERENCES if self.body.get(field)]
        if self.kind.name == "HostInterfacePort":
            return (*named, f"host/{self.parent}")
        return (self.parent, *named) if self.parent else tuple(named)

    @property
    def leans_on(self) -> Iterator[tuple[str, str]]:
        """What it needs of what Translations make: identity, and token."""
        parent = str(self.body.get("type")) if self.kind.name == "Port" else _PARENTS.get(self.kind.name, "")
        if parent:
            yield f"{parent}/{self.parent}", self.parent
        for field, kind in _REFERENCES.items():
            if named := self.body.get(field):
                yield f"{kind}/{named}", str(named)

    @property
    def gives(self) -> str:
        """What others may need of it: its id, or that a host is in a tunnel zone; "" for nothing."""
        if self.kind.name == "TunnelZoneHost":
            return f"host/{self.id}"
        return self.id if "id" in self.body else ""

    def pushed(self) -> PushedResource:
        """The entry of ``status.pushed`` once it is in MidoNet."""
        return PushedResource(kind=self.kind.name, id=self.id, parent=self.parent, digest=self.digest)


def identity(kind: str, id: str, parent: str) -> str:  # noqa: A002 - the contract's word
    """Which object of MidoNet a kind, an id and a parent name."""
    return f"{kind}/{parent}/{id}" if kind in _UNDER_PARENT else f"{kind}/{id}"


def identity_of(pushed: PushedResource) -> str:
    """Which object of MidoNet an entry of ``status.pushed`` names."""
    return identity(pushed.kind, pushed.id, pushed.parent)


@lru_cache(maxsize=1024)  # an entry is read when it is written, when it is shown and when it is pushed, soon after each other
def read(resource: Resource) -> Wanted:
    """An entry of a Translation.

    Raises:
        Unusable: no such kind, no JSON object, or a field that says which object it is is missing.
    """
    kind = KINDS.get(resource.kind)
    if kind is None:
        raise Unusable(f"{resource.kind!r} is no kind of MidoNet object that can be pushed")
    try:
        body = msgspec.json.decode(resource.body, type=dict[str, Any])
        id_ = kind.id_of(resource.parent, body)
        kind.collection_path(resource.parent, body)
    except msgspec.DecodeError as error:
        raise Unusable(f"the body of a {kind.name} is no JSON object: {error}") from None
    except (KeyError, AttributeError, TypeError) as error:
        raise Unusable(f"the body of a {kind.name} lacks {error}") from None
    for part in (id_, resource.parent):
        if part and not _IN_A_PATH.fullmatch(part):
            raise Unusable(f"{part[:80]!r} cannot name a MidoNet object")
    return Wanted(
        kind,
        id_,
        resource.parent,
        body,
        resource.body,
        digest_of(resource),
        identity(kind.name, id_, resource.parent),
    )


def digest_of(resource: Resource) -> str:
    """Of parent and body: see ``Wanted.digest``."""
    return hashlib.sha256(f"{resource.parent}\n{resource.body}".encode()).hexdigest()[:16]


def is_told(resources: Sequence[Resource], told: Sequence[PushedResource]) -> bool:
    """Whether ``told`` names all ``resources`` as they are, so that none has to be read."""
    return len(resources) == len(told) and all(
        entry.digest == digest_of(resource) and (entry.kind, entry.parent) == (resource.kind, resource.parent)
        for resource, entry in zip(resources, told, strict=True)
    )


def read_all(resources: Iterable[Resource]) -> tuple[list[Wanted], list[str]]:
    """The entries of a Translation that can be pushed, and what is wrong with the others. An id named twice counts once."""
    wanted: dict[str, Wanted] = {}
    wrong: list[str] = []
    for place, resource in enumerate(resources):
        try:
            entry = read(resource)
        except Unusable as error:
            wrong.append(f"resources[{place}]: {error}")
            continue
        if entry.identity in wanted:
            wrong.append(f"resources[{place}]: {entry.kind.name} {entry.id} is named twice")
        else:
            wanted[entry.identity] = entry
    return list(wanted.values()), wrong
