"""The MidoNet objects that a packet meets, as the pure core reads them (REST field names, without links).

``topology`` compiles them, ``simulate`` walks them, the server streams them. ``KINDS`` lists every kind of the stream.
"""

from __future__ import annotations

from midonet_kubernetes.model.midonet.devices import Bridge, BridgeHome, Port, PortGroup, Route, Router
from midonet_kubernetes.model.midonet.hosts import Host, TunnelZone, TunnelZoneHost
from midonet_kubernetes.model.midonet.load_balancers import LoadBalancer, Pool, PoolMember, Vip
from midonet_kubernetes.model.midonet.rules import Chain, IpAddrGroup, NatTarget, PortRange, Rule
from midonet_kubernetes.model.midonet.tables import Ip4Mac, MacPort

KINDS: dict[str, type] = {
    kind.__name__: kind
    for kind in (
        Bridge,
        BridgeHome,
        Chain,
        Host,
        Ip4Mac,
        IpAddrGroup,
        MacPort,
        Port,
        PortGroup,
        Route,
        Router,
        Rule,
        TunnelZone,
        TunnelZoneHost,
    )
}

__all__ = [
    "KINDS",
    "Bridge",
    "BridgeHome",
    "Chain",
    "Host",
    "Ip4Mac",
    "IpAddrGroup",
    "LoadBalancer",
    "MacPort",
    "NatTarget",
    "Pool",
    "PoolMember",
    "Port",
    "PortGroup",
    "PortRange",
    "Route",
    "Router",
    "Rule",
    "TunnelZone",
    "TunnelZoneHost",
    "Vip",
]
