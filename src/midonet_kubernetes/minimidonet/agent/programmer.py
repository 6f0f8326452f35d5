"""What is done to the kernel: the first comparison, steps, and comparisons again after any doubt."""

from __future__ import annotations

import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Literal, TypeVar

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.minimidonet.agent import network
from midonet_kubernetes.minimidonet.agent.datapath import Datapath
from midonet_kubernetes.minimidonet.agent.rule_table import Outcome, RuleTable
from midonet_kubernetes.minimidonet.agent.stream import Commit
from midonet_kubernetes.topology.compiler import Compiler
from midonet_kubernetes.topology.host_network import Link
from midonet_kubernetes.topology.host_state import NO_STEP, HostState, Step, Unsupported
from midonet_kubernetes.topology.network import DEFAULT_MTU

T = TypeVar("T")
Part = Literal["network", "rules"]
NETWORK: Part = "network"
RULES: Part = "rules"
ALL_PARTS: frozenset[Part] = frozenset((NETWORK, RULES))


@dataclass(frozen=True)
class Report:
    """What was done.

    Args:
        network: operations on links, addresses, routes and neighbours.
        rules: operations on the table.
        refused: what the kernel refused, in words.
        seconds: how long it took.
    """

    network: tuple[network.Operation, ...] = ()
    rules: int = 0
    refused: tuple[str, ...] = ()
    seconds: float = 0.0

    @property
    def operations(self) -> int:
        """How many."""
        return len(self.network) + self.rules


@dataclass
class _Doing:
    operations: list[network.Operation] = field(default_factory=list)
    rules: int = 0
    refused: list[str] = field(default_factory=list)


class Programmer:
    """The compiler's wishes in one namespace's kernel.

    Args:
        host_id: of the host.
        datapath: the namespace.
        clock: seconds, never going back.
    """

    def __init__(self, host_id: str, datapath: Datapath, clock: Callable[[], float] = time.monotonic) -> None:
        self._datapath, self._clock = datapath, clock
        self._table = RuleTable(datapath.rule_sets, clock)
        self._compiler = Compiler(host_id, slots=self._table.slots())
        self._known: set[Part] = set()  # parts of the kernel that are as the last call left them

    @property
    def wanted(self) -> HostState:
        """All that the kernel shall hold."""
        return self._compiler.state()

    @property
    def unsupported(self) -> list[Unsupported]:
        """What the kernel cannot do as MidoNet would."""
        return self._compiler.unsupported()

    @property
    def has_late_work(self) -> bool:
        """Whether ``finish`` has something to do."""
        return self._table.has_dying

    def take(self, commit: Commit) -> Report:
        """Take in a commit of the stream and program what follows from it."""
        return self.program(self.compile(commit))

    def compile(self, commit: Commit) -> Step:
        """What follows from a commit. It has to be programmed before the next one is compiled."""
        tunnel = self._compiler.tunnel_address
        step = self._compiler.replace(commit.changes) if commit.snapshot else self._compiler.apply(commit.changes)
        if self._compiler.tunnel_address != tunnel:  # another link may carry it, with another MTU
            self._known.discard(NETWORK)
        return step

    def program(self, step: Step) -> Report:
        """Follow a step; where the kernel is not known, compare with all that is wanted."""
        return self._work(step, ALL_PARTS - self._known)

    def compare(self, parts: AbstractSet[Part] = ALL_PARTS) -> Report:
        """Look at what is there and put right what differs.

        Args:
            parts: NETWORK, with the namespace's settings, and RULES, which takes long when there are many Services.
        """
        return self._work(NO_STEP, parts)

    def differences(self, snapshot: Commit) -> list[str]:
        """What ``take`` would do with a whole view, in words."""
        self._compiler.replace(snapshot.changes)
        self._set_mtu()
        plan, _ = self._table.plan(self.wanted.table)
        operations = network.comparison(self.wanted, self._datapath.found())
        rules = (*plan.now.operations, *plan.later.operations, *self._table.guard_plan().operations)
        return [*map(str, operations), *map(str, rules)]

    def finish(self) -> Report:
        """Delete the elements of endpoints that were removed ``rule_table.GRACE`` seconds ago or earlier."""
        began, doing = self._clock(), _Doing()
        if self._table.has_dying and self._try(doing, self._table.bury) is None:
            self._known.discard(RULES)
        return Report(refused=tuple(doing.refused), seconds=self._clock() - began)

    def remove(self) -> list[str]:
        """Take away all that the agent makes. Ports stay: the node daemon made them.

        Returns:
            What there was, in words.

        Raises:
            KernelError: the kernel refuses.
        """
        removed = [f"table {name}" for name in self._table.remove()]
        operations = network.comparison(HostState(), self._datapath.found())
        for refused in self._datapath.do(operations):
            raise refused
        return [*removed, *map(str, operations)]

    def _work(self, step: Step, compared: AbstractSet[Part]) -> Report:
        """Follow a step in the parts of the kernel that are known, compare the others."""
        began, doing = self._clock(), _Doing()
        self._known -= compared
        if NETWORK in compared:
            self._try(doing, self._datapath.prepare)
            self._try(doing, self._set_mtu)
        wanted = self.wanted if compared else HostState()
        if RULES in compared:
            self._rules(doing, lambda: self._table.compare(wanted.table))
        else:
            self._rules(doing, lambda: self._table.step(step.before, step.after))
        if NETWORK in compared:
            self._network(doing, lambda: network.comparison(wanted, self._datapath.found()))
        else:
            self._network(doing, lambda: self._network_step(step))
        return Report(tuple(doing.operations), doing.rules, tuple(doing.refused), self._clock() - began)

    def _rules(self, doing: _Doing, work: Callable[[], Outcome]) -> None:
        outcome = self._try(doing, work)
        if outcome is None:
            self._known.discard(RULES)
            return
        self._known.add(RULES)
        doing.rules = outcome.operations
        if outcome.forgotten:
            self._try(doing, lambda: self._datapath.conntrack.forget(outcome.forgotten))

    def _network(self, doing: _Doing, plan: Callable[[], list[network.Operation]]) -> None:
        operations = self._try(doing, plan)
        refused = [str(error) for error in self._datapath.do(operations)] if operations is not None else []
        doing.operations, doing.refused = operations or [], doing.refused + refused
        if operations is None or refused:
            self._known.discard(NETWORK)
        else:
            self._known.add(NETWORK)

    def _network_step(self, step: Step) -> list[network.Operation]:
        before, after = step.before, step.after
        if before.links or after.links:
            return network.comparison(self.wanted, self._datapath.found())
        if before.is_without_network and after.is_without_network:
            return []
        return network.step(before, after, self._datapath.links())

    def _set_mtu(self) -> None:
        """The tunnel link follows the MTU of the link that has the tunnel's address."""
        address = self._compiler.tunnel_address
        self._compiler.set_mtu(self._datapath.mtu_of(address) or DEFAULT_MTU if address else DEFAULT_MTU)

    def _try(self, doing: _Doing, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except KernelError as error:
            doing.refused.append(str(error))
            return None


def name_of_link(operation: network.Operation) -> str:
    """The link that an operation is about, "" for none."""
    return operation.subject.name if isinstance(operation.subject, Link) else operation.subject.link
