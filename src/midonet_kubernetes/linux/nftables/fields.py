"""How each ``Field`` gets into registers, and how its values look there."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass

from midonet_kubernetes.linux.netlink.attributes import be32, nested, text
from midonet_kubernetes.linux.nftables.numbers import FIRST_REGISTER, LAST_REGISTER, LIST_ELEMENT
from midonet_kubernetes.topology.rule_set import Field

_EXPRESSION_NAME, _EXPRESSION_DATA = 1, 2
_META_REGISTER, _META_KEY = 1, 2
_CT_REGISTER, _CT_KEY = 1, 2
_PAYLOAD_REGISTER, _PAYLOAD_BASE, _PAYLOAD_OFFSET, _PAYLOAD_LENGTH = 1, 2, 3, 4
_LINK_LAYER, _NETWORK, _TRANSPORT = 0, 1, 2


def expression(name: str, *attributes: bytes) -> bytes:
    """An expression as an element of a rule's list."""
    return nested(LIST_ELEMENT, text(_EXPRESSION_NAME, name), nested(_EXPRESSION_DATA, *attributes))


@dataclass(frozen=True, slots=True)
class Layout:
    """A field in the kernel.

    Args:
        length: bytes.
        type: nft's number of the data type, so that ``nft list`` prints values well.
        source: "meta", "ct" or "payload".
        place: key of meta and ct; base and offset of payload.
        host_order: a number in the machine's order, where ours are in network order.
        text: a name filled up with zeros.
    """

    length: int
    type: int
    source: str
    place: tuple[int, ...]
    host_order: bool = False
    text: bool = False

    @property
    def padded(self) -> int:
        """Bytes that it takes in a concatenation: whole registers."""
        return (self.length + 3) & ~3

    def load(self, register: int) -> bytes:
        """The expression that copies it into a register."""
        if self.source == "meta":
            return expression("meta", be32(_META_KEY, self.place[0]), be32(_META_REGISTER, register))
        if self.source == "ct":
            return expression("ct", be32(_CT_KEY, self.place[0]), be32(_CT_REGISTER, register))
        base, offset = self.place
        return expression(
            "payload",
            be32(_PAYLOAD_REGISTER, register),
            be32(_PAYLOAD_BASE, base),
            be32(_PAYLOAD_OFFSET, offset),
            be32(_PAYLOAD_LENGTH, self.length),
        )

    def encode(self, value: bytes) -> bytes:
        """A value as it stands in the register, ``length`` bytes.

        Raises:
            ValueError: it has another length.
        """
        if self.text and len(value) < self.length:
            return value.ljust(self.length, b"\0")
        if len(value) != self.length:
            raise ValueError(f"{value!r} has {len(value)} bytes, not {self.length}")
        return value[::-1] if self.swapped else value

    def decode(self, value: bytes) -> bytes:
        """The value that stands in a register so."""
        if self.text:
            return value.rstrip(b"\0")
        return value[::-1] if self.swapped else value

    @property
    def swapped(self) -> bool:
        """Its bytes stand the other way round in this machine."""
        return self.host_order and sys.byteorder == "little"


LAYOUTS = {
    Field.IIFNAME: Layout(16, 41, "meta", (6,), text=True),
    Field.OIFNAME: Layout(16, 41, "meta", (7,), text=True),
    Field.ETHERTYPE: Layout(2, 10, "meta", (1,)),
    Field.L4PROTO: Layout(1, 12, "meta", (16,)),
    Field.MARK: Layout(4, 19, "meta", (3,), host_order=True),
    Field.IP_PROTOCOL: Layout(1, 12, "payload", (_NETWORK, 9)),
    Field.IP_SADDR: Layout(4, 7, "payload", (_NETWORK, 12)),
    Field.IP_DADDR: Layout(4, 7, "payload", (_NETWORK, 16)),
    Field.IP_TOS: Layout(1, 4, "payload", (_NETWORK, 1)),
    Field.IP_FRAGMENT: Layout(2, 4, "payload", (_NETWORK, 6)),
    Field.TH_SPORT: Layout(2, 13, "payload", (_TRANSPORT, 0)),
    Field.TH_DPORT: Layout(2, 13, "payload", (_TRANSPORT, 2)),
    Field.ICMP_TYPE: Layout(1, 14, "payload", (_TRANSPORT, 0)),
    Field.ICMP_CODE: Layout(1, 32, "payload", (_TRANSPORT, 1)),
    Field.ETHER_SADDR: Layout(6, 9, "payload", (_LINK_LAYER, 6)),
    Field.ETHER_DADDR: Layout(6, 9, "payload", (_LINK_LAYER, 0)),
    Field.CT_DIRECTION: Layout(1, 27, "ct", (1,)),
    Field.CT_STATUS: Layout(4, 28, "ct", (2,), host_order=True),
    Field.CT_MARK: Layout(4, 19, "ct", (3,), host_order=True),
}


def load_all(fields: Sequence[Field]) -> list[bytes]:
    """The expressions that put fields side by side into the registers from the first one on.

    Raises:
        ValueError: they do not fit.
    """
    expressions = []
    register = FIRST_REGISTER
    for field in fields:
        layout = LAYOUTS[field]
        if register + layout.padded // 4 - 1 > LAST_REGISTER:
            raise ValueError(f"{', '.join(field.value for field in fields)}: longer than 64 bytes")
        expressions.append(layout.load(register))
        register += layout.padded // 4
    return expressions
