"""Bridges as links, addresses, routes, neighbours and forwarding entries of the datapath namespace.

A bridge whose ports are here becomes routed ports: its router port's address on ``lo``, a host route and a permanent
neighbour for each address that its ARP and MAC tables know. A bridge elsewhere becomes routes through the tunnel to its home.
Of a bridge with ports on several hosts every host knows where each address is, and has a host route for it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from midonet_kubernetes.model.midonet import Bridge, Port, Route
from midonet_kubernetes.topology import host_network as net
from midonet_kubernetes.topology.host_state import MEMBER, TUNNEL_LINK
from midonet_kubernetes.topology.network import Here, Piece, tunnel_end, tunnel_mac, unsupported
from midonet_kubernetes.topology.objects import Objects
from midonet_kubernetes.topology.packets import packed
from midonet_kubernetes.topology.prefixes import Prefix
from midonet_kubernetes.topology.routing import Routing, Shared
from midonet_kubernetes.topology.rule_set import Field, Set
from midonet_kubernetes.topology.stages import addresses_elsewhere
from midonet_kubernetes.topology.ways import FOR_SOME_SOURCES, destination, own_address

_NORMAL = "Normal"


@dataclass(frozen=True, slots=True)
class Hop:
    """How an address of a bridge is reached from here.

    Args:
        link: of its port, or the tunnel link.
        mac: of frames to it: its own, or that of the other host's tunnel link.
        end: the other host's tunnel address, "" for an address here.
    """

    link: str
    mac: str
    end: str = ""


Hops = Mapping[str, Hop]
"""By address."""


def bridge(objects: Objects, routing: Routing, place: Here, bridge_id: str) -> Iterator[Piece]:
    """What a bridge and the routes to it become."""
    hosts, links = objects.hosts_of(bridge_id), objects.links_of(bridge_id)
    if hosts and len(links) > 1 and any(_has_filters(objects, port) for _, port in links):
        yield unsupported("Bridge", bridge_id, "it has several routers with filters: a packet meets the filters of all of them")
    if any(port.peer_id and _is_bridge_port(objects, port.peer_id) for port in objects.ports_of(bridge_id)):
        yield unsupported("Bridge", bridge_id, "it is linked to another bridge: frames do not pass from one to the other")
    if place.host_id in hosts or len(hosts) > 1:
        yield from _by_address(objects, routing, place, bridge_id)
    else:
        yield from _by_home(objects, routing, place, bridge_id)


def shared(objects: Objects, place: Here, to: Prefix, way: Shared) -> Iterator[Piece]:
    """A route that several gateways behind bridges here share, as far as anybody has their addresses.

    Args:
        objects: of the host's view.
        place: the host.
        to: the route's destination.
        way: its gateways.
    """
    hops = {bridge_id: dict(_hops(objects, place, bridge_id)) for bridge_id, _, _ in way.gateways}
    known = [(gateway, weight, hops[at][gateway].link) for at, gateway, weight in way.gateways if gateway in hops[at]]
    route = net.Route(str(to), metric=way.metric, hops=tuple(net.NextHop(*each) for each in known))
    if not known:
        route = net.Route(str(to), kind="unreachable", metric=net.FALLBACK_METRIC)
    elif len(known) == 1:
        route = net.Route(str(to), link=known[0][2], via=known[0][0], metric=way.metric)
    yield ("route", route.destination, route.metric), route


def is_up(objects: Objects, port: Port) -> bool:
    """Whether a port and its device let packets pass."""
    device: Bridge | None = objects.bridges.get(port.device_id)
    return port.admin_state_up and (device is None or device.admin_state_up)


def _by_home(objects: Objects, routing: Routing, place: Here, bridge_id: str) -> Iterator[Piece]:
    """A bridge elsewhere: whoever has it knows the rest."""
    hop = next(iter(_tunnels(objects, place, objects.hosts_of(bridge_id)).values()), None)
    for gateway in objects.gateways_of(bridge_id):
        address = own_address(gateway)
        if hop is not None:
            yield from _neighbour(address, hop)
        for route in _normal_routes(routing, gateway):
            yield from _remote_route(route, address, place, reachable=hop is not None)


def _by_address(objects: Objects, routing: Routing, place: Here, bridge_id: str) -> Iterator[Piece]:
    """A bridge with ports here, or on several other hosts."""
    gateways, hosts = objects.gateways_of(bridge_id), objects.hosts_of(bridge_id)
    is_here = place.host_id in hosts
    mac, source = (gateways[0].port_mac or "", own_address(gateways[0])) if gateways and is_here else ("", place.source)
    for port in objects.ports_of(bridge_id):
        if port.host_id == place.host_id and port.interface_name:
            name = port.interface_name
            yield ("link", name), net.Link(name, kind="veth", mac=mac, up=is_up(objects, port))
    hops = dict(_hops(objects, place, bridge_id))
    if is_here:
        yield from (
            (("address", "lo", f"{own_address(each)}/32"), net.Address("lo", f"{own_address(each)}/32")) for each in gateways
        )
        if len(hosts) > 1:
            yield from _elsewhere(bridge_id, hops)
    else:
        nearest = next(iter(_tunnels(objects, place, hosts).values()), None)
        hops |= {own_address(each): nearest for each in gateways if nearest is not None}
    for address, hop in hops.items():
        yield ("route", f"{address}/32", 0), net.Route(f"{address}/32", link=hop.link, source=source)
        yield from _neighbour(address, hop)
    for gateway in gateways:
        for route in _normal_routes(routing, gateway):
            yield from _local_route(route, hops)


def _hops(objects: Objects, place: Here, bridge_id: str) -> Iterator[tuple[str, Hop]]:
    """What the bridge's tables know, as far as the address is at a port that is up and can be reached."""
    ports = {
        port.id: port for port in objects.ports_of(bridge_id) if port.host_id and port.interface_name and is_up(objects, port)
    }
    tunnels = _tunnels(objects, place, sorted({port.host_id or "" for port in ports.values()} - {place.host_id}))
    at = {entry.mac_addr.lower(): port for entry in objects.macs_of(bridge_id) if (port := ports.get(entry.port_id))}
    for entry in objects.arp_of(bridge_id):
        mac = entry.mac.lower()
        found = at.get(mac)
        if found is not None and found.host_id == place.host_id:
            yield entry.ip, Hop(found.interface_name or "", mac)
        elif found is not None and found.host_id in tunnels:
            yield entry.ip, tunnels[found.host_id]


