"""A bridge's MAC and ARP tables (rest-api 4.12, 4.13)."""

from __future__ import annotations

from msgspec import Struct

from midonet_kubernetes.model.wire import camel


class MacPort(Struct, frozen=True, kw_only=True, rename=camel):
    """A persistent MAC table entry; ``id`` is ``<bridge>/<vlan>/<mac>/<port>``."""

    id: str
    bridge_id: str
    mac_addr: str
    port_id: str
    vlan_id: int = 0


class Ip4Mac(Struct, frozen=True, kw_only=True, rename=camel):
    """An ARP table entry; ``id`` is ``<bridge>/<ip>/<mac>``."""

    id: str
    bridge_id: str
    ip: str
    mac: str
