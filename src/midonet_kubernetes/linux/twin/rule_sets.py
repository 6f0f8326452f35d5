"""``kernel.RuleSets`` in memory: transactions that are done as a whole or not at all."""

from __future__ import annotations

import errno
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Notice
from midonet_kubernetes.linux.nftables import rules
from midonet_kubernetes.linux.nftables.messages import codec
from midonet_kubernetes.linux.nftables.transaction import (
    AddChain,
    AddElements,
    AddRule,
    AddSet,
    AddTable,
    DeleteChain,
    DeleteElements,
    DeleteSet,
    DeleteTable,
    FlushChain,
    InstalledChain,
    InstalledTable,
    Operation,
    Transaction,
)
from midonet_kubernetes.linux.twin.validation import TwinSet, TwinTable, chains_of_elements, commit_check, set_of
from midonet_kubernetes.topology.rule_set import Chain, Data, ElementKey, NatByMap, Rule, Set, Verdict, VerdictMap

if TYPE_CHECKING:
    from midonet_kubernetes.linux.twin.kernel import NamespaceState

_NAT_PRIORITY = -200  # a NAT chain must come after connection tracking
_NAT_POINTS = {"prerouting", "input", "output", "postrouting"}


class TwinRuleSets:
    """``kernel.RuleSets``."""

    def __init__(self, state: NamespaceState, port: int) -> None:
        self._state, self._port, self._open = state, port, True
        state.hold()

    @property
    def port(self) -> int:
        """See ``kernel.RuleSets``."""
        return self._port

    def close(self) -> None:
        """See ``kernel.RuleSets``."""
        if self._open:
            self._open = False
            for table in self._state.tables.values():
                if table.owner == self._port:
                    table.owner = 0
            self._state.release()

    def tables(self) -> list[tuple[str, str]]:
        """See ``kernel.RuleSets``."""
        return list(self._state.tables)

    def dump(self, name: str, family: str = "ip") -> InstalledTable | None:
        """See ``kernel.RuleSets``."""
        table = self._state.tables.get((family, name))
        if table is None:
            return None
        return InstalledTable(
            name,
            family,
            chains={chain.name: _installed(chain) for chain in table.chains.values()},
            sets={name: found.set for name, found in table.sets.items()},
            elements={name: dict(found.elements) for name, found in table.sets.items()},
        )

    def apply(self, transaction: Transaction) -> None:
        """See ``kernel.RuleSets``."""
        if not transaction:
            return
        key = transaction.family, transaction.table
        there = self._state.tables.get(key)
        if there is not None and there.owner not in (None, 0, self._port):
            raise KernelError(f"change table {transaction.table}", errno.EPERM)
        change = _Change(transaction.table, there)
        for operation in transaction.operations:
            change.do(operation)
        if change.table is None:
            self._state.tables.pop(key, None)
        else:
            commit_check(change.table, f"commit the change of table {transaction.table}")
            self._state.tables[key] = change.table
        self._tell()

    def own(self, table: str, family: str = "ip") -> bool:
        """See ``kernel.RuleSets``."""
        there = self._state.tables.setdefault((family, table), TwinTable(owner=0))
        if there.owner == 0:
            there.owner = self._port
            self._tell()
        return there.owner == self._port

    def _tell(self) -> None:
        with self._state.caused_by(self._port):
            self._state.tell(Notice("rule set"))


def _installed(chain: Chain) -> InstalledChain:
    return InstalledChain(chain.name, chain.hook, tuple(rules.as_installed(rule) for rule in chain.rules))


