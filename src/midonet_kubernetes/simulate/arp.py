"""ARP: who answers, who learns, and where a router finds the MAC of its next hop (simulation 5, 6.4, 6.5)."""

from __future__ import annotations

from ipaddress import IPv4Address

from midonet_kubernetes.model.midonet import Port
from midonet_kubernetes.simulate.outcome import Fate
from midonet_kubernetes.simulate.packet import ARP_REPLY, ARP_REQUEST, NO_MAC
from midonet_kubernetes.simulate.packets import arp_reply, arp_request
from midonet_kubernetes.simulate.topology import Topology, is_interior, port_interface, port_mac
from midonet_kubernetes.simulate.walk import Abandoned, End, Walk


def linked_router_ports(topology: Topology, bridge: str) -> list[tuple[Port, Port]]:
    """The router ports that are linked to a bridge, each behind the bridge's own port."""
    pairs = ((port, topology.peer_of(port)) for port in topology.ports_of(bridge))
    return [(port, peer) for port, peer in pairs if peer is not None and peer.type == "Router"]


def mac_known_to_bridge(walk: Walk, bridge: str, address: IPv4Address) -> str | None:
    """The MAC of a linked router port, or what the bridge's ARP table holds; what was learned goes before what was written."""
    for _, peer in linked_router_ports(walk.topology, bridge):
        interface = port_interface(peer)
        if interface is not None and interface.ip == address:
            return port_mac(peer)
    return walk.draft.learned_mac(bridge, address) or walk.topology.arp_entry(bridge, address)


def answer_for(walk: Walk, port: Port, owner: str) -> End:
    """A bridge answers an ARP request out of the port of entry."""
    request = walk.packet
    walk.send(port.id, arp_reply(owner, str(request.nw_dst), request.arp_sha, str(request.nw_src)))
    return walk.end(Fate.CONSUMED, f"bridge {port.device_id} knows {request.nw_dst} at {owner}")


def meet_router(walk: Walk, port: Port) -> End:
    """An ARP packet that entered a router: it may be answered, and its sender learned."""
    packet = walk.packet
    if packet.nw_proto not in {ARP_REQUEST, ARP_REPLY}:
        return walk.end(Fate.DROP, f"ARP opcode {packet.nw_proto}")
    interface, sender = port_interface(port), packet.nw_src
    if interface is None or not isinstance(sender, IPv4Address) or sender not in interface.network:
        return walk.end(Fate.CONSUMED, f"ARP from {sender}, which is not in the network of port {port.id}, is ignored")
    own = packet.nw_dst == interface.ip
    if packet.nw_proto == ARP_REPLY:
        gratuitous = packet.is_gratuitous and packet.arp_tha == packet.arp_sha
        own = own and packet.arp_tha == port_mac(port)
    else:
        gratuitous = packet.is_gratuitous and packet.arp_tha == NO_MAC
    if not (gratuitous or own):
        return walk.end(Fate.CONSUMED, f"ARP about {packet.nw_dst} is not for port {port.id} and is ignored")
    walk.draft.learn_mac(port.device_id, sender, packet.arp_sha)
    walk.note(f"router {port.device_id} learns {sender} at {packet.arp_sha}")
    if packet.nw_proto == ARP_REQUEST and not gratuitous:
        walk.send(port.id, arp_reply(port_mac(port) or NO_MAC, str(interface.ip), packet.arp_sha, str(sender)))
    return walk.end(Fate.CONSUMED, f"router {port.device_id} takes ARP")


def next_hop_mac(walk: Walk, port: Port, address: IPv4Address) -> str | None:
    """The MAC of a next hop: of the peer router port, known to the peer bridge, or learned.

    Args:
        walk: the packet's.
        port: by which the packet leaves the router.
        address: of the next hop.

    Returns:
        None: it cannot be found.

    Raises:
        Abandoned: it has to be asked for; the packet waits.
    """
    if is_interior(port):
        peer = walk.topology.peer_of(port)
        if peer is None:
            raise Abandoned(Fate.SUSPENDED, f"port {port.id} is linked to port {port.peer_id}, which does not exist")
        known = port_mac(peer) if peer.type == "Router" else mac_known_to_bridge(walk, peer.device_id, address)
        if known is not None:
            return known
    learned = walk.draft.learned_mac(port.device_id, address)
    if learned is not None:
        return learned
    interface = port_interface(port)
    if interface is None or not (is_interior(port) or address in interface.network):
        return None
    walk.send(port.id, arp_request(port_mac(port) or NO_MAC, str(interface.ip), str(address)))
    raise Abandoned(Fate.SUSPENDED, f"router {port.device_id} asks for the MAC of {address} by port {port.id}")
