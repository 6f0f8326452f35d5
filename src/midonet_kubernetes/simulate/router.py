"""A router: what it takes, filters, route, time to live, next hop (simulation 1.2, 6)."""

from __future__ import annotations

from ipaddress import IPv4Address

from midonet_kubernetes.model.midonet import Port, Route, Router
from midonet_kubernetes.simulate import icmp, load_balancer
from midonet_kubernetes.simulate.arp import meet_router, next_hop_mac
from midonet_kubernetes.simulate.chains import Action, apply_filters
from midonet_kubernetes.simulate.echo import send_echo_reply
from midonet_kubernetes.simulate.outcome import Fate
from midonet_kubernetes.simulate.packet import ARP, BROADCAST, IPV4, NO_MAC, Fragment, Packet
from midonet_kubernetes.simulate.prefixes import ipv4_of
from midonet_kubernetes.simulate.routing_table import best_routes, choose_route
from midonet_kubernetes.simulate.topology import port_interface, port_mac
from midonet_kubernetes.simulate.walk import Leave, Next, Walk


def cross(walk: Walk, router: Router, port: Port) -> Next:
    """A packet has entered a router by a port."""
    arrived = walk.packet
    if arrived.vlans:
        return walk.end(Fate.DROP, "a router takes no VLAN tags")
    if arrived.ethertype not in {IPV4, ARP}:
        return walk.end(Fate.DROP, f"a router does not take ethertype 0x{arrived.ethertype:04x}")
    if not router.admin_state_up:
        walk.traversed.add(router.id)
        icmp.send_error(walk, port, icmp.PROHIBITED, arrived)
        return walk.end(Fate.DROP, f"router {router.id} is down")
    if arrived.eth_dst == BROADCAST:
        return meet_router(walk, port) if arrived.is_arp else walk.end(Fate.DROP, "a router takes no broadcast but ARP")
    walk.traversed.add(router.id)
    if arrived.eth_dst != port_mac(port):
        return walk.end(Fate.DROP, f"{arrived.eth_dst} is not the MAC of port {port.id}")
    if arrived.is_arp:
        return meet_router(walk, port)
    ruling = load_balancer.balance(walk, router) or apply_filters(
        walk, "router inbound", (router.local_redirect_chain_id, router.inbound_filter_id)
    )
    if not ruling.passes:
        return _refuse(walk, port, arrived, ruling.action, ruling.reason)
    return _route(walk, router, port, arrived)


def _refuse(walk: Walk, port: Port, arrived: Packet, action: Action, reason: str) -> Next:
    """The inbound filter said no. A first fragment is told that fragments do not pass, which is an error drop."""
    if action is Action.REJECT:
        icmp.send_error(walk, port, icmp.PROHIBITED, arrived)
    elif walk.packet.fragment is Fragment.FIRST:
        icmp.send_error(walk, port, icmp.FRAGMENTATION_NEEDED, arrived)
        return walk.end(Fate.ERROR_DROP, reason)
    return walk.end(Fate.DROP, reason)


def _route(walk: Walk, router: Router, port: Port, arrived: Packet) -> Next:
    routes = best_routes(walk.topology, router.id, walk.packet)
    if not routes:
        icmp.send_error(walk, port, icmp.NET_UNREACHABLE, arrived)
        return walk.end(Fate.SHORT_DROP, f"router {router.id} has no route to {walk.packet.nw_dst}")
    route = choose_route(walk, router.id, routes)
    walk.note(f"router {router.id} takes route {route.id} ({route.dst_network_addr}/{route.dst_network_length}, {route.type})")
    match route.type:
        case "Local":
            if icmp.is_echo_request(walk.packet):
                send_echo_reply(walk, router)
                return walk.end(Fate.CONSUMED, f"{walk.packet.nw_dst} is the router's own and answers")
            return walk.end(Fate.ERROR_DROP, f"{walk.packet.nw_dst} is the router's own and answers ICMP echo only")
        case "BlackHole":
            return walk.end(Fate.ERROR_DROP, f"route {route.id} is a black hole")
        case "Reject":
            icmp.send_error(walk, port, icmp.PROHIBITED, arrived)
            return walk.end(Fate.SHORT_DROP, f"route {route.id} rejects")
        case "Normal":
            return _forward(walk, router, port, arrived, route)
        case _:
            return walk.end(Fate.SHORT_DROP, f"route {route.id} has no known type")


def _forward(walk: Walk, router: Router, port: Port, arrived: Packet, route: Route) -> Next:
    out = walk.topology.find(Port, route.next_hop_port)
    if out is None:
        return walk.end(Fate.ERROR_DROP, f"route {route.id} has no next hop port")
    if walk.packet.nw_ttl <= 1:
        icmp.send_error(walk, port, icmp.TTL_EXCEEDED, arrived)
        return walk.end(Fate.ERROR_DROP, "the time to live is over")
    walk.change(nw_ttl=walk.packet.nw_ttl - 1)
    interface = port_interface(out)
    if interface is None:
        return walk.end(Fate.DROP, f"port {out.id} has no IPv4 address")
    if walk.packet.nw_dst == interface.ip:
        return walk.end(Fate.DROP, f"{walk.packet.nw_dst} is port {out.id} itself, which has no Local route")
    walk.choose_out_port(out)
    if load_balancer.restore(walk, router):
        return _to_next_hop(walk, port, arrived, out, route)
    ruling = apply_filters(walk, "router outbound", (router.forward_chain_id, router.outbound_filter_id))
    if not ruling.passes:
        if ruling.action is Action.REJECT:
            icmp.send_error(walk, port, icmp.PROHIBITED, arrived)
        return walk.end(Fate.DROP, ruling.reason)
    return _to_next_hop(walk, port, arrived, out, route)


def _to_next_hop(walk: Walk, port: Port, arrived: Packet, out: Port, route: Route) -> Next:
    gateway = ipv4_of(route.next_hop_gateway)
    address = gateway or walk.packet.nw_dst
    owner = next_hop_mac(walk, out, address) if isinstance(address, IPv4Address) else None
    if owner is None:
        icmp.send_error(walk, port, icmp.NET_UNREACHABLE if gateway else icmp.HOST_UNREACHABLE, arrived)
        return walk.end(Fate.ERROR_DROP, f"the MAC of {address} cannot be found by port {out.id}")
    walk.change(eth_src=port_mac(out) or NO_MAC, eth_dst=owner)
    return Leave(out)
