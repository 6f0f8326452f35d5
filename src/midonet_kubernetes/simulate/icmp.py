"""ICMP that routers make: errors and echo replies (simulation 6.6)."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address

from midonet_kubernetes.model.midonet import Port
from midonet_kubernetes.simulate.packet import (
    ECHO_REPLY,
    ECHO_REQUEST,
    ICMP,
    IPV4,
    NO_MAC,
    TIME_EXCEEDED,
    UNREACHABLE,
    Fragment,
    Packet,
    is_multicast_mac,
)
from midonet_kubernetes.simulate.packets import embedded_of
from midonet_kubernetes.simulate.topology import port_interface, port_mac
from midonet_kubernetes.simulate.walk import Walk

NET_UNREACHABLE = (UNREACHABLE, 0)
HOST_UNREACHABLE = (UNREACHABLE, 1)
FRAGMENTATION_NEEDED = (UNREACHABLE, 4)
PROHIBITED = (UNREACHABLE, 13)
TTL_EXCEEDED = (TIME_EXCEEDED, 0)
_ALL_HOSTS = IPv4Address("255.255.255.255")


def send_error(walk: Walk, port: Port, type_code: tuple[int, int], about: Packet) -> None:
    """Send an ICMP error back out of the router port of entry, unless it must not be sent.

    Args:
        walk: the packet's.
        port: by which the packet entered the router; its address is the source.
        type_code: ICMP type and code.
        about: the packet as the error shall carry it.
    """
    interface = port_interface(port)
    if interface is None or not _may_be_answered(about, interface.network.broadcast_address):
        return
    error = Packet(
        eth_src=port_mac(port) or NO_MAC,
        eth_dst=about.eth_src,
        ethertype=IPV4,
        nw_src=interface.ip,
        nw_dst=about.nw_src,
        nw_proto=ICMP,
        tp_src=type_code[0],
        tp_dst=type_code[1],
        embedded=embedded_of(about),
    )
    walk.send(port.id, error)


def _may_be_answered(packet: Packet, broadcast: IPv4Address) -> bool:
    """RFC 1812, 4.3.2.7: no errors about errors, groups of receivers, or later fragments."""
    addresses = (packet.nw_src, packet.nw_dst)
    return not (
        not packet.is_ipv4
        or packet.is_icmp_error
        or not all(isinstance(address, IPv4Address) for address in addresses)
        or (packet.nw_dst is not None and packet.nw_dst.is_multicast)
        or packet.nw_dst == broadcast
        or is_multicast_mac(packet.eth_dst)
        or _ALL_HOSTS in addresses
        or packet.fragment is Fragment.LATER
    )


def is_echo_request(packet: Packet) -> bool:
    """Whether a router that gets the packet for itself answers it."""
    return packet.is_icmp and packet.fragment is not Fragment.LATER and (packet.tp_src, packet.tp_dst) == (ECHO_REQUEST, 0)


def echo_reply_to(packet: Packet) -> Packet:
    """The answer, without MACs."""
    return replace(packet, nw_src=packet.nw_dst, nw_dst=packet.nw_src, tp_src=ECHO_REPLY, nw_ttl=64, nw_tos=0)
