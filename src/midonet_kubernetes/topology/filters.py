"""From the ports of a host to the chains that their packets meet: the entries of every stage, and all chains behind them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from ipaddress import IPv4Address

from midonet_kubernetes.model.midonet import Port
from midonet_kubernetes.topology import between_routers, stages
from midonet_kubernetes.topology import rule_set as rs
from midonet_kubernetes.topology.chains import Chains
from midonet_kubernetes.topology.compiled import Compiled
from midonet_kubernetes.topology.conditions import ICMP, Surroundings
from midonet_kubernetes.topology.groups import group_items, set_of_group
from midonet_kubernetes.topology.host_state import MEMBER, Unsupported
from midonet_kubernetes.topology.items import Item, ItemKey, Items
from midonet_kubernetes.topology.nat import TRANSLATABLE
from midonet_kubernetes.topology.objects import Objects
from midonet_kubernetes.topology.passes.selection import Pass
from midonet_kubernetes.topology.passes.source_nat import SourceNat, source_nat_of
from midonet_kubernetes.topology.prefixes import EVERYTHING, Prefix, prefix
from midonet_kubernetes.topology.routing import Routing
from midonet_kubernetes.topology.services import Services
from midonet_kubernetes.topology.stages import Place, Side, Stage
from midonet_kubernetes.topology.ways import subnet_of

_SOURCE_NAT_PRIORITY = 100


class Filters:
    """The filters of a host's ports.

    Args:
        host_id: of the host.
        objects: of its view.
        items: where entries and chains are put.
        services: chains of exact jumps.
        routing: what packets meet between routers.
        passes: which optimisations are made.
    """

    def __init__(
        self, host_id: str, objects: Objects, items: Items, services: Services, routing: Routing, *, passes: AbstractSet[Pass]
    ) -> None:
        self._host_id, self._objects, self._items, self._services = host_id, objects, items, services
        self._routing, self._passes = routing, passes
        self._entered: set[str] = set()  # routers that have a unit
        self._interfaces: dict[str, str] = {}
        self._members: dict[str, list[str]] = {}
        around = {place: Surroundings(place, self._interfaces, self._members, self._address_set) for place in Place}
        self._chains = Chains(objects, services, around, passes)
        self._live: dict[tuple[Side, str], None] = {}  # chains that something leads to
        self._roots: set[str] = set()  # filters of ports and bridges here
        self._groups: set[str] = set()
        self._subnets: dict[str, Prefix] = {}  # of bridges, found once for all their ports
        self._links: dict[str, list[tuple[Port, Port]]] = {}  # likewise
        self._known: set[str] = set()  # ports that have a unit

    def leads_to(self, chain: str) -> bool:
        """Whether a chain is a chain of its own in the kernel, or would be if it had an effect."""
        return chain in self._roots or any((side, chain) in self._live for side in Side)

    def refresh(self, chains: Iterable[str], *, everything: bool = False) -> None:
        """Compile anew: these chains and what leads to them, or everything, and the entries of all ports."""
        ports = self._objects.ports_on(self._host_id)
        interfaces = {port.id: port.interface_name for port in ports if port.interface_name}
        if everything or interfaces != self._interfaces:
            self._chains.forget_all()
            self._interfaces.clear()
            self._interfaces.update(interfaces)
            self._members.clear()
            self._members.update({group.id: group.port_ids for group in self._objects.port_groups.values()})
        else:
            self._chains.forget(chains)
        before, self._live = self._live, {}
        self._roots.clear()
        self._subnets.clear()
        self._links.clear()
        needed: dict[tuple[Side, str], None] = {}
        behind = {router: self._between_routers(router, needed) for router in sorted(self._routing.entered)}
        for gone in self._entered - behind.keys():
            self._items.put(("between routers", gone), {})
        self._entered = set(behind)
        for port in ports:
            self._items.put(("port", port.id), self._entries(port, behind, needed))
        for gone in self._known - interfaces.keys():
            self._items.put(("port", gone), {})
        self._known = set(interfaces)
        for key in self._live:
            items = self._chains.items(*key)
            unsupported = {name: item for name, item in items.items() if name[0] == "unsupported"}
            self._items.put(("chain", *key), items if key in needed else unsupported)
        for key in before.keys() - self._live.keys():
            self._items.put(("chain", *key), {})
        self._chains.keep(self._live)
        self._services.set_live({chain for _, chain in needed if self._objects.is_dispatch(chain)})

    def refresh_group(self, group_id: str) -> bool:
        """Compile the set of an IP address group anew.

        Returns:
            Whether the group came or went.
        """
        group, existed = self._objects.groups.get(group_id), group_id in self._groups
        self._items.put(("group", group_id), group_items(group) if group else {})
        (self._groups.add if group else self._groups.discard)(group_id)
        return existed == (group is None)

    def _between_routers(self, router: str, needed: dict[tuple[Side, str], None]) -> between_routers.Places:
        """What ends or filters packets behind a router; its chains are added to ``needed``.

        Returns:
            The places that packets have to be led to which enter the router.
        """

        def filter_(chain: str) -> str:
            self._roots.add(chain)
            self._visit(Side.FILTER_FORWARD, chain, self._live)
            compiled = self._chains.compiled(Side.FILTER_FORWARD, chain)
            if not self._is_needed(compiled):
                return ""
            self._visit(Side.FILTER_FORWARD, chain, needed)
            return compiled.name

        entered, found, items = self._routing.entered[router], between_routers.Places(), dict[ItemKey, Item]()
        for places, made in (between_routers.barrier(router, entered), *between_routers.crossings(router, entered, filter_)):
            found += places
            items |= made
        self._items.put(("between routers", router), items)
        return found

    def _entries(
        self, port: Port, behind: Mapping[str, between_routers.Places], needed: dict[tuple[Side, str], None]
    ) -> dict[ItemKey, Item]:
        """What leads the packets of a port into chains; those chains are added to ``needed``.

        Args:
            port: bound here.
            behind: the places that packets come to which enter a router, by router.
            needed: chains with their sides.
        """
        items: dict[ItemKey, Item] = {}
        if not port.interface_name:
            return items
        spread, subnet = len(self._objects.hosts_of(port.device_id)) > 1, self._subnet_of(port.device_id)
        for where, chain in self._filters(port):
            self._roots.add(chain)
            translation = self._source_nat_of(chain) if where is stages.OF_PORT_OUTBOUND else None
            if translation is not None:
                items |= _source_nat(port.interface_name, translation)
                continue
            for stage in where:
                compiled = self._chains.compiled(stage.side, chain)
                self._visit(stage.side, chain, self._live)
                if self._is_needed(compiled):
                    items |= stage.entry(port.interface_name, compiled.name, port.device_id, subnet, spread=spread)
                    items |= _forgotten(stage, port.device_id) if spread else {}
                    self._visit(stage.side, chain, needed)
        for stage, chain in behind.get(self._routing.router_of(port.device_id), ()) if behind else ():
            items |= stage.entry(port.interface_name, chain, port.device_id, subnet, spread=spread)
        return items

    def _is_needed(self, compiled: Compiled) -> bool:
        return compiled.effect or Pass.DEAD_CHAINS not in self._passes

    def _source_nat_of(self, chain: str) -> SourceNat | None:
        return source_nat_of(self._objects.rules_of(chain)) if Pass.SOURCE_NAT in self._passes else None

    def _filters(self, port: Port) -> Iterator[tuple[tuple[Stage, ...], str]]:
        """The filters that packets of a port meet, and the stages of each."""
        found: list[tuple[tuple[Stage, ...], str | None]] = [(stages.OF_PORT_INBOUND, port.inbound_filter_id)]
        bridge = self._objects.bridges.get(port.device_id)
        if bridge is not None:
            found.append((stages.OF_BRIDGE_INBOUND, bridge.inbound_filter_id))
            found.append((stages.OF_BRIDGE_OUTBOUND, bridge.outbound_filter_id))
        for link, far in self._links_of(port.device_id):
            found.append((stages.OF_LINK_INBOUND, link.inbound_filter_id))
            found.append((stages.OF_LINK_OUTBOUND, link.outbound_filter_id))
            found.append((stages.OF_ROUTER_PORT_INBOUND, far.inbound_filter_id))
            found.append((stages.OF_ROUTER_PORT_OUTBOUND, far.outbound_filter_id))
            router = self._objects.routers.get(far.device_id)
            if router is not None:
                found.append((stages.OF_ROUTER_INBOUND, router.inbound_filter_id))
                found.append((stages.OF_ROUTER_OUTBOUND, router.outbound_filter_id))
        found.append((stages.OF_PORT_OUTBOUND, port.outbound_filter_id))
        return ((where, chain) for where, chain in found if chain)

    def _links_of(self, bridge: str) -> list[tuple[Port, Port]]:
        if bridge not in self._links:
            self._links[bridge] = self._objects.links_of(bridge)
        return self._links[bridge]

    def _subnet_of(self, bridge: str) -> Prefix:
        """The network whose addresses the machines at a bridge send to without a router."""
        if bridge not in self._subnets:
            gateways = self._objects.gateways_of(bridge)
            self._subnets[bridge] = prefix(*subnet_of(gateways[0])) if gateways else EVERYTHING
        return self._subnets[bridge]

    def _visit(self, side: Side, chain: str, seen: dict[tuple[Side, str], None]) -> None:
        waiting = [chain]
        while waiting:
            name = waiting.pop()
            if (side, name) not in seen:
                seen[side, name] = None
                waiting.extend(self._chains.compiled(side, name).calls)

    def _address_set(self, group: str) -> str | None:
        return set_of_group(group) if group in self._objects.groups else None


def _forgotten(stage: Stage, bridge: str) -> dict[ItemKey, Item]:
    """What is not done for a bridge on several hosts: the host of exit cannot know that a destination was translated."""
    if not stage.away or stage.key is rs.Field.IIFNAME:
        return {}
    reason = "it is on several hosts: connections to its own Services' endpoints there miss the filters from the router to it"
    return {("unsupported", "Bridge", bridge): Unsupported("Bridge", bridge, reason)}


def _source_nat(interface: str, translation: SourceNat) -> dict[ItemKey, Item]:
    """Elements that translate the source of what leaves by an interface."""
    nat = translation.nat
    first, last = IPv4Address(nat.address_from), IPv4Address(nat.address_to)
    to = f"{first}_{last}_{nat.port_from}_{nat.port_to}"
    name, chain = f"sources_{to}", f"s70_snat_{to}"
    key = (rs.Field.OIFNAME, rs.Field.IP_SADDR, rs.Field.L4PROTO)
    hook = rs.Hook("nat", "postrouting", _SOURCE_NAT_PRIORITY)
    without_ports = rs.Nat(nat.kind, nat.address_from, nat.address_to)  # ICMP keeps its id (simulation 4.2)
    of_icmp = rs.Rule((rs.Compare(rs.Field.L4PROTO, ICMP), rs.InSet(key, name), without_ports))
    elements = {("element", name, (interface.encode(), translation.source, protocol)): MEMBER for protocol in TRANSLATABLE}
    return {
        ("set", name): rs.Set(name, key),
        ("chain", chain): rs.Chain(chain, (of_icmp, rs.Rule((rs.InSet(key, name), nat))), hook),
        **elements,
    }
