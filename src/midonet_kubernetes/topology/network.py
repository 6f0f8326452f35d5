"""Bridges and routers as links, addresses, routes, neighbours and forwarding entries of the datapath namespace.

A bridge whose ports are here becomes routed ports: its router port's address on ``lo``, a host route and a permanent
neighbour for each address that its ARP and MAC tables know. A bridge elsewhere becomes routes through the tunnel to its home.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Network

from midonet_kubernetes.model.midonet import Bridge, Port, Route
from midonet_kubernetes.topology import host_network as net
from midonet_kubernetes.topology.host_state import TUNNEL_LINK, Unsupported
from midonet_kubernetes.topology.items import Item, ItemKey
from midonet_kubernetes.topology.objects import Objects
from midonet_kubernetes.topology.routing import Routing

VNI, VXLAN_PORT = 5, 6677  # MidoNet's overlay port (simulation 9)
VXLAN_OVERHEAD = 50  # outer Ethernet, IPv4, UDP and VXLAN headers
DEFAULT_MTU = 1500
_NORMAL = "Normal"

Piece = tuple[ItemKey, Item]


@dataclass(frozen=True, slots=True)
class Here:
    """What the compiler knows of the host that it compiles for.

    Args:
        host_id: of the host.
        tunnels: the host's tunnel endpoint addresses by zone.
        source: a gateway address of a bridge here, "" when there is none: what the namespace itself sends comes from it.
        mtu: of the link with the tunnel endpoint's address.
    """

    host_id: str
    tunnels: tuple[tuple[str, str], ...] = ()
    source: str = ""
    mtu: int = DEFAULT_MTU

    @property
    def tunnel_address(self) -> str:
        """The address that the tunnel link sends from, "" for none."""
        return self.tunnels[0][1] if self.tunnels else ""


def tunnel_mac(host_id: str) -> str:
    """The MAC of a host's tunnel link: locally administered, another one for each host, and every host can compute it."""
    return "02:" + hashlib.sha256(host_id.encode()).digest()[:5].hex(":")


def here(objects: Objects, host_id: str, mtu: int) -> Here:
    """What can be told of the host from its view."""
    gateways = (
        _address(port)
        for bridge in sorted(objects.bridges)
        if host_id in _home(objects, bridge)
        for port in _router_ports(objects, bridge)
    )
    return Here(host_id, tuple(sorted(objects.tunnels_of(host_id).items())), next(gateways, ""), mtu)


def tunnel(place: Here) -> Iterator[Piece]:
    """The tunnel link of the host."""
    if not place.tunnel_address:
        return
    vxlan = net.Vxlan(VNI, VXLAN_PORT, place.tunnel_address)
    mac, mtu = tunnel_mac(place.host_id), place.mtu - VXLAN_OVERHEAD
    yield ("link", TUNNEL_LINK), net.Link(TUNNEL_LINK, kind="vxlan", mac=mac, mtu=mtu, vxlan=vxlan)
    for zone, address in place.tunnels[1:]:
        if address != place.tunnel_address:
            yield _unsupported("TunnelZoneHost", f"{zone}/{place.host_id}", "a host has one tunnel link, in its first zone")


def bridge(objects: Objects, routing: Routing, place: Here, bridge_id: str) -> Iterator[Piece]:
    """What a bridge and the routes to it become."""
    home = _home(objects, bridge_id)
    links = objects.links_of(bridge_id)
    if home and len(links) > 1 and any(_has_filters(objects, port) for _, port in links):
        yield _unsupported("Bridge", bridge_id, "it has several routers with filters: a packet meets the filters of all of them")
    if len(home) > 1:
        yield _unsupported("Bridge", bridge_id, "its ports are on several hosts, and a bridge here lives on one")
    if place.host_id in home:
        yield from _local_bridge(objects, routing, place, bridge_id)
        return
    for gateway in _router_ports(objects, bridge_id):
        routes = [route for route in routing.routes_by(gateway.id) if route.type == _NORMAL]
        end = _tunnel_end(objects, place, home[0]) if home else ""
        if end:
            mac = tunnel_mac(home[0])
            yield ("neighbour", TUNNEL_LINK, _address(gateway)), net.Neighbour(TUNNEL_LINK, _address(gateway), mac)
            yield ("forwarding", TUNNEL_LINK, mac), net.ForwardingEntry(TUNNEL_LINK, mac, end)
        for route in routes:
            yield from _remote_route(route, gateway, place, reachable=bool(end))


def router(objects: Objects, router_id: str) -> Iterator[Piece]:
    """What of a router has no counterpart here."""
    device = objects.routers.get(router_id)
    if device is not None and (device.load_balancer_id or device.local_redirect_chain_id or device.forward_chain_id):
        yield _unsupported("Router", router_id, "load balancer, local redirect and forward chains have no counterpart")
    if device is not None and not device.admin_state_up:
        yield _unsupported("Router", router_id, "a router cannot be down on its own: set its ports or bridges down")
    for port in objects.ports_of(router_id):
        if port.host_id:
            yield _unsupported("Port", port.id, "a router port that is bound to an interface")


