"""Where routers send packets: the tables of linked routers composed, one prefix at a time (simulation 6).

Prefixes that stand in tables either hold each other or share no address. So all addresses of one prefix that lie in none of
its parts meet the same routes in every router, and go the same way.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

from midonet_kubernetes.model.midonet import Bridge, Port, Route
from midonet_kubernetes.topology.objects import Objects
from midonet_kubernetes.topology.prefixes import BITS, Prefix, prefix

MOST_DEVICES = 12
"""A packet that has entered so many devices ends, as in a circle (simulation 0.2)."""
FOR_SOME_SOURCES = "a route for some sources only: the kernel's table looks at destinations"
"""Why such a route is left out."""
_BEFORE_THE_FIRST_ROUTER = 1  # devices that a packet has entered: the bridge of its sender


def destination(route: Route) -> Prefix:
    """What a route is for."""
    return prefix(route.dst_network_addr, route.dst_network_length)


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """How a packet's way through routers ends, and what it meets before.

    Args:
        kind: "port": it leaves by a router port for a bridge or an interface; "local": a router is its destination; else
            what the kernel calls such a route: "blackhole", "prohibit", "unreachable".
        port: id of the port that it leaves by, or that it is local to; "" for none.
        at: id of the bridge that it leaves for, else of the port.
        gateway: the next hop behind the port, "" for the destination itself.
        weight: of the first router's route.
        filters: chains in the order in which they are met: all between the first router's outbound filter and the outbound
            filter of the last port. Of a packet that does not leave they are left out.
    """

    kind: str
    port: str = ""
    at: str = ""
    gateway: str = ""
    weight: int = 0
    filters: tuple[str, ...] = ()

    @property
    def end(self) -> tuple[str, str, str]:
        """All that a route of the kernel is about."""
        return self.kind, self.at, self.gateway

    @property
    def passes(self) -> bool:
        """Whether the packet gets anywhere."""
        return self.kind in {"port", "local"}


NO_ROUTE, HOLE, PROHIBITED = Way("unreachable"), Way("blackhole"), Way("prohibit")
Ways = Mapping[Way, Fraction]
"""Each with the share of connections that takes it; the shares add up to 1."""


class Tables:
    """The routing tables of all routers, as they are when this is made.

    Routes for some sources only are left out.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._tables = {router: _table(objects, router) for router in objects.routers}
        self._lengths = {router: sorted({each.length for each in table}, reverse=True) for router, table in self._tables.items()}

    def prefixes(self) -> set[Prefix]:
        """What any route is for."""
        return {each for table in self._tables.values() for each in table}

    def ways(self, router: str, to: Prefix) -> Ways:
        """The ways of packets that enter a router from a bridge.

        Args:
            router: its id.
            to: the packets' destination: what of this prefix is in no longer one.
        """
        return self._through(router, to, _BEFORE_THE_FIRST_ROUTER, None)

    def _through(self, router: str, to: Prefix, devices: int, met: tuple[str | None, ...] | None) -> Ways:
        """Into a router and on. ``met``: filters behind the first router, None when this is the first one."""
        device = self._objects.routers.get(router)
        if device is None or devices + 1 >= MOST_DEVICES:
            return {HOLE: Fraction(1)}
        if not device.admin_state_up:
            return {PROHIBITED: Fraction(1)}
        routes = self._best(router, to)
        if not routes:
            return {NO_ROUTE: Fraction(1)}
        met = () if met is None else (*met, device.inbound_filter_id, device.outbound_filter_id)
        shares: defaultdict[Way, Fraction] = defaultdict(Fraction)
        for route in routes:
            for way, share in self._by(route, to, devices + 1, met).items():
                shares[replace(way, weight=route.weight)] += share / len(routes)
        return shares

    def _best(self, router: str, to: Prefix) -> list[Route]:
        table = self._tables[router]
        for length in self._lengths[router]:
            if length <= to.length and (found := table.get(to.shortened(length))):
                return found
        return []

    def _by(self, route: Route, to: Prefix, devices: int, met: tuple[str | None, ...]) -> Ways:
        port = self._objects.ports.get(route.next_hop_port or "")
        match route.type:
            case "Local":
                return {self._to_router(port, to, met[:-1]): Fraction(1)}
            case "Reject":
                return {PROHIBITED: Fraction(1)}
            case "Normal" if port is not None and port.port_subnet:
                return self._out(port, route, to, devices, met)
        return {HOLE: Fraction(1)}

    def _to_router(self, port: Port | None, to: Prefix, met: tuple[str | None, ...]) -> Way:
        """To a router itself. Its address at a bridge is where the bridge lives, and leaves by the port as the bridge's do."""
        if port is None:
            return Way("local")
        peer = self._objects.ports.get(port.peer_id or "")
        own = bool(port.port_subnet) and to == prefix(own_address(port), BITS)
        if own and peer is not None and peer.type == "Bridge" and peer.device_id in self._objects.homes:
            return Way("port", port.id, peer.device_id, filters=_given(met))
        return Way("local", port.id, port.id)

    def _out(self, port: Port, route: Route, to: Prefix, devices: int, met: tuple[str | None, ...]) -> Ways:
        hop = route.next_hop_gateway or ""
        if to == Prefix(prefix(own_address(port), BITS).first, BITS):
            return {HOLE: Fraction(1)}
        peer = None if is_bound(port) else self._objects.ports.get(port.peer_id or "")
        if peer is None:
            return {Way("port", port.id, port.id, hop, filters=_given(met)) if is_bound(port) else HOLE: Fraction(1)}
        if peer.type == "Router":
            return self._into(peer, to, devices, (*met, port.outbound_filter_id))
        bridge = self._objects.bridges.get(peer.device_id)
        if bridge is None or not (bridge.admin_state_up and peer.admin_state_up) or devices + 1 >= MOST_DEVICES:
            return {HOLE: Fraction(1)}
        address = hop or (to.address if to.length == BITS else "")
        for own, other in self._objects.links_of(bridge.id) if address else ():
            if other.id != port.id and other.port_subnet and own_address(other) == address:
                crossed = (*met, port.outbound_filter_id, peer.inbound_filter_id, *_of_bridge(bridge), own.outbound_filter_id)
                return self._into(other, to, devices + 1, crossed) if own.admin_state_up else {HOLE: Fraction(1)}
        return {Way("port", port.id, bridge.id, hop, filters=_given(met)): Fraction(1)}

    def _into(self, port: Port, to: Prefix, devices: int, met: tuple[str | None, ...]) -> Ways:
        """Into the router that ``port`` belongs to."""
        if not port.admin_state_up:
            return {PROHIBITED: Fraction(1)}
        return self._through(port.device_id, to, devices, (*met, port.inbound_filter_id))