def _tunnels(objects: Objects, place: Here, hosts: list[str]) -> dict[str, Hop]:
    """The way to other hosts, of those that there is one to."""
    ends = ((host, tunnel_end(objects, place, host)) for host in hosts)
    return {host: Hop(TUNNEL_LINK, tunnel_mac(host), end) for host, end in ends if end}


def _elsewhere(bridge_id: str, hops: Hops) -> Iterator[Piece]:
    """The addresses of a bridge that are on other hosts: packets between them and those here do not pass the router."""
    name = addresses_elsewhere(bridge_id)
    yield ("set", name), Set(name, (Field.IP_SADDR,))
    yield from ((("element", name, (packed(address),)), MEMBER) for address, hop in hops.items() if hop.end)


def _neighbour(address: str, hop: Hop) -> Iterator[Piece]:
    yield ("neighbour", hop.link, address), net.Neighbour(hop.link, address, hop.mac)
    if hop.end:
        yield ("forwarding", hop.link, hop.mac), net.ForwardingEntry(hop.link, hop.mac, hop.end)


def _normal_routes(routing: Routing, gateway: Port) -> list[Route]:
    return [route for route in routing.routes_by(gateway.id) if route.type == _NORMAL]


def _local_route(route: Route, hops: Hops) -> Iterator[Piece]:
    to, gateway = str(destination(route)), route.next_hop_gateway or ""
    if gateway not in hops:  # each address has a route of its own, or nobody has the gateway's yet
        yield from _route(route, net.Route(to, kind="unreachable", metric=net.FALLBACK_METRIC))
    else:
        yield from _route(route, net.Route(to, link=hops[gateway].link, via=gateway, metric=route.weight))


def _remote_route(route: Route, gateway: str, place: Here, *, reachable: bool) -> Iterator[Piece]:
    to = str(destination(route))
    if not reachable:
        yield from _route(route, net.Route(to, kind="unreachable", metric=net.FALLBACK_METRIC))
        return
    through = net.Route(to, link=TUNNEL_LINK, via=gateway, source=place.source, metric=route.weight, onlink=True)
    yield from _route(route, through)


def _route(route: Route, wanted: net.Route) -> Iterator[Piece]:
    if route.src_network_length:
        yield unsupported("Route", route.id, FOR_SOME_SOURCES)
    else:
        yield ("route", wanted.destination, wanted.metric), wanted


def _has_filters(objects: Objects, port: Port) -> bool:
    router = objects.routers.get(port.device_id)
    filters = (port.inbound_filter_id, port.outbound_filter_id)
    return any((*filters, *((router.inbound_filter_id, router.outbound_filter_id) if router else ())))


def _is_bridge_port(objects: Objects, port: str) -> bool:
    peer = objects.ports.get(port)
    return peer is not None and peer.type == "Bridge"
