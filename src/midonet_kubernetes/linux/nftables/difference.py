"""What has to be done to a table, from what it shall be and what it is. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from midonet_kubernetes.linux.nftables.rules import digest
from midonet_kubernetes.linux.nftables.transaction import (
    AddChain,
    AddElements,
    AddRule,
    AddSet,
    AddTable,
    DeleteChain,
    DeleteElements,
    DeleteSet,
    FlushChain,
    InstalledChain,
    InstalledTable,
    Operation,
    Transaction,
)
from midonet_kubernetes.topology.rule_set import (
    Chain,
    Data,
    ElementData,
    ElementKey,
    Hook,
    InSet,
    NatByMap,
    Set,
    Table,
    VerdictMap,
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Two transactions.

    Args:
        now: to apply at once.
        later: deletions to apply a little later, when no packet can be between two look-ups any more (some 50 ms). It holds
            only as long as nothing else was applied to the table: after that, ask for the difference again.
    """

    now: Transaction
    later: Transaction

    def __bool__(self) -> bool:
        return bool(self.now) or bool(self.later)


def difference(wanted: Table, installed: InstalledTable | None, *, late: Collection[str] = ()) -> Difference:
    """The smallest change, in an order in which nothing refers to what is not there.

    A chain with any other rule has all its rules written anew; elements are added and deleted one by one.

    Args:
        wanted: the whole table.
        installed: as ``RuleSets.dump`` read it; None when there is none.
        late: maps whose vanished elements go into ``later``; not verdict maps, whose elements hold on to chains.

    Raises:
        ValueError: a verdict map in ``late``.
    """
    if any(value.name in late and value.data is Data.VERDICT for value in wanted.sets):
        raise ValueError("elements of a verdict map cannot be deleted late")
    changes = _Changes(wanted, installed or InstalledTable(wanted.name, wanted.family), late)
    begin: tuple[Operation, ...] = () if installed else (AddTable(),)
    return Difference(
        Transaction(wanted.name, wanted.family, (*begin, *changes.now())),
        Transaction(wanted.name, wanted.family, tuple(changes.later())),
    )


def new_chains_first(change: Transaction) -> tuple[Transaction, ...]:
    """A change in one or two transactions: new chains with the sets that they need, then everything else.

    The kernel looks elements up as they are now, but a packet on its way goes on by the rules with which it began. Were a
    chain made together with the element that leads there, such a packet would find it empty.
    """
    operations = change.operations
    gone = {one.name for one in operations if isinstance(one, FlushChain | DeleteChain | DeleteSet)}
    sets = {one.set.name for one in operations if isinstance(one, AddSet)}
    chains = {one.chain.name for one in operations if isinstance(one, AddChain) and one.chain.hook is None}
    if not chains or AddTable() in operations or not gone.isdisjoint(sets | chains):
        return (change,)

    def is_first(operation: Operation) -> bool:
        match operation:
            case AddSet():
                return True
            case AddChain(chain):
                return chain.name in chains
            case AddRule(name):
                return name in chains
            case AddElements(set_):
                return set_.name in sets
        return False

    first = tuple(one for one in operations if is_first(one))
    rest = tuple(one for one in operations if not is_first(one))
    return tuple(replace(change, operations=part) for part in (first, rest) if part)


class _Changes:
    def __init__(self, wanted: Table, installed: InstalledTable, late: Collection[str]) -> None:
        self._wanted, self._installed, self._late = wanted, installed, late
        self._kept_sets = [value for value in wanted.sets if installed.sets.get(value.name) == value]
        self._new_sets = [value for value in wanted.sets if installed.sets.get(value.name) != value]
        names = {value.name for value in self._kept_sets}
        self._gone_sets = [name for name in installed.sets if name not in names]
        self._sort_chains()
        self._compare_elements()

    def _sort_chains(self) -> None:
        there = self._installed.chains
        gone = set(self._gone_sets)
        names = {chain.name for chain in self._wanted.chains}
        self._gone_chains = [chain for name, chain in there.items() if name not in names]
        self._new_chains: list[Chain] = []
        self._other_policy: list[Chain] = []
        self._other_rules: list[Chain] = []
        for chain in self._wanted.chains:
            found = there.get(chain.name)
            if found is None or not _same_place(chain.hook, found.hook):
                self._new_chains.append(chain)
                if found is not None:
                    self._gone_chains.append(found)
                continue
            if chain.hook != found.hook:
                self._other_policy.append(chain)
            if not _same_rules(chain, found) or not gone.isdisjoint(_sets_used(chain)):
                self._other_rules.append(chain)

    def _compare_elements(self) -> None:
        self._added: list[tuple[Set, Mapping[ElementKey, ElementData]]] = []
        self._deleted: list[DeleteElements] = []
        self._deleted_later: list[DeleteElements] = []
        for value in self._new_sets:
            self._added.append((value, self._wanted.elements.get(value.name, {})))
        for value in self._kept_sets:
            wanted = self._wanted.elements.get(value.name, {})
            there = self._installed.elements.get(value.name, {})
            added = {key: data for key, data in wanted.items() if key not in there or there[key] != data}
            changed = [key for key in added if key in there]
            vanished = [key for key in there if key not in wanted]
            if value.name in self._late:
                self._deleted_later += [DeleteElements(value, vanished)] if vanished else []
                vanished = []
            if changed or vanished:
                self._deleted.append(DeleteElements(value, [*vanished, *changed]))
            self._added.append((value, added))

    def now(self) -> Iterator[Operation]:
        # First let go: rules and elements refer to chains and sets. Then remove, make, fill, and refer again.
        there = self._installed.chains
        for name in (*(chain.name for chain in self._gone_chains), *(chain.name for chain in self._other_rules)):
            if there[name].rules:
                yield FlushChain(name)
        yield from self._deleted
        yield from (DeleteSet(name) for name in self._gone_sets)
        yield from (DeleteChain(chain.name) for chain in self._gone_chains)
        yield from (AddSet(value) for value in self._new_sets)
        yield from (AddChain(chain) for chain in (*self._new_chains, *self._other_policy))
        yield from (AddElements(value, elements) for value, elements in self._added if elements)
        for chain in (*self._new_chains, *self._other_rules):
            yield from (AddRule(chain.name, rule) for rule in chain.rules)

    def later(self) -> Iterator[Operation]:
        yield from self._deleted_later


def _same_place(one: Hook | None, other: Hook | None) -> bool:
    """A chain cannot be moved to another hook, but it can get another policy."""
    if one is None or other is None:
        return one is other
    return replace(one, policy_drop=False) == replace(other, policy_drop=False)


def _same_rules(chain: Chain, found: InstalledChain) -> bool:
    if len(chain.rules) != len(found.rules):
        return False
    return all(digest(rule) == there.digest for rule, there in zip(chain.rules, found.rules, strict=True))


def _sets_used(chain: Chain) -> Iterator[str]:
    for rule in chain.rules:
        for statement in rule.statements:
            if isinstance(statement, InSet):
                yield statement.set
            elif isinstance(statement, VerdictMap | NatByMap):
                yield statement.map