def _has_filters(objects: Objects, port: Port) -> bool:
    router = objects.routers.get(port.device_id)
    filters = (port.inbound_filter_id, port.outbound_filter_id)
    return any((*filters, *((router.inbound_filter_id, router.outbound_filter_id) if router else ())))


def is_up(objects: Objects, port: Port) -> bool:
    """Whether a port and its device let packets pass."""
    device: Bridge | None = objects.bridges.get(port.device_id)
    return port.admin_state_up and (device is None or device.admin_state_up)


def _local_bridge(objects: Objects, routing: Routing, place: Here, bridge_id: str) -> Iterator[Piece]:
    gateways = _router_ports(objects, bridge_id)
    mac, source = (gateways[0].port_mac or "", _address(gateways[0])) if gateways else ("", "")
    here_bound = {port.id: port for port in objects.ports_of(bridge_id) if port.host_id == place.host_id and port.interface_name}
    for port in here_bound.values():
        name = port.interface_name or ""
        yield ("link", name), net.Link(name, kind="veth", mac=mac, up=is_up(objects, port))
    links = _links_by_address(objects, bridge_id, here_bound)
    for address, (link, its_mac) in links.items():
        yield ("route", f"{address}/32", 0), net.Route(f"{address}/32", link=link, source=source)
        yield ("neighbour", link, address), net.Neighbour(link, address, its_mac)
    for gateway in gateways:
        yield ("address", "lo", f"{_address(gateway)}/32"), net.Address("lo", f"{_address(gateway)}/32")
        for route in routing.routes_by(gateway.id):
            if route.type == _NORMAL:
                yield from _local_route(route, links)


def _links_by_address(objects: Objects, bridge_id: str, ports: dict[str, Port]) -> dict[str, tuple[str, str]]:
    """Link and MAC of each address that the bridge's tables place at one of ``ports`` that is up."""
    by_mac = {
        entry.mac_addr.lower(): ports[entry.port_id].interface_name or ""
        for entry in objects.macs_of(bridge_id)
        if entry.port_id in ports and is_up(objects, ports[entry.port_id])
    }
    return {entry.ip: (by_mac[mac], mac) for entry in objects.arp_of(bridge_id) if (mac := entry.mac.lower()) in by_mac}


def _local_route(route: Route, links: dict[str, tuple[str, str]]) -> Iterator[Piece]:
    if route.next_hop_gateway not in links:  # each address has a route of its own, or nobody has the gateway's yet
        yield from _route(route, net.Route(_destination(route), kind="unreachable", metric=net.FALLBACK_METRIC))
    else:
        link, _ = links[route.next_hop_gateway]
        yield from _route(route, net.Route(_destination(route), link=link, via=route.next_hop_gateway, metric=route.weight))


def _remote_route(route: Route, gateway: Port, place: Here, *, reachable: bool) -> Iterator[Piece]:
    to = _destination(route)
    if not reachable:
        yield from _route(route, net.Route(to, kind="unreachable", metric=net.FALLBACK_METRIC))
        return
    through = net.Route(to, link=TUNNEL_LINK, via=_address(gateway), source=place.source, metric=route.weight, onlink=True)
    yield from _route(route, through)


def _route(route: Route, wanted: net.Route) -> Iterator[Piece]:
    if route.src_network_length:
        yield _unsupported("Route", route.id, "a route for some sources only: the kernel's table looks at destinations")
    else:
        yield ("route", wanted.destination, wanted.metric), wanted


def _tunnel_end(objects: Objects, place: Here, host: str) -> str:
    """The tunnel address of another host in a zone that both share, "" when there is none."""
    theirs = objects.tunnels_of(host)
    return next((theirs[zone] for zone, _ in place.tunnels if zone in theirs), "")


def _home(objects: Objects, bridge_id: str) -> list[str]:
    home = objects.homes.get(bridge_id)
    return home.host_ids if home else []


def _router_ports(objects: Objects, bridge_id: str) -> list[Port]:
    """The router ports that are linked to a bridge, up and have an address, by id of the bridge's port."""
    return [port for _, port in objects.links_of(bridge_id) if port.port_subnet and port.admin_state_up]


def _address(port: Port) -> str:
    return port.port_subnet[0].partition("/")[0]


def _destination(route: Route) -> str:
    return str(IPv4Network((route.dst_network_addr, route.dst_network_length), strict=False))


def _unsupported(kind: str, id_: str, reason: str) -> Piece:
    return ("unsupported", kind, id_), Unsupported(kind, id_, reason)
