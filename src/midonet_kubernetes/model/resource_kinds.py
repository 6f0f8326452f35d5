"""Where each kind of a Translation's resources lives in the MidoNet API: one table, for the pusher and the client.

Paths are relative to the API's base. ``{parent}`` is the resource's parent, ``{id}`` what ``ResourceKind.id_of`` answers.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_MEDIA = "application/vnd.org.midonet."


def _field(name: str) -> Callable[[str, Mapping[str, Any]], str]:
    return lambda _parent, body: str(body[name])


def _parent(parent: str, _body: Mapping[str, Any]) -> str:
    return parent


def _mac_and_port(_parent: str, body: Mapping[str, Any]) -> str:
    return f"{body['macAddr'].replace(':', '-')}_{body['portId']}"


def _ip_and_mac(_parent: str, body: Mapping[str, Any]) -> str:
    return f"{body['ip']}_{body['mac'].replace(':', '-')}"


@dataclass(frozen=True, slots=True)
class ResourceKind:
    """One resource kind.

    Args:
        name: as in a Translation.
        type: media type without prefix and suffix.
        collections: paths that take a POST and, unless ``readable`` is false, answer a GET with the list of what is
            under that parent. A Port's depends on its ``type``; all others have one, under the key "".
        item: path of one object.
        id_of: a resource's id out of its parent and its body.
        replaceable: the item takes a PUT. What does not is changed by making another one.
        readable: the item and the collection answer a GET.
    """

    name: str
    type: str
    collections: Mapping[str, str]
    item: str
    id_of: Callable[[str, Mapping[str, Any]], str]
    replaceable: bool = False
    readable: bool = True

    @property
    def media_type(self) -> str:
        """Content type of one object."""
        return f"{_MEDIA}{self.type}+json"

    @property
    def collection_media_type(self) -> str:
        """Content type of a list."""
        return f"{_MEDIA}collection.{self.type}+json"

    def collection_path(self, parent: str, body: Mapping[str, Any]) -> str:
        """Where ``body`` is POSTed.

        Raises:
            KeyError: the body of a Port has no ``type`` or one that is neither ``Bridge`` nor ``Router``.
        """
        path = self.collections[""] if "" in self.collections else self.collections[body["type"]]
        return path.format(parent=parent)

    def item_path(self, parent: str, id: str) -> str:  # noqa: A002 - the contract's word
        """Where the object is read (if ``readable``), replaced (if ``replaceable``) and deleted."""
        return self.item.format(parent=parent, id=id)


def _under(path: str) -> Mapping[str, str]:
    return {"": path}


KINDS: Mapping[str, ResourceKind] = {
    kind.name: kind
    for kind in (
        ResourceKind(
            "TunnelZone", "TunnelZone-v1", _under("/tunnel_zones"), "/tunnel_zones/{id}", _field("id"), replaceable=True
        ),
        ResourceKind(
            "TunnelZoneHost",
            "TunnelZoneHost-v1",
            _under("/tunnel_zones/{parent}/hosts"),
            "/tunnel_zones/{parent}/hosts/{id}",
            _field("hostId"),
        ),
        ResourceKind("Router", "Router-v3", _under("/routers"), "/routers/{id}", _field("id"), replaceable=True),
        ResourceKind("Bridge", "Bridge-v4", _under("/bridges"), "/bridges/{id}", _field("id"), replaceable=True),
        ResourceKind(
            "Port",
            "Port-v3",
            {"Bridge": "/bridges/{parent}/ports", "Router": "/routers/{parent}/ports"},
            "/ports/{id}",
            _field("id"),
            replaceable=True,
        ),
        ResourceKind("PortLink", "PortLink-v1", _under("/ports/{parent}/link"), "/ports/{parent}/link", _parent, readable=False),
        ResourceKind("Route", "Route-v1", _under("/routers/{parent}/routes"), "/routes/{id}", _field("id")),
        ResourceKind("Chain", "Chain-v1", _under("/chains"), "/chains/{id}", _field("id")),
        ResourceKind("Rule", "Rule-v2", _under("/chains/{parent}/rules"), "/rules/{id}", _field("id")),
        ResourceKind(
            "HostInterfacePort",
            "HostInterfacePort-v1",
            _under("/hosts/{parent}/ports"),
            "/hosts/{parent}/ports/{id}",
            _field("portId"),
        ),
        ResourceKind(
            "MACPort", "MACPort-v2", _under("/bridges/{parent}/mac_table"), "/bridges/{parent}/mac_table/{id}", _mac_and_port
        ),
        ResourceKind(
            "IPv4MACPair", "IP4Mac-v1", _under("/bridges/{parent}/arp_table"), "/bridges/{parent}/arp_table/{id}", _ip_and_mac
        ),
    )
}
