"""A bridge: filters, learning, and where a frame goes (simulation 1.2, 5)."""

from __future__ import annotations

from ipaddress import IPv4Address

from midonet_kubernetes.model.midonet import Bridge, Port
from midonet_kubernetes.simulate.arp import answer_for, linked_router_ports, mac_known_to_bridge
from midonet_kubernetes.simulate.chains import apply_filters
from midonet_kubernetes.simulate.outcome import Fate
from midonet_kubernetes.simulate.packet import ARP_REQUEST, BROADCAST, is_multicast_mac
from midonet_kubernetes.simulate.topology import is_exterior, port_interface, port_mac
from midonet_kubernetes.simulate.vlans import Vlans
from midonet_kubernetes.simulate.walk import Abandoned, End, Flood, Leave, Next, Walk


def cross(walk: Walk, bridge: Bridge, port: Port) -> Next:
    """A frame has entered a bridge by a port."""
    walk.traversed.add(bridge.id)
    if is_multicast_mac(walk.packet.eth_src):
        return walk.end(Fate.DROP, "the source MAC is a group address")
    if not bridge.admin_state_up:
        return walk.end(Fate.DROP, f"bridge {bridge.id} is down")
    vlans = Vlans(walk.topology, bridge.id)
    if not walk.packet.vlans:  # chains do not see tagged frames
        ruling = apply_filters(walk, "bridge inbound", (bridge.inbound_filter_id,))
        if not ruling.passes:
            _learn(walk, vlans, port)
            return walk.end(Fate.DROP, ruling.reason)
    _learn(walk, vlans, port)
    decision = _decide(walk, vlans, port)
    if isinstance(decision, End):
        return decision
    if isinstance(decision, Leave):
        walk.out_port = decision.port.id  # its groups stay unknown here (simulation 1.3)
    if not walk.packet.vlans:
        ruling = apply_filters(walk, "bridge outbound", (bridge.outbound_filter_id,))
        if not ruling.passes:
            return walk.end(Fate.DROP, ruling.reason)
    return decision


def _learn(walk: Walk, vlans: Vlans, port: Port) -> None:
    source = walk.packet.eth_src
    if all(port_mac(peer) != source for _, peer in linked_router_ports(walk.topology, port.device_id)):
        walk.draft.learn_port(port.device_id, vlans.of_source(walk.packet, port), source, port.id)


def _decide(walk: Walk, vlans: Vlans, port: Port) -> Next:
    packet = walk.packet
    if packet.eth_dst == BROADCAST and packet.is_arp:
        return _decide_arp(walk, vlans, port)
    if is_multicast_mac(packet.eth_dst):
        return _flood(walk, vlans, port, "a group address")
    for own, peer in linked_router_ports(walk.topology, port.device_id):
        if port_mac(peer) == packet.eth_dst:
            return _forward(walk, vlans, port, own, f"the MAC of router port {peer.id}")
    vlan = vlans.of_source(packet, port)
    known = walk.draft.learned_port(port.device_id, vlan, packet.eth_dst)
    out = port.id if packet.eth_dst == packet.eth_src else known or walk.topology.mac_entry(port.device_id, vlan, packet.eth_dst)
    if out is None:
        return _flood(walk, vlans, port, f"{packet.eth_dst} is not known")
    if out == port.id:
        return walk.end(Fate.ERROR_DROP, f"{packet.eth_dst} is behind port {port.id}, where the frame comes from")
    found = walk.topology.find(Port, out)
    if found is None:
        raise Abandoned(Fate.SUSPENDED, f"{packet.eth_dst} is behind port {out}, which does not exist")
    return _forward(walk, vlans, port, found, f"{packet.eth_dst} is known")


def _decide_arp(walk: Walk, vlans: Vlans, port: Port) -> Next:
    """An ARP broadcast: answered from what is known, sent to the linked router that it is about, or flooded.

    Tagged frames are learned from and flooded only.
    """
    packet, target = walk.packet, walk.packet.nw_dst
    if not packet.vlans and isinstance(target, IPv4Address):
        known = _answer_or_forward(walk, vlans, port, target)
        if known is not None:
            return known
    if packet.is_gratuitous and isinstance(target, IPv4Address):
        walk.draft.learn_mac(port.device_id, target, packet.eth_src)
        walk.note(f"bridge {port.device_id} learns {target} at {packet.eth_src}")
    return _flood(walk, vlans, port, "ARP")


def _answer_or_forward(walk: Walk, vlans: Vlans, port: Port, target: IPv4Address) -> Next | None:
    packet, bridge = walk.packet, port.device_id
    if packet.nw_proto == ARP_REQUEST and not packet.is_gratuitous:
        owner = mac_known_to_bridge(walk, bridge, target)
        if owner is not None:
            return answer_for(walk, port, owner)
    for own, peer in linked_router_ports(walk.topology, bridge):
        interface = port_interface(peer)
        if interface is not None and interface.ip == target and port_mac(peer) is not None:
            return _forward(walk, vlans, port, own, f"ARP about router port {peer.id}")
    return None


def _forward(walk: Walk, vlans: Vlans, port: Port, out: Port, why: str) -> Next:
    mismatch = vlans.retag(walk, port, out)
    if mismatch is not None:
        return walk.end(Fate.DROP, mismatch)
    walk.note(f"bridge {port.device_id} forwards to port {out.id}: {why}")
    return Leave(out)


def _flood(walk: Walk, vlans: Vlans, port: Port, why: str) -> Next:
    """To all exterior ports (the port of entry drops its copy) and to VLAN-aware peers, never to linked routers."""
    exterior = tuple(other for other in walk.topology.ports_of(port.device_id) if is_exterior(other))
    ports = exterior + vlans.flooded_peers(walk, port)
    walk.note(f"bridge {port.device_id} floods: {why}")
    return Flood(ports) if ports else walk.end(Fate.CONSUMED, "there is no port to flood to")
