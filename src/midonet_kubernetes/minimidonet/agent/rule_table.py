"""The nftables table of the agent: steps and comparisons as transactions, deletions of endpoints a little later.

A packet may be between two look-ups of a Service's maps while a transaction changes them. It then has the number of an
endpoint that is gone; so the elements of ``eps_…`` maps stay for a moment after nothing leads to them (docs/decisions/0071).
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import cast

from midonet_kubernetes.errors import KernelError, UserError
from midonet_kubernetes.linux.kernel import Flow, RuleSets
from midonet_kubernetes.linux.nftables.difference import Difference, difference, new_chains_first
from midonet_kubernetes.linux.nftables.rules import digest
from midonet_kubernetes.linux.nftables.transaction import (
    DeleteElements,
    DeleteTable,
    InstalledChain,
    InstalledRule,
    InstalledTable,
    Transaction,
)
from midonet_kubernetes.topology.host_state import TABLE, HostState
from midonet_kubernetes.topology.passes.balanced import Endpoint
from midonet_kubernetes.topology.passes.exact_jumps import ServiceKey
from midonet_kubernetes.topology.rule_set import (
    Chain,
    Compare,
    Data,
    ElementData,
    ElementKey,
    Field,
    Hook,
    Rule,
    Set,
    Table,
    Verdict,
)
from midonet_kubernetes.topology.services import ENDPOINTS, SERVICES, Place, count_of, number_of_slot

_UDP = b"\x11"
GRACE = 0.05
"""Seconds that the element of a removed endpoint stays."""

GUARD = Table(
    "midonet_guard",
    chains=(Chain("keep_nat", (Rule((Compare(Field.CT_DIRECTION, b"\0"),)),), Hook("nat", "output", 0)),),
)
"""A table that does nothing but keep connection tracking and NAT switched on in the namespace.

The kernel switches them off with the last chain that needs them: if somebody deletes our table, the next packet of every
Service connection would be sent on untranslated, and answered with a reset. So it is the agent's own while that runs, where the
kernel knows owners (docs/decisions/0072). Its chain is where packets from here begin, so that none on its way meets it.
"""

Elements = Mapping[str, Mapping[ElementKey, ElementData]]


@dataclass(frozen=True)
class Outcome:
    """What a change of the table did.

    Args:
        operations: how many, those to come included.
        forgotten: UDP flows whose endpoint is gone.
    """

    operations: int
    forgotten: tuple[Flow, ...] = ()


@dataclass(frozen=True, slots=True)
class _Dying:
    """What an element holds, and since when nothing leads to it."""

    data: ElementData
    since: float


class RuleTable:
    """The table in one namespace. All calls raise ``KernelError``; after that only ``compare`` knows what is there.

    Args:
        rule_sets: of the namespace.
        clock: seconds, never going back.
    """

    def __init__(self, rule_sets: RuleSets, clock: Callable[[], float]) -> None:
        self._rule_sets, self._clock = rule_sets, clock
        self._sets: dict[str, Set] = {}  # in the kernel
        self._dying: dict[str, dict[ElementKey, _Dying]] = {}  # elements that stay a little longer

    @property
    def has_dying(self) -> bool:
        """Whether ``bury`` has something to do."""
        return bool(self._dying)

    def slots(self) -> dict[Place, tuple[Endpoint, ...]]:
        """The endpoints of each Service's port by slot, as the kernel has them."""
        installed = self._rule_sets.dump(TABLE)
        return {} if installed is None else slots(installed.elements)

    def plan(self, wanted: Table) -> tuple[Difference, InstalledTable | None]:
        """What makes the kernel's table the wanted one, and what it is."""
        installed = self._rule_sets.dump(TABLE)
        late = {value.name for value in wanted.sets if value.data is Data.ADDRESS_AND_PORT}
        return difference(wanted, installed, late=late), installed

    def guard_plan(self) -> Transaction:
        """What makes the guard complete."""
        return difference(GUARD, self._rule_sets.dump(GUARD.name)).now

    def compare(self, wanted: Table) -> Outcome:
        """Make the kernel's table the wanted one, whatever it is now."""
        plan, installed = self.plan(wanted)
        self._rule_sets.own(GUARD.name)
        self._apply(plan.now)
        guard = self.guard_plan()
        self._rule_sets.apply(guard)
        self._sets = {value.name: value for value in wanted.sets}
        self._dying = {}
        self._let_die(plan.later, installed.elements if installed else {})
        operations = len(plan.now.operations) + len(plan.later.operations) + len(guard.operations)
        return Outcome(operations, tuple(_gone(installed.elements if installed else {}, wanted.elements)))

    def step(self, before: HostState, after: HostState) -> Outcome:
        """Follow a step from what the last call left."""
        old, new = before.table, after.table
        if not (old.chains or old.sets or old.elements or new.chains or new.sets or new.elements):
            return Outcome(0)
        removed = {value.name for value in old.sets} - {value.name for value in new.sets}
        touched = {name for name in {*old.elements, *new.elements} if name in self._sets and name not in removed}
        same = [self._sets[name] for name in touched if all(value.name != name for value in new.sets)]
        revived = {name: self._revived(name, keys) for name, keys in new.elements.items()}
        there = {name: {**revived.get(name, {}), **old.elements.get(name, {})} for name in {*old.elements, *revived}}
        wanted = replace(new, sets=(*new.sets, *same))
        installed = InstalledTable(
            TABLE,
            chains={chain.name: _installed(chain) for chain in old.chains},
            sets={value.name: value for value in (*old.sets, *same)},
            elements=there,
        )
        late = {value.name for value in wanted.sets if value.data is Data.ADDRESS_AND_PORT}
        plan = difference(wanted, installed, late=late)
        self._apply(plan.now)
        for name in removed:
            del self._sets[name]
            self._dying.pop(name, None)
        self._sets.update({value.name: value for value in new.sets})
        for name, keys in revived.items():
            self._forget_dying(name, keys)
        self._let_die(plan.later, there)
        operations = len(plan.now.operations) + len(plan.later.operations)
        return Outcome(operations, tuple(_gone(old.elements, new.elements)))

    def bury(self) -> int:
        """Delete what has stayed for ``GRACE``; returns how many elements."""
        latest = self._clock() - GRACE
        due = {name: [key for key, dying in elements.items() if dying.since <= latest] for name, elements in self._dying.items()}
        deletions = tuple(DeleteElements(self._sets[name], keys) for name, keys in due.items() if keys)
        self._rule_sets.apply(Transaction(TABLE, operations=deletions))
        for name, keys in due.items():
            self._forget_dying(name, keys)
        return sum(map(len, due.values()))

    def remove(self) -> list[str]:
        """Take the tables away; returns their names, if they were there.

        Raises:
            UserError: an agent runs. Nothing was taken away.
        """
        there = [name for name in (GUARD.name, TABLE) if self._rule_sets.dump(name) is not None]
        for name in there:
            try:
                self._rule_sets.apply(Transaction(name, operations=(DeleteTable(),)))
            except KernelError as refused:
                if refused.code == errno.EPERM:
                    raise UserError("an agent runs here, and would make all of it again: stop it first") from refused
                raise
        return there

    def _apply(self, change: Transaction) -> None:
        for part in new_chains_first(change):
            self._rule_sets.apply(part)

    def _revived(self, name: str, keys: Mapping[ElementKey, ElementData]) -> dict[ElementKey, ElementData]:
        dying = self._dying.get(name, {})
        return {key: dying[key].data for key in keys if key in dying}

    def _let_die(self, later: Transaction, there: Elements) -> None:
        now = self._clock()
        for operation in later.operations:
            assert isinstance(operation, DeleteElements)
            name = operation.set.name
            self._dying.setdefault(name, {}).update({key: _Dying(there[name][key], now) for key in operation.keys})

    def _forget_dying(self, name: str, keys: Iterable[ElementKey]) -> None:
        dying = self._dying.get(name, {})
        for key in keys:
            dying.pop(key, None)
        if not dying:
            self._dying.pop(name, None)


