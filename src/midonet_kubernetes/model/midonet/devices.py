"""Routers, bridges and their ports (rest-api 4.3 to 4.7)."""

from __future__ import annotations

from msgspec import Struct

from midonet_kubernetes.model.wire import camel


class Router(Struct, frozen=True, kw_only=True, rename=camel):
    """A router."""

    id: str
    name: str | None = None
    tenant_id: str | None = None
    admin_state_up: bool = True
    inbound_filter_id: str | None = None
    outbound_filter_id: str | None = None
    local_redirect_chain_id: str | None = None
    forward_chain_id: str | None = None
    load_balancer_id: str | None = None


class Bridge(Struct, frozen=True, kw_only=True, rename=camel):
    """A bridge."""

    id: str
    name: str | None = None
    tenant_id: str | None = None
    admin_state_up: bool = True
    inbound_filter_id: str | None = None
    outbound_filter_id: str | None = None


class Port(Struct, frozen=True, kw_only=True, rename=camel):
    """A port of a bridge or a router.

    ``type`` is ``Bridge`` or ``Router``. Exterior: ``host_id`` and ``interface_name`` set; interior: ``peer_id`` set
    (exterior wins). ``port_subnet`` holds ``address/length`` texts.
    """

    id: str
    type: str
    device_id: str
    admin_state_up: bool = True
    inbound_filter_id: str | None = None
    outbound_filter_id: str | None = None
    host_id: str | None = None
    interface_name: str | None = None
    peer_id: str | None = None
    tunnel_key: int = 0
    vlan_id: int = 0
    port_subnet: list[str] = []
    port_mac: str | None = None


class Route(Struct, frozen=True, kw_only=True, rename=camel):
    """A route of a router; ``type`` is ``Normal``, ``BlackHole``, ``Reject`` or ``Local``."""

    id: str
    type: str
    router_id: str | None = None
    src_network_addr: str = "0.0.0.0"  # noqa: S104 - the prefix 0.0.0.0/0, not an address to listen on
    src_network_length: int = 0
    dst_network_addr: str = "0.0.0.0"  # noqa: S104 - as above
    dst_network_length: int = 0
    next_hop_port: str | None = None
    next_hop_gateway: str | None = None
    weight: int = 0


class PortGroup(Struct, frozen=True, kw_only=True, rename=camel):
    """A port group with its members."""

    id: str
    name: str | None = None
    stateful: bool = False
    port_ids: list[str] = []


class BridgeHome(Struct, frozen=True, kw_only=True, rename=camel):
    """Derived for the stream: the hosts that hold bound ports of a bridge, so that no host has to know every remote port."""

    id: str  # of the bridge
    host_ids: list[str] = []
