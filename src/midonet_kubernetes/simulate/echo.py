"""A router answers ICMP echo to its own addresses (simulation 6.6)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from midonet_kubernetes.model.midonet import Port, Router
from midonet_kubernetes.simulate.arp import next_hop_mac
from midonet_kubernetes.simulate.chains import apply_filters
from midonet_kubernetes.simulate.icmp import echo_reply_to
from midonet_kubernetes.simulate.packet import NO_MAC
from midonet_kubernetes.simulate.prefixes import ipv4_of
from midonet_kubernetes.simulate.routing_table import best_routes, choose_route
from midonet_kubernetes.simulate.state import Draft, State
from midonet_kubernetes.simulate.topology import port_interface, port_mac
from midonet_kubernetes.simulate.walk import Walk


def send_echo_reply(walk: Walk, router: Router) -> None:
    """Send the reply along a Normal route. The router's outbound chains see it, with empty NAT tables.

    Raises:
        Abandoned: the next hop's MAC has to be asked for; the request waits.
    """
    reply = echo_reply_to(walk.packet)
    inner = Walk(walk.topology, reply, Draft(State()), walk.script, None)
    inner.steps, inner.routes_taken, inner.device = walk.steps, walk.routes_taken, ""
    routes = best_routes(walk.topology, router.id, reply)
    route = choose_route(inner, router.id, routes) if routes else None
    out = walk.topology.find(Port, route.next_hop_port) if route is not None and route.type == "Normal" else None
    interface = port_interface(out) if out is not None else None
    if route is None or out is None or interface is None or reply.nw_dst == interface.ip:
        walk.note(f"there is no route back to {reply.nw_dst}: no echo reply")
        return
    address = ipv4_of(route.next_hop_gateway) or reply.nw_dst
    owner = next_hop_mac(walk, out, address) if isinstance(address, IPv4Address) else None
    if owner is None:
        walk.note(f"the MAC of {address} cannot be found: no echo reply")
        return
    inner.change(eth_src=port_mac(out) or NO_MAC, eth_dst=owner)
    inner.choose_out_port(out)
    ruling = apply_filters(inner, "router outbound", (router.forward_chain_id, router.outbound_filter_id))
    if ruling.passes:
        # Of what the chains rewrote, MidoNet takes over the source address only.
        sent = replace(reply, eth_src=port_mac(out) or NO_MAC, eth_dst=owner, nw_src=inner.packet.nw_src)
        walk.send(out.id, sent)
    else:
        walk.note(f"echo reply dropped: {ruling.reason}")
