"""A table as it was found, and a change of it, as values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from midonet_kubernetes.topology.rule_set import Chain, ElementData, ElementKey, Hook, Rule, Set


@dataclass(frozen=True, slots=True)
class InstalledRule:
    """A rule in the kernel.

    Args:
        digest: of the ``Rule`` that it was made from (``rules.digest``); empty when somebody else made it.
        origin: of that rule.
    """

    digest: bytes
    origin: str = ""


@dataclass(frozen=True, slots=True)
class InstalledChain:
    """A chain in the kernel."""

    name: str
    hook: Hook | None
    rules: tuple[InstalledRule, ...]


@dataclass(frozen=True)
class InstalledTable:
    """A table in the kernel.

    Args:
        name: of the table.
        family: as in ``rule_set.Table``.
        chains: by name.
        sets: by name; None for one that is not of our making.
        elements: by name of the set, for sets of our making.
    """

    name: str
    family: str = "ip"
    chains: Mapping[str, InstalledChain] = field(default_factory=dict)
    sets: Mapping[str, Set | None] = field(default_factory=dict)
    elements: Mapping[str, Mapping[ElementKey, ElementData]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AddTable:
    """Make the table if it is not there."""


@dataclass(frozen=True, slots=True)
class DeleteTable:
    """Remove the table with all that is in it."""


@dataclass(frozen=True, slots=True)
class AddChain:
    """Make a chain without its rules, or give an existing base chain another policy."""

    chain: Chain


@dataclass(frozen=True, slots=True)
class FlushChain:
    """Remove a chain's rules."""

    name: str


@dataclass(frozen=True, slots=True)
class DeleteChain:
    """Remove a chain that has no rules and that nothing refers to."""

    name: str


@dataclass(frozen=True, slots=True)
class AddRule:
    """Append a rule to a chain."""

    chain: str
    rule: Rule


@dataclass(frozen=True, slots=True)
class AddSet:
    """Make a set without elements."""

    set: Set


@dataclass(frozen=True, slots=True)
class DeleteSet:
    """Remove a set with its elements; no rule may refer to it."""

    name: str


@dataclass(frozen=True, slots=True)
class AddElements:
    """Add elements. One that is there with the same data is no error, with other data it is (EEXIST)."""

    set: Set
    elements: Mapping[ElementKey, ElementData]


@dataclass(frozen=True, slots=True)
class DeleteElements:
    """Remove elements. One that is not there is an error (ENOENT)."""

    set: Set
    keys: Collection[ElementKey]


Operation = (
    AddTable | DeleteTable | AddChain | FlushChain | DeleteChain | AddRule | AddSet | DeleteSet | AddElements | DeleteElements
)


@dataclass(frozen=True, slots=True)
class Transaction:
    """Operations on one table, done in order, all or none. Empty: nothing to do."""

    table: str
    family: str = "ip"
    operations: tuple[Operation, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.operations)
