"""The routers of a view on one host: what their tables come to in the kernel's one.

Most views have one router whose routes are the kernel's as they stand (``is_plain``); then there is nothing to do here.
Otherwise the tables are composed (``ways``): for each prefix the way that packets take which enter a router by a bridge of
this host goes into the kernel's table. Where a router leads nowhere and the table does, a *barrier* ends the packets
that enter by its bridges; the filters that are met between routers are *crossings*. Both are maps from destinations.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

from midonet_kubernetes.model.midonet import Port, Route
from midonet_kubernetes.topology import host_network as net
from midonet_kubernetes.topology.host_state import Unsupported
from midonet_kubernetes.topology.items import Item, ItemKey
from midonet_kubernetes.topology.objects import Objects
from midonet_kubernetes.topology.prefixes import BITS, Prefix, Span, holders, prefix, spans
from midonet_kubernetes.topology.ways import (
    FOR_SOME_SOURCES,
    NO_ROUTE,
    Tables,
    Way,
    Ways,
    destination,
    is_bound,
    own_address,
    subnet_of,
)


@dataclass(frozen=True)
class Entered:
    """What awaits packets that enter a router by a bridge of this host.

    Args:
        barrier: the kind of the way's end ("blackhole", …) by destinations, where the kernel would not end it by itself.
        crossings: for the first, second, … filter on the way: its chain by destinations.
    """

    barrier: Mapping[Span, str] = field(default_factory=dict)
    crossings: tuple[Mapping[Span, str], ...] = ()


@dataclass(frozen=True)
class Shared:
    """A route that several gateways behind bridges of this host share.

    Args:
        metric: of the route.
        gateways: bridge, address and weight of each, in order.
    """

    metric: int
    gateways: tuple[tuple[str, str, int], ...]


_NOTHING = Entered()
_NO_ROUTES: Ways = {NO_ROUTE: Fraction(1)}


class Routing:
    """The routers of a host's view.

    Args:
        host_id: of the host.
        objects: of its view.
    """

    def __init__(self, host_id: str, objects: Objects) -> None:
        self._host_id, self._objects = host_id, objects
        self.is_plain = True
        self.items: dict[ItemKey, Item] = {}
        """Routes that lead nowhere, addresses of routers, and what cannot be expressed."""
        self.entered: dict[str, Entered] = {}
        """What awaits packets by the router that they enter."""
        self.shared: dict[Prefix, Shared] = {}
        """Routes that are shared, by destination; they are in no ``routes_by``."""
        self._leaving: dict[str, list[Route]] = {}

    def refresh(self) -> set[str]:
        """Take in that routers, routes, links or homes of bridges changed.

        Returns:
            Bridges to which other routes lead than before, as far as these are not the objects' own.
        """
        was_plain, before = self.is_plain, self._leaving
        self.is_plain = self._is_plain()
        self.items, self.entered, self.shared, self._leaving = {}, {}, {}, {}
        if not self.is_plain:
            self._compose()
        if was_plain != self.is_plain:
            return set(self._objects.bridges)
        ports = before.keys() | self._leaving.keys()
        return {
            bridge for port in ports if before.get(port) != self._leaving.get(port) for bridge in self._objects.bridges_at(port)
        }

    def routes_by(self, port: str) -> list[Route]:
        """The routes that lead packets out of a router port, as the kernel's one table has them."""
        return self._objects.routes_by(port) if self.is_plain else self._leaving.get(port, [])

    def router_of(self, bridge: str) -> str:
        """The router that packets enter which leave a bridge, "" for none."""
        return next(iter(self._routers_of(bridge)), "")

    def _routers_of(self, bridge: str) -> list[str]:
        """The routers that a bridge is linked to, the one that its packets enter first."""
        routers = (port.device_id for _, port in self._objects.links_of(bridge))
        return [router for router in dict.fromkeys(routers) if router in self._objects.routers]

    def _is_plain(self) -> bool:
        """One router, whose routes can stand side by side, no two of them equal, and no link from it to itself."""
        objects = self._objects
        if len(objects.routers) > 1:
            return False
        routes = [route for router in objects.routers for route in objects.routes_of(router)]
        places = {(route.dst_network_addr, route.dst_network_length, route.weight) for route in routes}
        if len(places) < len(routes) or not all(map(self._is_usual, routes)):
            return False
        peers = (objects.ports.get(port.peer_id) for port in self._router_ports() if port.peer_id)
        return not any(peer is not None and peer.type == "Router" for peer in peers)

    def _is_usual(self, route: Route) -> bool:
        """Whether a route is normal, or leads to its port's own address, which is there with the port."""
        port = self._objects.ports.get(route.next_hop_port or "")
        if route.type != "Local" or route.next_hop_port is None:
            return route.type == "Normal"
        if port is None or not port.port_subnet:
            return True
        return destination(route) == prefix(own_address(port), BITS)

    def _compose(self) -> None:
        tables = Tables(self._objects)
        subnets = {prefix(*subnet_of(port)) for port in self._router_ports()}
        prefixes = sorted(tables.prefixes() | subnets)  # what holds others comes before them
        here = self._routers_here()
        ways = {
            router: {each: self._settled(router, each, tables.ways(router, each)) for each in prefixes}
            for router in sorted(self._objects.routers)
        }
        chosen = {each: self._chosen(here, {router: ways[router][each] for router in ways}) for each in prefixes}
        inhabited = set[Prefix]()
        for each, holder in holders(prefixes):
            above = _ends(chosen[holder] if holder is not None else _NO_ROUTES)
            if _ends(chosen[each]) != above:  # else the longest prefix that holds it says the same
                self._put(each, chosen[each])
            if each in subnets or holder in inhabited:
                inhabited.add(each)
        for router in here:
            self._enter(router, ways[router], chosen, inhabited)
        self._compare_routers_of_bridges(ways)
        for route in (route for router in ways for route in self._objects.routes_of(router)):
            if route.src_network_length:
                self._name("Route", route.id, FOR_SOME_SOURCES)
            elif route.type == "Local" and route.dst_network_length != BITS:
                self._name("Route", route.id, "a router has single addresses here, no networks: nobody answers for them")

    def _settled(self, router: str, to: Prefix, ways: Ways) -> Ways:
        """Ways that differ in what matters to the kernel; only the first, when it cannot share between them."""
        if len(ways) == 1:
            return ways
        merged: dict[Way, Fraction] = {}
        for way in sorted(ways):
            same = next((other for other in merged if (other.end, other.filters) == (way.end, way.filters)), way)
            merged[same] = merged.get(same, Fraction(0)) + ways[way]
        if len(merged) == 1 or self._can_share(merged):
            return merged
        self._name("Router", router, f"equal routes for {to} do not end behind one host's bridges: only one of them is used")
        return {min(merged, key=lambda way: (not way.passes, way)): Fraction(1)}

    def _can_share(self, ways: Ways) -> bool:
        """Gateways at bridges of one host, behind the same filters: who routes again must not choose again."""
        hosts = {tuple(self._objects.hosts_of(way.at)) for way in ways}
        alike = len(hosts) == 1 and len({way.filters for way in ways}) == 1
        return alike and all(len(each) == 1 for each in hosts) and all(way.kind == "port" and way.gateway for way in ways)

    def _chosen(self, here: list[str], ways: Mapping[str, Ways]) -> Ways:
        """The ways of the kernel's table: some that pass, of those that enter here or come from elsewhere and leave here."""
        entering = [ways[router] for router in here or ways]  # a host without bridges is as good as any
        leaving = (found for router, found in ways.items() if router not in here and self._leaves_here(min(found)))
        return next((found for found in (*entering, *leaving) if _pass(found)), entering[0] if entering else _NO_ROUTES)

    def _leaves_here(self, way: Way) -> bool:
        return way.kind == "port" and self._host_id in self._objects.hosts_of(way.at)

    def _put(self, to: Prefix, ways: Ways) -> None:
        """Make ways the kernel's."""
        way = min(ways)
        port = self._objects.ports.get(way.port)
        if len(ways) > 1 and self._leaves_here(way):
            whole = lcm(*(share.denominator for share in ways.values()))
            gateways = sorted((each.at, each.gateway, int(share * whole)) for each, share in ways.items())
            self.shared[to] = Shared(way.weight, tuple(gateways))
        elif way.kind == "port":  # the host of exit shares
            if port is not None and is_bound(port):
                self.items["route", str(to), net.FALLBACK_METRIC] = net.Route(str(to), "unreachable", metric=net.FALLBACK_METRIC)
            self._leaving.setdefault(way.port, []).append(_route(to, way))
        elif way.kind == "local":
            if to.length == BITS:
                self.items["address", "lo", str(to)] = net.Address("lo", str(to))
        else:
            self.items["route", str(to), way.weight] = net.Route(str(to), kind=way.kind, metric=way.weight)

    def _enter(self, router: str, ways: Mapping[Prefix, Ways], chosen: Mapping[Prefix, Ways], inhabited: set[Prefix]) -> None:
        barrier, filters = dict[Prefix, str](), dict[Prefix, tuple[str, ...]]()
        for to, found in ways.items():
            if _pass(found):
                filters[to] = min(found).filters
                if _ends(found) != _ends(chosen[to]):
                    reason = f"another router sends packets for {to} elsewhere, and the kernel has one table for all"
                    self._name("Router", router, reason)
            elif _pass(chosen[to]) or to in inhabited:
                barrier[to] = min(found).kind
        depth = max(map(len, filters.values()), default=0)
        levels = [{to: chains[n] for to, chains in filters.items() if n < len(chains)} for n in range(depth)]
        prefixes = list(ways)
        made = Entered(spans(prefixes, barrier), tuple(spans(prefixes, level) for level in levels))
        if made != _NOTHING:
            self.entered[router] = made

    def _compare_routers_of_bridges(self, ways: Mapping[str, Mapping[Prefix, Ways]]) -> None:
        """Which of a bridge's routers a packet is for is in its frame, which is gone when the kernel routes."""
        for home in self._objects.homes_on(self._host_id):
            first, *others = self._routers_of(home.id) or [""]
            if any(_ends(found) != _ends(ways[first][to]) for other in others for to, found in ways[other].items()):
                self._name("Bridge", home.id, f"its routers lead to different places, and all its packets take those of {first}")

    def _name(self, kind: str, id_: str, reason: str) -> None:
        self.items["unsupported", kind, id_] = Unsupported(kind, id_, reason)

    def _router_ports(self) -> Iterator[Port]:
        ports = (port for router in self._objects.routers for port in self._objects.ports_of(router))
        return (port for port in ports if port.port_subnet)

    def _routers_here(self) -> list[str]:
        """The routers that packets of this host enter."""
        homes = (home.id for home in self._objects.homes_on(self._host_id))
        return sorted({router for home in homes if (router := self.router_of(home))})


def _pass(ways: Ways) -> bool:
    return all(way.passes for way in ways)


def _ends(ways: Ways) -> set[tuple[tuple[str, str, str], Fraction]]:
    return {(way.end, share) for way, share in ways.items()}


def _route(to: Prefix, way: Way) -> Route:
    return Route(
        id=str(to),
        type="Normal",
        dst_network_addr=to.address,
        dst_network_length=to.length,
        next_hop_port=way.port,
        next_hop_gateway=way.gateway,
        weight=way.weight,
    )
