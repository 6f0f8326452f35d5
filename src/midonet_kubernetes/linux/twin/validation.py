"""What the kernel checks when a transaction is committed: that chains end, and that statements stand where they can work."""

from __future__ import annotations

import errno
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.topology.rule_set import (
    Chain,
    Data,
    ElementData,
    ElementKey,
    Hook,
    InSet,
    Nat,
    NatByMap,
    Reject,
    Rule,
    Set,
    Verdict,
    VerdictMap,
)

DEEPEST = 16  # NFT_JUMP_STACK_SIZE
_NAT_POINTS = {"dnat": {"prerouting", "output"}, "snat": {"postrouting", "input"}}
_REJECT_POINTS = {"prerouting", "input", "forward", "output"}


@dataclass
class TwinSet:
    """A set with its elements."""

    set: Set
    elements: dict[ElementKey, ElementData] = field(default_factory=dict)


@dataclass
class TwinTable:
    """A table: chains with their rules, sets with their elements.

    Args:
        owner: the port of the socket that alone may change it, 0 when there is none now; None where there is never one.
    """

    chains: dict[str, Chain] = field(default_factory=dict)
    sets: dict[str, TwinSet] = field(default_factory=dict)
    owner: int | None = None


def chains_of_elements(found: TwinSet) -> set[str]:
    """The chains that a verdict map leads to."""
    if found.set.data is not Data.VERDICT:
        return set()
    return {data.chain for data in found.elements.values() if isinstance(data, Verdict) and data.chain}


def set_of(statement: object) -> str:
    """The set that a statement looks something up in, "" for none."""
    if isinstance(statement, InSet):
        return statement.set
    return statement.map if isinstance(statement, VerdictMap | NatByMap) else ""


def commit_check(table: TwinTable, operation: str) -> None:
    """Follow every base chain.

    Raises:
        KernelError: ELOOP; EMLINK, jumps are nested too deep; EOPNOTSUPP, a statement cannot be where it is.
    """
    led_to = {name: chains_of_elements(found) for name, found in table.sets.items()}
    for chain in table.chains.values():
        if chain.hook:
            _Walk(table, led_to, chain.hook, operation).follow(chain, 0)


class _Walk:
    """From one base chain to all that it leads to."""

    def __init__(self, table: TwinTable, led_to: Mapping[str, set[str]], hook: Hook, operation: str) -> None:
        self._table, self._led_to, self._hook, self._operation = table, led_to, hook, operation
        self._deepest: dict[str, int] = {}

    def follow(self, chain: Chain, depth: int) -> None:
        if depth >= DEEPEST:
            raise KernelError(self._operation, errno.EMLINK)
        if self._deepest.get(chain.name, -1) >= depth:
            return  # was followed from at least as deep
        self._deepest[chain.name] = depth
        for rule in chain.rules:
            self._check_place(rule)
            for name in _next_chains(rule, self._led_to):
                self.follow(self._table.chains[name], depth + 1)

    def _check_place(self, rule: Rule) -> None:
        for statement in rule.statements:
            if isinstance(statement, Nat | NatByMap):
                allowed = self._hook.type == "nat" and self._hook.point in _NAT_POINTS[statement.kind]
            else:
                allowed = not isinstance(statement, Reject) or self._hook.point in _REJECT_POINTS
            if not allowed:
                raise KernelError(self._operation, errno.EOPNOTSUPP)


def _next_chains(rule: Rule, led_to: Mapping[str, set[str]]) -> Iterator[str]:
    for statement in rule.statements:
        if isinstance(statement, Verdict) and statement.chain:
            yield statement.chain
        elif isinstance(statement, VerdictMap):
            yield from led_to[statement.map]
