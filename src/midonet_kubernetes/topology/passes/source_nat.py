"""A port's outbound chain that translates the source of one address: elements of one set per translated address."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address

from midonet_kubernetes.model.midonet import Rule
from midonet_kubernetes.topology.passes.folding import given, live_rules
from midonet_kubernetes.topology.rule_set import Nat

_NEEDED = frozenset(("nw_src_address",))


@dataclass(frozen=True, slots=True)
class SourceNat:
    """What comes from ``source`` shall come from where ``nat`` says."""

    source: bytes
    nat: Nat


def source_nat_of(rules: Sequence[Rule]) -> SourceNat | None:
    """The translation that such a chain does, or None when the chain does something else."""
    live = live_rules(rules)
    if len(live) != 1 or live[0].type != "snat" or given(live[0]) != _NEEDED:
        return None
    rule = live[0]
    targets = rule.nat_targets or ()
    if rule.nw_src_length != 32 or rule.nw_src_address is None or len(targets) != 1:
        return None
    target = targets[0]
    if target.address_from is None or not target.port_from:
        return None
    first, last = IPv4Address(target.address_from).packed, IPv4Address(target.address_to or target.address_from).packed
    return SourceNat(IPv4Address(rule.nw_src_address).packed, Nat("snat", first, last, target.port_from, target.port_to))