class _Change:
    """A transaction under way, on a copy of the table; sets are copied when they are first changed."""

    def __init__(self, name: str, table: TwinTable | None) -> None:
        self._name = name
        self.table = None if table is None else replace(table, chains=dict(table.chains), sets=dict(table.sets))
        self._copied: set[str] = set()
        self._steps: dict[type, Callable[[TwinTable, Any], None]] = {
            AddChain: self._add_chain,
            FlushChain: self._flush_chain,
            DeleteChain: self._delete_chain,
            AddRule: self._add_rule,
            AddSet: self._add_set,
            DeleteSet: self._delete_set,
            AddElements: self._add_elements,
            DeleteElements: self._delete_elements,
        }

    def do(self, operation: Operation) -> None:
        """One step."""
        if isinstance(operation, AddTable):
            self.table = self.table or TwinTable()
            return
        if self.table is None:
            raise KernelError(f"{type(operation).__name__} in table {self._name}", errno.ENOENT)
        if isinstance(operation, DeleteTable):
            self.table = None
            return
        self._steps[type(operation)](self.table, operation)

    def _add_chain(self, table: TwinTable, operation: AddChain) -> None:
        chain = operation.chain
        refusal = f"add chain {chain.name} to table {self._name}"
        there = table.chains.get(chain.name)
        if there is not None:
            if chain.hook and (there.hook is None or replace(there.hook, policy_drop=chain.hook.policy_drop) != chain.hook):
                raise KernelError(refusal, errno.EOPNOTSUPP)
            table.chains[chain.name] = replace(there, hook=chain.hook or there.hook)
            return
        hook = chain.hook
        if hook and hook.type == "nat" and (hook.point not in _NAT_POINTS or hook.priority <= _NAT_PRIORITY):
            raise KernelError(refusal, errno.EOPNOTSUPP)
        table.chains[chain.name] = Chain(chain.name, (), hook)

    def _chain(self, table: TwinTable, name: str, operation: str) -> Chain:
        if name not in table.chains:
            raise KernelError(operation, errno.ENOENT)
        return table.chains[name]

    def _flush_chain(self, table: TwinTable, operation: FlushChain) -> None:
        chain = self._chain(table, operation.name, f"flush chain {operation.name} of table {self._name}")
        table.chains[chain.name] = replace(chain, rules=())

    def _delete_chain(self, table: TwinTable, operation: DeleteChain) -> None:
        refusal = f"delete chain {operation.name} of table {self._name}"
        self._chain(table, operation.name, refusal)
        if operation.name in _chains_led_to(table):
            raise KernelError(refusal, errno.EBUSY)
        del table.chains[operation.name]

    def _add_rule(self, table: TwinTable, operation: AddRule) -> None:
        refusal = f"add the rule of {operation.rule.origin or 'the skeleton'} to chain {operation.chain} of table {self._name}"
        chain = self._chain(table, operation.chain, refusal)
        rules.encode(operation.rule)  # ValueError for what does not fit
        for statement in operation.rule.statements:
            if isinstance(statement, Verdict) and statement.chain:
                self._target(table, statement, refusal)
            name = set_of(statement)
            if name and name not in table.sets:
                raise KernelError(refusal, errno.ENOENT)
            if name and not _fits(statement, table.sets[name].set):
                raise KernelError(refusal, errno.EINVAL)
        table.chains[chain.name] = replace(chain, rules=(*chain.rules, operation.rule))

    def _target(self, table: TwinTable, verdict: Verdict, operation: str) -> None:
        if self._chain(table, verdict.chain, operation).hook:
            raise KernelError(operation, errno.EOPNOTSUPP)

    def _add_set(self, table: TwinTable, operation: AddSet) -> None:
        codec(operation.set)  # ValueError for what cannot be
        if operation.set.name in table.sets:
            raise KernelError(f"add set {operation.set.name} to table {self._name}", errno.EEXIST)
        table.sets[operation.set.name] = TwinSet(operation.set)
        self._copied.add(operation.set.name)

    def _set(self, table: TwinTable, name: str, operation: str) -> TwinSet:
        if name not in table.sets:
            raise KernelError(operation, errno.ENOENT)
        if name not in self._copied:
            self._copied.add(name)
            table.sets[name] = TwinSet(table.sets[name].set, dict(table.sets[name].elements))
        return table.sets[name]

    def _delete_set(self, table: TwinTable, operation: DeleteSet) -> None:
        refusal = f"delete set {operation.name} of table {self._name}"
        self._set(table, operation.name, refusal)
        if any(set_of(statement) == operation.name for rule in _all_rules(table) for statement in rule.statements):
            raise KernelError(refusal, errno.EBUSY)
        del table.sets[operation.name]

    def _add_elements(self, table: TwinTable, operation: AddElements) -> None:
        refusal = f"add elements to set {operation.set.name} of table {self._name}"
        found = self._set(table, operation.set.name, refusal)
        for _ in codec(found.set).encode(operation.elements):
            pass  # ValueError for what does not fit
        for key, data in operation.elements.items():
            if isinstance(data, Verdict) and data.chain:
                self._target(table, data, refusal)
            if found.elements.get(key, data) != data or (found.set.intervals and _overlaps(key, found)):
                raise KernelError(refusal, errno.EEXIST)
            found.elements[key] = data

    def _delete_elements(self, table: TwinTable, operation: DeleteElements) -> None:
        refusal = f"delete elements of set {operation.set.name} of table {self._name}"
        found = self._set(table, operation.set.name, refusal)
        for key in operation.keys:
            if key not in found.elements:
                raise KernelError(refusal, errno.ENOENT)
            del found.elements[key]


def _all_rules(table: TwinTable) -> list[Rule]:
    return [rule for chain in table.chains.values() for rule in chain.rules]


def _chains_led_to(table: TwinTable) -> set[str]:
    """Chains that rules, their own too, and elements lead to."""
    found = {statement.chain for rule in _all_rules(table) for statement in rule.statements if isinstance(statement, Verdict)}
    return found.union(*map(chains_of_elements, table.sets.values()))


def _fits(statement: Any, of: Set) -> bool:
    """The kernel compares lengths, and what a look-up gives with what it is used for."""
    if codec(of).key_length != codec(replace(of, key=statement.fields, intervals=False)).key_length:
        return False
    if isinstance(statement, VerdictMap):
        return of.data is Data.VERDICT
    return not isinstance(statement, NatByMap) or of.data is Data.ADDRESS_AND_PORT


def _overlaps(key: ElementKey, found: TwinSet) -> bool:
    low, high = key[0], key[1]
    return any(low <= other[1] and other[0] <= high for other in found.elements if other != key)
