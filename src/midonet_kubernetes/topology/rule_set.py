"""The rule set of one table as values: what the compiler writes, the optimiser rewrites and ``linux.nftables`` encodes.

The vocabulary is nftables' own (chains with or without a hook, rules, sets, verdict maps), reduced to what a virtual
network needs. Values of fields are bytes in network order, as they stand in the packet; interface names are text.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum


class Field(Enum):
    """What a rule can look at. The value is the field's length in bytes (0: a length of its own, see the encoder)."""

    IIFNAME = "iifname"  # 16 bytes, padded with zeros
    OIFNAME = "oifname"  # 16
    ETHERTYPE = "ethertype"  # 2, the frame's own (meta protocol)
    L4PROTO = "l4proto"  # 1
    IP_PROTOCOL = "ip protocol"  # 1
    IP_SADDR = "ip saddr"  # 4
    IP_DADDR = "ip daddr"  # 4
    IP_TOS = "ip tos"  # 1, the whole byte
    IP_FRAGMENT = "ip frag"  # 2: flags and offset; mask 0x1fff is the offset, 0x2000 "more fragments"
    TH_SPORT = "th sport"  # 2
    TH_DPORT = "th dport"  # 2
    ICMP_TYPE = "icmp type"  # 1
    ICMP_CODE = "icmp code"  # 1
    ETHER_SADDR = "ether saddr"  # 6
    ETHER_DADDR = "ether daddr"  # 6
    MARK = "mark"  # 4, big-endian here; the encoder turns it into host order
    CT_DIRECTION = "ct direction"  # 1: 0 original, 1 reply
    CT_STATUS = "ct status"  # 4, big-endian here; IPS_DST_NAT is 0x20, IPS_SRC_NAT 0x10
    CT_MARK = "ct mark"  # 4, as MARK


@dataclass(frozen=True, slots=True)
class Compare:
    """``field & mask == value``, or ``!=`` when ``invert``; a mask of None is all ones."""

    field: Field
    value: bytes
    mask: bytes | None = None
    invert: bool = False


@dataclass(frozen=True, slots=True)
class Between:
    """``low <= field <= high``, or not when ``invert``."""

    field: Field
    low: bytes
    high: bytes
    invert: bool = False


@dataclass(frozen=True, slots=True)
class InSet:
    """The concatenation of ``fields`` is an element of the set (is not, when ``invert``)."""

    fields: tuple[Field, ...]
    set: str
    invert: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """``accept``, ``drop``, ``return``, ``continue``; ``jump`` and ``goto`` name a chain."""

    kind: str
    chain: str = ""


@dataclass(frozen=True, slots=True)
class VerdictMap:
    """The verdict that the map holds for the concatenation of ``fields``; none: the next rule."""

    fields: tuple[Field, ...]
    map: str


@dataclass(frozen=True, slots=True)
class MarkRandom:
    """``meta mark set numgen random mod modulus offset offset``."""

    modulus: int
    offset: int = 0


@dataclass(frozen=True, slots=True)
class SetMark:
    """``meta mark set value``."""

    value: int


@dataclass(frozen=True, slots=True)
class Nat:
    """``dnat`` or ``snat`` to a range of addresses and ports (ends included, ports 0: keep)."""

    kind: str  # "dnat" | "snat"
    address_from: bytes
    address_to: bytes
    port_from: int = 0
    port_to: int = 0


@dataclass(frozen=True, slots=True)
class NatByMap:
    """``dnat ip to <fields> map @map``, the map's data being address and port (4 + 2 bytes)."""

    fields: tuple[Field, ...]
    map: str
    kind: str = "dnat"


@dataclass(frozen=True, slots=True)
class Reject:
    """``tcp reset`` or an ICMP destination unreachable with ``code`` (3 port, 13 communication prohibited, 0 net)."""

    tcp_reset: bool = False
    code: int = 3


@dataclass(frozen=True, slots=True)
class NoTrack:
    """Leave the packet out of connection tracking (raw priority and before only)."""


@dataclass(frozen=True, slots=True)
class Counter:
    """Count packets and bytes; the counts themselves are not part of the wanted state."""


Statement = Compare | Between | InSet | Verdict | VerdictMap | MarkRandom | SetMark | Nat | NatByMap | Reject | NoTrack | Counter


@dataclass(frozen=True, slots=True)
class Rule:
    """Statements from left to right; ``origin`` names the MidoNet rule that it came from ("" for the skeleton)."""

    statements: tuple[Statement, ...]
    origin: str = ""


@dataclass(frozen=True, slots=True)
class Hook:
    """Where a base chain hangs: ``type`` filter or nat; ``point`` prerouting, input, forward, output or postrouting."""

    type: str
    point: str
    priority: int
    policy_drop: bool = False


@dataclass(frozen=True, slots=True)
class Chain:
    """A chain; without a hook it is reached by jump or goto only."""

    name: str
    rules: tuple[Rule, ...] = ()
    hook: Hook | None = None


class Data(Enum):
    """What a map gives."""

    VERDICT = "verdict"
    ADDRESS_AND_PORT = "ipv4_addr . inet_service"  # 6 bytes
    MARK = "mark"  # 4 bytes, big-endian here


@dataclass(frozen=True, slots=True)
class Set:
    """A set, or a map when ``data`` is given. Keys are concatenations of ``key``.

    ``intervals`` allows prefixes and ranges for single-field keys. A set has elements of its own, held apart from the
    table, because they change far more often than it does.
    """

    name: str
    key: tuple[Field, ...]
    data: Data | None = None
    intervals: bool = False


Key = tuple[bytes, ...]  # one value for each field of the set's key, not padded
Interval = tuple[bytes, bytes]  # low and high, ends included, of a set with intervals
ElementKey = Key | Interval
ElementData = Verdict | bytes | None  # None for a set; address then port for ADDRESS_AND_PORT


@dataclass(frozen=True)
class Table:
    """A whole table: chains in order of dependency (a chain stands after those that it jumps to)."""

    name: str
    family: str = "ip"
    chains: tuple[Chain, ...] = ()
    sets: tuple[Set, ...] = ()
    elements: dict[str, dict[ElementKey, ElementData]] = field(default_factory=dict)