def own_address(port: Port) -> str:
    """The address of a router port that has one."""
    return port.port_subnet[0].partition("/")[0]


def subnet_of(port: Port) -> tuple[str, int]:
    """Address and length of the network of a router port that has an address."""
    address, _, length = port.port_subnet[0].partition("/")
    return address, int(length or BITS)


def is_bound(port: Port) -> bool:
    """Whether a port is at an interface of a host."""
    return bool(port.host_id and port.interface_name)


def _of_bridge(bridge: Bridge) -> Iterator[str | None]:
    yield bridge.inbound_filter_id
    yield bridge.outbound_filter_id


def _given(filters: tuple[str | None, ...]) -> tuple[str, ...]:
    return tuple(chain for chain in filters if chain)


def _table(objects: Objects, router: str) -> dict[Prefix, list[Route]]:
    """The lightest usable routes of a router by destination."""
    table: dict[Prefix, list[Route]] = {}
    for route in objects.routes_of(router):
        if route.src_network_length or not _is_usable(objects, route):
            continue
        routes = table.setdefault(destination(route), [])
        if routes and route.weight < routes[0].weight:
            routes.clear()
        if not routes or route.weight == routes[0].weight:
            routes.append(route)
    return table


def _is_usable(objects: Objects, route: Route) -> bool:
    """A route by a port needs one that is up and leads somewhere (simulation 6.1)."""
    if route.type in {"BlackHole", "Reject"} or route.next_hop_port is None:
        return True
    port = objects.ports.get(route.next_hop_port)
    return port is not None and port.admin_state_up and (is_bound(port) or bool(port.peer_id))
