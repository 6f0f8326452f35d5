"""A ``Rule`` as expressions of the kernel's virtual machine, and what is kept with it to know it again."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from midonet_kubernetes.linux.netlink.attributes import attribute, be32, nested, text, u8
from midonet_kubernetes.linux.nftables.fields import LAYOUTS, expression, load_all
from midonet_kubernetes.linux.nftables.numbers import (
    DATA_VALUE,
    DATA_VERDICT,
    FIRST_REGISTER,
    OUR_USERDATA,
    VERDICT_CHAIN,
    VERDICT_CODE,
    VERDICT_REGISTER,
    VERDICTS,
    read_userdata,
    userdata,
)
from midonet_kubernetes.linux.nftables.transaction import InstalledRule
from midonet_kubernetes.topology.rule_set import (
    Between,
    Compare,
    Counter,
    InSet,
    MarkRandom,
    Nat,
    NatByMap,
    NoTrack,
    Reject,
    Rule,
    SetMark,
    Verdict,
    VerdictMap,
)

_REGISTER = FIRST_REGISTER
_EQUAL, _DIFFERENT = 0, 1
_META_KEY, _META_SOURCE, _META_MARK = 2, 3, 3
_NAT_TYPES = {"snat": 0, "dnat": 1}
_NAT_FAMILY_IPV4 = 2
_NG_RANDOM = 1
_COMMENT = 0  # nft's own part of the user data: it prints it
_LONGEST_ORIGIN = 120  # nft's own limit is 128, the kernel's for all user data 256
_KEPT = struct.Struct("=8sB")  # digest, number of expressions


def _value(kind: int, value: bytes) -> bytes:
    return nested(kind, attribute(DATA_VALUE, value))


def _immediate(register: int, value: bytes) -> bytes:
    return expression("immediate", be32(1, register), _value(2, value))


def _set_mark() -> bytes:
    return expression("meta", be32(_META_KEY, _META_MARK), be32(_META_SOURCE, _REGISTER))


def verdict_attribute(kind: int, verdict: Verdict) -> bytes:
    """A verdict as data, of a rule or of an element."""
    parts = be32(VERDICT_CODE, VERDICTS[verdict.kind])
    if verdict.chain:
        parts += text(VERDICT_CHAIN, verdict.chain)
    return nested(kind, nested(DATA_VERDICT, parts))


def _compare(statement: Compare) -> list[bytes]:
    layout = LAYOUTS[statement.field]
    expressions = [layout.load(_REGISTER)]
    if statement.mask is not None:
        mask = layout.encode(statement.mask)
        registers = be32(1, _REGISTER) + be32(2, _REGISTER)
        expressions.append(
            expression("bitwise", registers, be32(3, layout.length), _value(4, mask), _value(5, bytes(layout.length)))
        )
    operator = _DIFFERENT if statement.invert else _EQUAL
    expressions.append(expression("cmp", be32(1, _REGISTER), be32(2, operator), _value(3, layout.encode(statement.value))))
    return expressions


def _between(statement: Between) -> list[bytes]:
    layout = LAYOUTS[statement.field]
    if layout.host_order or layout.text:
        raise ValueError(f"{statement.field.value} has no order in the kernel")
    operator = _DIFFERENT if statement.invert else _EQUAL
    bounds = _value(3, layout.encode(statement.low)) + _value(4, layout.encode(statement.high))
    return [layout.load(_REGISTER), expression("range", be32(1, _REGISTER), be32(2, operator), bounds)]


def _in_set(statement: InSet) -> list[bytes]:
    flags = be32(5, 1) if statement.invert else b""
    return [*load_all(statement.fields), expression("lookup", text(1, statement.set), be32(2, _REGISTER), flags)]


def _verdict(statement: Verdict) -> list[bytes]:
    return [expression("immediate", be32(1, VERDICT_REGISTER), verdict_attribute(2, statement))]


def _verdict_map(statement: VerdictMap) -> list[bytes]:
    lookup = expression("lookup", text(1, statement.map), be32(2, _REGISTER), be32(3, VERDICT_REGISTER))
    return [*load_all(statement.fields), lookup]


def _mark_random(statement: MarkRandom) -> list[bytes]:
    parts = be32(1, _REGISTER) + be32(2, statement.modulus) + be32(3, _NG_RANDOM) + be32(4, statement.offset)
    return [expression("numgen", parts), _set_mark()]


def _mark(statement: SetMark) -> list[bytes]:
    return [_immediate(_REGISTER, struct.pack("=I", statement.value)), _set_mark()]


def _nat(statement: Nat) -> list[bytes]:
    values = [(3, statement.address_from), (4, statement.address_to)]
    if statement.port_from:
        values += [(5, statement.port_from.to_bytes(2, "big")), (6, statement.port_to.to_bytes(2, "big"))]
    expressions = []
    parts = be32(1, _NAT_TYPES[statement.kind]) + be32(2, _NAT_FAMILY_IPV4)
    for register, (kind, value) in enumerate(values, _REGISTER):
        expressions.append(_immediate(register, value))
        parts += be32(kind, register)
    return [*expressions, expression("nat", parts)]


def _nat_by_map(statement: NatByMap) -> list[bytes]:
    lookup = expression("lookup", text(1, statement.map), be32(2, _REGISTER), be32(3, _REGISTER))
    parts = be32(1, _NAT_TYPES[statement.kind]) + be32(2, _NAT_FAMILY_IPV4) + be32(3, _REGISTER) + be32(5, _REGISTER + 1)
    return [*load_all(statement.fields), lookup, expression("nat", parts)]


def _reject(statement: Reject) -> list[bytes]:
    parts = be32(1, 1) if statement.tcp_reset else be32(1, 0) + u8(2, statement.code)
    return [expression("reject", parts)]


def _no_track(_: NoTrack) -> list[bytes]:
    return [expression("notrack")]


def _counter(_: Counter) -> list[bytes]:
    return [expression("counter")]


_ENCODERS: dict[type, Callable[[Any], list[bytes]]] = {
    Compare: _compare,
    Between: _between,
    InSet: _in_set,
    Verdict: _verdict,
    VerdictMap: _verdict_map,
    MarkRandom: _mark_random,
    SetMark: _mark,
    Nat: _nat,
    NatByMap: _nat_by_map,
    Reject: _reject,
    NoTrack: _no_track,
    Counter: _counter,
}


@lru_cache(maxsize=65536)
def encode(rule: Rule) -> tuple[bytes, bytes]:
    """The expressions, joined, and the user data that ``installed`` reads again.

    Raises:
        ValueError: a value does not fit its field.
    """
    expressions = [part for statement in rule.statements for part in _ENCODERS[type(statement)](statement)]
    joined = b"".join(expressions)
    digest = hashlib.blake2b(joined + rule.origin.encode(), digest_size=8).digest()
    parts = [(OUR_USERDATA, _KEPT.pack(digest, len(expressions)))]
    if rule.origin:
        comment = rule.origin.encode()[:_LONGEST_ORIGIN].decode(errors="ignore")
        parts.insert(0, (_COMMENT, comment.encode() + b"\0"))
    return joined, userdata(*parts)


def digest(rule: Rule) -> bytes:
    """Eight bytes that are the same for two rules only if they say the same."""
    return as_installed(rule).digest


@lru_cache(maxsize=65536)
def as_installed(rule: Rule) -> InstalledRule:
    """The rule as it will be read back."""
    return _read(encode(rule)[1])[0]


def installed(expressions: int, kept: bytes) -> InstalledRule:
    """A rule read back.

    Args:
        expressions: how many it has.
        kept: its user data. Without our part, or with another number of expressions than we gave it, it is not of our making.
    """
    rule, count = _read(kept)
    return rule if count == expressions else InstalledRule(b"", rule.origin)


def _read(kept: bytes) -> tuple[InstalledRule, int]:
    parts = read_userdata(kept)
    origin = parts.get(_COMMENT, b"").rstrip(b"\0").decode(errors="replace")
    ours = parts.get(OUR_USERDATA, b"")
    digest_found, count = _KEPT.unpack(ours) if len(ours) == _KEPT.size else (b"", -1)
    return InstalledRule(digest_found, origin), count
