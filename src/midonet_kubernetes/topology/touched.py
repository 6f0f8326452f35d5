"""Which units a changed object is part of."""

from __future__ import annotations

from dataclasses import dataclass, field

from midonet_kubernetes.model.midonet import (
    Bridge,
    BridgeHome,
    Ip4Mac,
    IpAddrGroup,
    MacPort,
    Port,
    PortGroup,
    Route,
    Router,
    Rule,
    TunnelZoneHost,
)
from midonet_kubernetes.topology.objects import Objects
from midonet_kubernetes.topology.services import Place


@dataclass
class Touched:
    """Units to compile anew, gathered while changes are taken in.

    Args:
        host_id: of the host that is compiled for.
        bridges: ids.
        routers: ids.
        chains: ids of chains whose rules changed.
        places: keys of exact jumps whose jump or target changed.
        groups: ids of IP address groups.
        entries: what leads from ports into chains changed.
        routing: what routers lead to changed.
        tunnel: the host's own tunnel endpoints changed.
        all_chains: what conditions refer to changed.
    """

    host_id: str
    bridges: set[str] = field(default_factory=set)
    routers: set[str] = field(default_factory=set)
    chains: set[str] = field(default_factory=set)
    places: set[Place] = field(default_factory=set)
    groups: set[str] = field(default_factory=set)
    entries: bool = False
    routing: bool = False
    tunnel: bool = False
    all_chains: bool = False

    def add(self, item: object, objects: Objects) -> None:  # noqa: C901 - one case for each kind
        """An object as it was or as it is now; ``objects`` are as they are now."""
        match item:
            case Bridge():
                self.bridges.add(item.id)
                self.routing = True
                self.entries |= any(port.host_id == self.host_id for port in objects.ports_of(item.id))
            case BridgeHome():
                self.bridges.add(item.id)
                self.routing = True
                self.entries |= self.host_id in item.host_ids
            case Router():
                self.routers.add(item.id)
                self.routing = True
                self.entries |= bool(item.inbound_filter_id or item.outbound_filter_id)
            case Port():
                self._add_port(item, objects)
            case Route():
                self.routing = True
                self.bridges |= objects.bridges_at(item.next_hop_port or "")
            case Ip4Mac() | MacPort():
                self.bridges.add(item.bridge_id)
            case TunnelZoneHost():
                own = item.host_id == self.host_id
                self.tunnel |= own
                self.bridges.update(objects.bridges if own else (home.id for home in objects.homes_on(item.host_id)))
            case Rule():
                self._add_rule(item, objects)
            case IpAddrGroup():
                self.groups.add(item.id)
            case PortGroup():
                self.all_chains = True

    def add_all_rules(self, chain: str, objects: Objects) -> None:
        """A chain became, or is no longer, one of exact jumps only."""
        self.chains.add(chain)
        self.places.update((chain, key) for key in objects.exact_keys(chain))

    def _add_port(self, port: Port, objects: Objects) -> None:
        if port.type == "Router" or port.peer_id:
            self.routing = True
            bridges = objects.bridges_at(port.id) if port.type == "Router" else {port.device_id}
            here = any(self.host_id in objects.hosts_of(bridge) for bridge in bridges)
            self.entries |= here  # it leads the ports here to a router's filters
        if port.type == "Router":
            self.routers.add(port.device_id)
            self.bridges |= objects.bridges_at(port.id)
        else:
            self.bridges.add(port.device_id)
            self.entries |= port.host_id == self.host_id

    def _add_rule(self, rule: Rule, objects: Objects) -> None:
        key = objects.exact_key(rule)
        if key is not None:
            self.places.add((rule.chain_id, key))
        if key is None or not objects.is_dispatch(rule.chain_id):
            self.chains.add(rule.chain_id)
        for jump in objects.jumps_to(rule.chain_id):
            key = objects.exact_key(jump)
            if key is not None:
                self.places.add((jump.chain_id, key))
