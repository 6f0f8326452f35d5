"""What a rule and a chain come to on one side, as those that lead to them see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from midonet_kubernetes.topology import rule_set as rs
from midonet_kubernetes.topology.items import Item, ItemKey


@dataclass(frozen=True, slots=True)
class Action:
    """What a rule does when it matches.

    Args:
        rows: of statements, each a rule of its own behind the conditions; none: it has no part in this side.
        effect: whether that is what the side is for.
        items: what comes with it.
    """

    rows: Sequence[tuple[rs.Statement, ...]] = ()
    effect: bool = False
    items: Mapping[ItemKey, Item] = field(default_factory=dict)


NOTHING = Action()


@dataclass(frozen=True, slots=True)
class Compiled:
    """A chain on one side.

    Args:
        name: of the kernel's chain that stands for it: its own, or that of the one chain that it passes everything to.
        rules: what it does.
        effect: whether it, or a chain behind it, does what its side is for.
        calls: MidoNet chains that its rules jump to.
        items: what comes with it: parts of NAT rules, the refusing chain, what cannot be expressed.
    """

    name: str
    rules: tuple[rs.Rule, ...] = ()
    effect: bool = False
    calls: frozenset[str] = frozenset()
    items: tuple[tuple[ItemKey, Item], ...] = ()
