"""A packet as a value: the headers that MidoNet's rules and devices look at (simulation 0.3)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import Enum
from ipaddress import IPv4Address, IPv6Address

IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86DD
ICMP, TCP, UDP, SCTP, ICMPV6 = 1, 6, 17, 132, 58
ARP_REQUEST, ARP_REPLY = 1, 2
ECHO_REPLY, UNREACHABLE, ECHO_REQUEST, TIME_EXCEEDED, PARAMETER_PROBLEM = 0, 3, 8, 11, 12
_ECHO = (ECHO_REPLY, ECHO_REQUEST)
_WITH_EMBEDDED = (UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM)
_ICMP_ERRORS = (UNREACHABLE, 4, 5, TIME_EXCEEDED, PARAMETER_PROBLEM)  # 4 and 5: source quench and redirect
BROADCAST, NO_MAC = "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"

Address = IPv4Address | IPv6Address


def mac(text: str) -> str:
    """A MAC address in one spelling: lower case, two digits, colons.

    Raises:
        ValueError: it is none.
    """
    parts = re.split("[:-]", text)
    if len(parts) != 6 or not all(re.fullmatch("[0-9a-fA-F]{1,2}", part) for part in parts):
        raise ValueError(f"{text!r} is no MAC address")
    return ":".join(part.lower().zfill(2) for part in parts)


def is_multicast_mac(address: str) -> bool:
    """Whether a MAC address names a group of stations; broadcast is one."""
    return bool(int(address[:2], 16) & 1)


class Fragment(Enum):
    """Which part of a datagram a packet is."""

    WHOLE = "whole"
    FIRST = "first"
    LATER = "later"


@dataclass(frozen=True, slots=True)
class Embedded:
    """The head of the packet that an ICMP error is about. ``icmp_id`` is for an embedded echo only."""

    nw_src: IPv4Address
    nw_dst: IPv4Address
    nw_proto: int
    tp_src: int = 0
    tp_dst: int = 0
    icmp_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Packet:
    """A packet.

    A packet without ports has ports 0 (ARP, later fragments, SCTP, ICMPv6, anything that is not IP): they are set to 0
    here, whatever is given. In the same way only ICMP echo keeps ``icmp_id`` and only an ICMP error ``embedded``.

    Args:
        eth_src: MAC of the sender.
        eth_dst: MAC of the receiver.
        ethertype: behind the VLAN tags, if there are any.
        vlans: VLAN ids, the outermost first.
        nw_src: IP source; of ARP the sender's protocol address.
        nw_dst: IP destination; of ARP the target's protocol address.
        nw_proto: IP protocol; of ARP the opcode.
        nw_tos: the whole byte.
        nw_ttl: time to live.
        fragment: which part of a datagram it is.
        tp_src: source port; of ICMP the type.
        tp_dst: destination port; of ICMP the code.
        icmp_id: identifier of an ICMP echo.
        embedded: what an ICMP error is about.
        arp_sha: of ARP the sender's MAC.
        arp_tha: of ARP the target's MAC.

    Raises:
        ValueError: a MAC address is none.
    """

    eth_src: str
    eth_dst: str
    ethertype: int
    vlans: tuple[int, ...] = ()
    nw_src: Address | None = None
    nw_dst: Address | None = None
    nw_proto: int = 0
    nw_tos: int = 0
    nw_ttl: int = 64
    fragment: Fragment = Fragment.WHOLE
    tp_src: int = 0
    tp_dst: int = 0
    icmp_id: int | None = None
    embedded: Embedded | None = None
    arp_sha: str = NO_MAC
    arp_tha: str = NO_MAC

    def __post_init__(self) -> None:
        for name in ("eth_src", "eth_dst", "arp_sha", "arp_tha"):
            object.__setattr__(self, name, mac(getattr(self, name)))
        if not self._has_ports:
            object.__setattr__(self, "tp_src", 0)
            object.__setattr__(self, "tp_dst", 0)
        readable = self.is_icmp and self.fragment is not Fragment.LATER
        if not (readable and self.tp_src in _ECHO):
            object.__setattr__(self, "icmp_id", None)
        if not (readable and self.tp_src in _WITH_EMBEDDED):
            object.__setattr__(self, "embedded", None)

    @property
    def _has_ports(self) -> bool:
        if self.fragment is Fragment.LATER:
            return False
        return self.is_icmp or (self.ethertype in {IPV4, IPV6} and self.nw_proto in {TCP, UDP})

    @property
    def is_ipv4(self) -> bool:
        """Whether it is an IPv4 packet."""
        return self.ethertype == IPV4

    @property
    def is_arp(self) -> bool:
        """Whether it is an ARP packet."""
        return self.ethertype == ARP

    @property
    def is_icmp(self) -> bool:
        """Whether it is ICMP over IPv4."""
        return self.ethertype == IPV4 and self.nw_proto == ICMP

    @property
    def is_icmp_error(self) -> bool:
        """Whether it is an ICMP error, which must never be answered by another (RFC 1812, 4.3.2.7)."""
        return self.is_icmp and self.tp_src in _ICMP_ERRORS

    @property
    def is_tracked(self) -> bool:
        """Whether connection tracking knows its protocol (simulation 4.9)."""
        return self.ethertype == IPV4 and self.nw_proto in {TCP, UDP, ICMP}

    @property
    def is_translatable(self) -> bool:
        """Whether dynamic and reverse NAT apply to it (simulation 4.2)."""
        if self.is_icmp:
            return self.icmp_id is not None or self.embedded is not None
        return self.ethertype == IPV4 and self.nw_proto in {TCP, UDP}

    @property
    def is_gratuitous(self) -> bool:
        """Whether it is ARP that tells about its own sender."""
        return self.ethertype == ARP and self.nw_src == self.nw_dst

    def __str__(self) -> str:
        tags = "".join(f" vlan {vlan}" for vlan in self.vlans)
        if self.is_arp:
            kind = {ARP_REQUEST: "request", ARP_REPLY: "reply"}.get(self.nw_proto, f"opcode {self.nw_proto}")
            return f"ARP {kind} {self.nw_src} -> {self.nw_dst}{tags}"
        if self.nw_src is None:
            return f"ethertype 0x{self.ethertype:04x} {self.eth_src} -> {self.eth_dst}{tags}"
        protocol = {ICMP: "ICMP", TCP: "TCP", UDP: "UDP", SCTP: "SCTP"}.get(self.nw_proto, f"protocol {self.nw_proto}")
        if self.is_icmp:
            return f"ICMP {self.tp_src}/{self.tp_dst} {self.nw_src} -> {self.nw_dst}{tags}"
        return f"{protocol} {self.nw_src}:{self.tp_src} -> {self.nw_dst}:{self.tp_dst}{tags}"
