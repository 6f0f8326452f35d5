"""Packets of the usual kinds, made from texts."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Address, ip_address
from typing import Any

from midonet_kubernetes.simulate.packet import (
    ARP,
    ARP_REPLY,
    ARP_REQUEST,
    BROADCAST,
    ECHO_REPLY,
    ECHO_REQUEST,
    ICMP,
    IPV4,
    IPV6,
    TCP,
    UDP,
    Embedded,
    Packet,
)


def ip(eth: tuple[str, str], source: str, destination: str, protocol: int, **fields: Any) -> Packet:
    """An IPv4 or IPv6 packet.

    Args:
        eth: MACs of sender and receiver.
        source: address.
        destination: address.
        protocol: number.
        fields: of ``Packet``.
    """
    nw_src, nw_dst = ip_address(source), ip_address(destination)
    ethertype = IPV4 if isinstance(nw_dst, IPv4Address) else IPV6
    return Packet(eth_src=eth[0], eth_dst=eth[1], ethertype=ethertype, nw_src=nw_src, nw_dst=nw_dst, nw_proto=protocol, **fields)


def tcp(eth: tuple[str, str], source: str, sport: int, destination: str, dport: int, **fields: Any) -> Packet:
    """A TCP packet; arguments as ``ip`` and ports."""
    return ip(eth, source, destination, TCP, tp_src=sport, tp_dst=dport, **fields)


def udp(eth: tuple[str, str], source: str, sport: int, destination: str, dport: int, **fields: Any) -> Packet:
    """A UDP packet; arguments as ``ip`` and ports."""
    return ip(eth, source, destination, UDP, tp_src=sport, tp_dst=dport, **fields)


def echo_request(eth: tuple[str, str], source: str, destination: str, icmp_id: int, **fields: Any) -> Packet:
    """An ICMP echo request."""
    return ip(eth, source, destination, ICMP, tp_src=ECHO_REQUEST, icmp_id=icmp_id, **fields)


def icmp_error(
    eth: tuple[str, str], source: str, destination: str, type_code: tuple[int, int], about: Packet, **fields: Any
) -> Packet:
    """An ICMP error that carries the head of ``about``."""
    return ip(eth, source, destination, ICMP, tp_src=type_code[0], tp_dst=type_code[1], embedded=embedded_of(about), **fields)


def arp_request(sender_mac: str, sender: str, target: str, **fields: Any) -> Packet:
    """Who has ``target``? Tell ``sender``."""
    return Packet(
        eth_src=sender_mac,
        eth_dst=BROADCAST,
        ethertype=ARP,
        nw_src=IPv4Address(sender),
        nw_dst=IPv4Address(target),
        nw_proto=ARP_REQUEST,
        arp_sha=sender_mac,
        **fields,
    )


def arp_reply(sender_mac: str, sender: str, target_mac: str, target: str, **fields: Any) -> Packet:
    """``sender`` is at ``sender_mac``, said to ``target``."""
    return Packet(
        eth_src=sender_mac,
        eth_dst=target_mac,
        ethertype=ARP,
        nw_src=IPv4Address(sender),
        nw_dst=IPv4Address(target),
        nw_proto=ARP_REPLY,
        arp_sha=sender_mac,
        arp_tha=target_mac,
        **fields,
    )


def embedded_of(packet: Packet) -> Embedded | None:
    """What an ICMP error about an IPv4 packet carries of it; None: it is no IPv4 packet."""
    if not (isinstance(packet.nw_src, IPv4Address) and isinstance(packet.nw_dst, IPv4Address)):
        return None
    return Embedded(packet.nw_src, packet.nw_dst, packet.nw_proto, packet.tp_src, packet.tp_dst, packet.icmp_id)


def answer_to(packet: Packet) -> Packet:
    """What a host that got ``packet`` sends back: all addresses and ports swapped, an echo request answered."""
    swapped = replace(
        packet, eth_src=packet.eth_dst, eth_dst=packet.eth_src, nw_src=packet.nw_dst, nw_dst=packet.nw_src, nw_ttl=64
    )
    if packet.is_icmp:
        return replace(swapped, tp_src=ECHO_REPLY if packet.tp_src == ECHO_REQUEST else packet.tp_src)
    return replace(swapped, tp_src=packet.tp_dst, tp_dst=packet.tp_src)
