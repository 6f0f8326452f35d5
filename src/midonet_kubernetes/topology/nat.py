"""NAT rules as the kernel's, for those that no pass turns into map elements."""

from __future__ import annotations

from ipaddress import IPv4Address

from midonet_kubernetes.model.midonet import NatTarget, Rule
from midonet_kubernetes.topology import rule_set as rs
from midonet_kubernetes.topology.compiled import Action
from midonet_kubernetes.topology.conditions import ICMP, TCP, UDP, Inexpressible
from midonet_kubernetes.topology.passes.folding import is_dynamic
from midonet_kubernetes.topology.stages import Side

_WITH_PORTS = (TCP, UDP)
TRANSLATABLE = (*_WITH_PORTS, ICMP)
"""Protocols that a NAT rule with ports applies to (simulation 4.2); others go on as if it were not there."""


def nat_rules(side: Side, rule: Rule) -> Action:
    """What a ``dnat`` or ``snat`` rule does.

    A dynamic rule of several targets chooses one of them evenly (simulation 4.4): a chain draws a number and translates.

    Raises:
        Inexpressible: the hook of ``side`` cannot do it.
    """
    if (rule.type == "dnat") != (side is Side.DNAT):
        raise Inexpressible(f"the kernel does {rule.type} only on the way {'in' if rule.type == 'dnat' else 'out'}")
    targets = [_nat(rule.type, target) for target in rule.nat_targets or ()]
    if not targets:
        raise Inexpressible(f"a {rule.type} rule without targets")
    if not is_dynamic(rule):
        return Action([(targets[0],)], effect=True)
    if len(targets) == 1 or rule.type == "snat":  # MidoNet's snat takes the first target (simulation 4.5)
        return Action(_rows(targets[0]), effect=True)
    name = f"nat_{rule.id}"
    draw = rs.Rule((rs.MarkRandom(len(targets)),), rule.id)
    choices = [
        rs.Rule((rs.Compare(rs.Field.MARK, number.to_bytes(4, "big")), *row), rule.id)
        for number, target in enumerate(targets)
        for row in _rows(target)
    ]
    return Action([(rs.Verdict("jump", name),)], effect=True, items={("chain", name): rs.Chain(name, (draw, *choices))})


def _rows(nat: rs.Nat) -> list[tuple[rs.Statement, ...]]:
    """A dynamic translation applies to TCP, UDP and ICMP, whose id stays (simulation 4.2)."""
    without_ports = rs.Nat(nat.kind, nat.address_from, nat.address_to)
    rows: list[tuple[rs.Statement, ...]] = [(rs.Compare(rs.Field.L4PROTO, protocol), nat) for protocol in _WITH_PORTS]
    return [*rows, (rs.Compare(rs.Field.L4PROTO, ICMP), without_ports)]


def _nat(kind: str, target: NatTarget) -> rs.Nat:
    first = target.address_from or ""
    low, high = IPv4Address(first), IPv4Address(target.address_to or first)
    if high < low or target.port_to < target.port_from:
        raise Inexpressible("a NAT target whose end lies before its start")
    return rs.Nat(kind, low.packed, high.packed, target.port_from, target.port_to)
