"""Names and UUIDs of everything we create. They are computed, never remembered, so two writers make the same ones.

The rules are those of the Go integration (Translation version 4), to the byte.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property
from uuid import UUID, uuid5

TRANSLATION_VERSION = "4"
TENANT_SPACE = UUID("3978567E-91C4-465C-A0D1-67575F6B4C7F")
NODE_PORT_INTERFACE = "midokube-mido"  # the virtual network's end of the link to a node's own network stack
LONGEST_NAME = 253  # of a Kubernetes object (RFC 1123 subdomain)


def sub_id(parent: UUID, name: str) -> UUID:
    """The id of a part that belongs to ``parent``."""
    return uuid5(parent, name)


def mac_for(key: str) -> str:
    """The MAC address of a node's router port or of a pod: ``ac:ca:ba`` and three bytes of the key's SHA-256."""
    return "ac:ca:ba:" + hashlib.sha256(key.encode()).digest()[:3].hex(":")


def interface_for(key: str) -> str:
    """The name of a pod's interface in the virtual network; ``key`` is ``namespace/name``. 15 characters, Linux's limit."""
    return "mido" + hashlib.sha1(key.encode(), usedforsecurity=False).hexdigest()[:11]


def dns_name(name: str) -> str:
    """``name`` as a Kubernetes object name: lower case, ``/`` as ``-``, and a hash when that lost something or is too long.

    A name that does not fit 253 characters is cut and keeps its hash.
    """
    plain = name.replace("/", "-").lower()
    if plain == name and len(plain) <= LONGEST_NAME:
        return plain
    suffix = "-" + hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()
    room = LONGEST_NAME - len(suffix)
    return (plain if len(plain) <= room else plain[:room].rstrip("-.")) + suffix


def translation_name(kind: str, name: str) -> str:
    """The name of the Translation with key kind ``kind`` and key name ``name`` (the key without its namespace)."""
    return dns_name(f"{kind.lower()}.{TRANSLATION_VERSION}.{name}")


def version_in(key: str) -> str:
    """The Translation version in the name or key of a Translation; "" for a name that is none of ours."""
    parts = key.split(".", 2)  # neither a kind nor a namespace has a dot
    return parts[1] if len(parts) == 3 else ""


@dataclass(frozen=True)
class Names:
    """UUIDs in the space of one tenant.

    Args:
        tenant: the MidoNet tenant; an empty one is a tenant like any other.
    """

    tenant: str = "midonetkube"

    @cached_property
    def space(self) -> UUID:
        """The name space of the tenant."""
        return uuid5(TENANT_SPACE, f"{TRANSLATION_VERSION}/{self.tenant}")

    def id_for(self, kind: str, key: str) -> UUID:
        """The id of the MidoNet object made for the Kubernetes object (or part) ``key``, as ``namespace/name`` or ``name``."""
        return uuid5(self.space, f"{TRANSLATION_VERSION}/{kind}/{key}")
