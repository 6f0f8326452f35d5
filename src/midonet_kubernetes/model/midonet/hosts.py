"""Hosts and the tunnels between them (rest-api 4.1, 4.2, 4.10)."""

from __future__ import annotations

from msgspec import Struct

from midonet_kubernetes.model.wire import camel


class Host(Struct, frozen=True, kw_only=True, rename=camel):
    """A host that an agent registered."""

    id: str
    name: str | None = None
    addresses: list[str] = []


class TunnelZone(Struct, frozen=True, kw_only=True, rename=camel):
    """A tunnel zone; ``type`` is ``vxlan``, ``gre`` or ``vtep``."""

    id: str
    name: str | None = None
    type: str = "vxlan"


class TunnelZoneHost(Struct, frozen=True, kw_only=True, rename=camel):
    """A host's tunnel endpoint in a zone; ``id`` is ``<zone>/<host>``."""

    id: str
    tunnel_zone_id: str
    host_id: str
    ip_address: str
