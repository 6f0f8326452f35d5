"""Which route a router takes (simulation 6.1)."""

from __future__ import annotations

from collections.abc import Iterable

from midonet_kubernetes.model.midonet import Port, Route
from midonet_kubernetes.simulate.choices import equally_likely
from midonet_kubernetes.simulate.packet import Packet
from midonet_kubernetes.simulate.prefixes import holds
from midonet_kubernetes.simulate.topology import Topology, is_exterior, is_interior
from midonet_kubernetes.simulate.walk import Walk

_PORTLESS = ("BlackHole", "Reject")


def best_routes(topology: Topology, router: str, packet: Packet) -> tuple[Route, ...]:
    """The routes that fit best: longest destination prefix among those whose source prefix fits too, then lowest weight.

    Returns:
        Several when they are equally good; none: there is no route.
    """
    fitting = [route for route in topology.routes_of(router) if _is_usable(topology, route) and _fits(route, packet)]
    if not fitting:
        return ()
    longest = max(route.dst_network_length for route in fitting)
    fitting = [route for route in fitting if route.dst_network_length == longest]
    lightest = min(route.weight for route in fitting)
    return tuple(route for route in fitting if route.weight == lightest)


def choose_route(walk: Walk, router: str, routes: Iterable[Route]) -> Route:
    """One of equally good routes: MidoNet takes a hash of the connection, so the same one within a walk.

    The hash itself is an accident of the implementation; to a caller all of them are equally likely.
    """
    by_id = {route.id: route for route in routes}
    if len(by_id) == 1:
        return next(iter(by_id.values()))
    packet = walk.packet
    connection = (packet.nw_src, packet.nw_dst, packet.nw_proto, packet.tp_src, packet.tp_dst)
    key = (router, connection, *by_id)
    if key not in walk.routes_taken:
        taken = walk.script.take("route", router, equally_likely(by_id))
        assert isinstance(taken, str)
        walk.routes_taken[key] = taken
    return by_id[walk.routes_taken[key]]


def _is_usable(topology: Topology, route: Route) -> bool:
    """Routes by a port belong to the port: it must be up and linked or bound (and then its host is taken to be alive)."""
    if route.type in _PORTLESS:
        return True
    if route.next_hop_port is None:
        return True
    port = topology.find(Port, route.next_hop_port)
    return port is not None and port.admin_state_up and (is_interior(port) or is_exterior(port))


def _fits(route: Route, packet: Packet) -> bool:
    return holds(route.dst_network_addr, route.dst_network_length, packet.nw_dst) and holds(
        route.src_network_addr, route.src_network_length, packet.nw_src
    )