def slots(elements: Elements) -> dict[Place, tuple[Endpoint, ...]]:
    """The endpoints of each Service's port by slot, from the elements of all sets: those that the balancer chooses from.

    Elements behind these are on their way out.
    """
    found: dict[Place, tuple[Endpoint, ...]] = {}
    for name, verdicts in elements.items():
        if not name.startswith(SERVICES):
            continue
        chain = name.removeprefix(SERVICES)
        endpoints = cast("Mapping[ElementKey, Endpoint]", elements.get(f"{ENDPOINTS}{chain}", {}))
        for key, verdict in verdicts.items():
            numbers = range(count_of(verdict)) if isinstance(verdict, Verdict) else ()
            places = [(*key, number_of_slot(number)) for number in numbers]
            if places and all(place in endpoints for place in places):
                found[chain, cast("ServiceKey", key)] = tuple(endpoints[place] for place in places)
    return found


def _gone(before: Elements, after: Elements) -> Iterator[Flow]:
    """UDP flows to endpoints that were there before and are not after. Both may be parts, as long as they are the same parts."""
    now = _udp_endpoints(after)
    for _, address, port, endpoint in _udp_endpoints(before) - now:
        service = str(IPv4Address(address)), int.from_bytes(port, "big")
        yield Flow(*service, str(IPv4Address(endpoint[:4])), int.from_bytes(endpoint[4:], "big"))


def _udp_endpoints(elements: Elements) -> set[tuple[str, bytes, bytes, Endpoint]]:
    """Map, Service's address and port, and endpoint, of each UDP endpoint among elements."""
    return {
        (name, key[0], key[2], endpoint)
        for name, held in elements.items()
        if name.startswith(ENDPOINTS)
        for key, endpoint in cast("Mapping[tuple[bytes, ...], Endpoint]", held).items()
        if key[1] == _UDP
    }


def _installed(chain: Chain) -> InstalledChain:
    return InstalledChain(chain.name, chain.hook, tuple(InstalledRule(digest(rule), rule.origin) for rule in chain.rules))
