"""The MidoNet objects that Translations hold, as they are written: exactly these keys, in exactly this order.

One class per resource kind, named like the kind. A field without a default is always written, any other only when it
is not empty. ``model.midonet`` has the same objects as they are read back; these are for writing.
"""

from __future__ import annotations

import re
from uuid import UUID

from msgspec import Struct, json

from midonet_kubernetes.model.wire import camel

IPV4 = 0x0800  # dlType
# Go's JSON writer escapes these inside texts; we write the same bytes, so that an object it made is not pushed again.
_ESCAPED_BY_GO = re.compile("[<>&\u2028\u2029]")


class Body(Struct, frozen=True, kw_only=True, rename=camel, omit_defaults=True):
    """What is sent to MidoNet for one object; the parent is in the URL."""

    @property
    def kind(self) -> str:
        """The resource kind in a Translation."""
        return type(self).__name__


class TunnelZone(Body, frozen=True, kw_only=True):
    """A tunnel zone; ``type`` is ``vxlan`` or ``gre``."""

    id: UUID
    name: str = ""
    type: str = ""


class TunnelZoneHost(Body, frozen=True, kw_only=True):
    """A host's tunnel endpoint in the zone that is the parent."""

    host_id: UUID
    ip_address: str = ""


class Router(Body, frozen=True, kw_only=True):
    """A router."""

    id: UUID
    tenant_id: str = ""
    name: str = ""
    inbound_filter_id: UUID | None = None
    outbound_filter_id: UUID | None = None


class Bridge(Body, frozen=True, kw_only=True):
    """A bridge."""

    id: UUID
    tenant_id: str = ""
    name: str = ""
    inbound_filter_id: UUID | None = None
    outbound_filter_id: UUID | None = None


class Port(Body, frozen=True, kw_only=True):
    """A port; ``type`` is ``Bridge`` or ``Router`` and tells what the parent is. ``port_subnet`` holds ``address/length``."""

    id: UUID
    type: str
    port_subnet: tuple[str, ...] = ()
    port_mac: str = ""
    inbound_filter_id: UUID | None = None
    outbound_filter_id: UUID | None = None


class PortLink(Body, frozen=True, kw_only=True):
    """Links the parent to ``peer_id``; MidoNet answers 500 when ``port_id`` is not null (MNA-1249)."""

    port_id: None
    peer_id: UUID


class Route(Body, frozen=True, kw_only=True):
    """A route of the router that is the parent."""

    id: UUID
    dst_network_addr: str
    dst_network_length: int
    next_hop_gateway: str = ""
    next_hop_port: UUID
    src_network_addr: str
    src_network_length: int
    type: str


class Chain(Body, frozen=True, kw_only=True):
    """A chain."""

    id: UUID
    tenant_id: str = ""
    name: str = ""


class PortRange(Body, frozen=True, kw_only=True):
    """Transport ports, both ends included."""

    start: int = 0
    end: int = 0


class NatTarget(Body, frozen=True, kw_only=True):
    """Addresses and ports that NAT may choose from, ends included."""

    address_from: str = ""
    address_to: str = ""
    port_from: int = 0
    port_to: int = 0


class Rule(Body, frozen=True, kw_only=True):
    """A rule of the chain that is the parent. MidoNet puts a new rule at the head of its chain."""

    id: UUID | None = None
    type: str
    dl_type: int = 0
    nw_dst_address: str = ""
    nw_dst_length: int = 0
    nw_proto: int = 0
    nw_src_address: str = ""
    nw_src_length: int = 0
    tp_dst: PortRange | None = None
    tp_src: PortRange | None = None
    jump_chain_id: UUID | None = None
    flow_action: str = ""
    nat_targets: tuple[NatTarget, ...] = ()


class HostInterfacePort(Body, frozen=True, kw_only=True):
    """Binds a port to an interface of the host that is the parent."""

    host_id: UUID
    port_id: UUID
    interface_name: str


class MACPort(Body, frozen=True, kw_only=True):
    """An entry of the MAC table of the bridge that is the parent."""

    mac_addr: str
    port_id: UUID


class IPv4MACPair(Body, frozen=True, kw_only=True):
    """An entry of the ARP table of the bridge that is the parent."""

    ip: str
    mac: str


_encoder = json.Encoder()


def text(body: Body) -> str:
    """The JSON text of ``body`` as the Go integration writes it, to the byte."""
    written = _encoder.encode(body).decode()
    return _ESCAPED_BY_GO.sub(lambda found: f"\\u{ord(found[0]):04x}", written)
