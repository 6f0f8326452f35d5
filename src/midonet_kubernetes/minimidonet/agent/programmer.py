"""What is done to the kernel: the first comparison, steps, and comparisons again after any doubt."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.minimidonet.agent import network
from midonet_kubernetes.minimidonet.agent.datapath import Datapath
from midonet_kubernetes.minimidonet.agent.rule_table import RuleTable
from midonet_kubernetes.minimidonet.agent.stream import Commit
from midonet_kubernetes.topology.compiler import Compiler
from midonet_kubernetes.topology.host_state import TUNNEL_LINK, HostState, Step
from midonet_kubernetes.topology.network import DEFAULT_MTU

T = TypeVar("T")


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
        self._table = RuleTable(datapath.rule_sets)
        self._compiler = Compiler(host_id, slots=self._table.slots())
        self._followed = False  # the kernel was compared with a whole view

    @property
    def wanted(self) -> HostState:
        """All that the kernel shall hold."""
        return self._compiler.state()

    @property
    def has_late_work(self) -> bool:
        """Whether ``finish`` has something to do."""
        return self._table.has_dying

    def take(self, commit: Commit) -> Report:
        """Take in a commit of the stream and program what follows from it."""
        step = self._compiler.replace(commit.changes) if commit.snapshot else self._compiler.apply(commit.changes)
        if commit.snapshot and not self._followed:
            return self.compare()
        return self._follow(step)

    def compare(self) -> Report:
        """Look at all that is there and put right what differs."""
        began, doing = self._clock(), _Doing()
        self._compiler.set_mtu(self._mtu())
        wanted = self.wanted
        self._try(doing, self._datapath.prepare)
        outcome = self._try(doing, lambda: self._table.compare(wanted.table))
        if outcome is not None:
            doing.rules = outcome.operations
        doing.operations = self._try(doing, lambda: network.comparison(wanted, self._datapath.found())) or []
        doing.refused += map(str, self._datapath.do(doing.operations))
        if outcome is not None and outcome.forgotten:
            self._try(doing, lambda: self._datapath.conntrack.forget(outcome.forgotten))
        self._followed = not doing.refused
        return self._report(began, doing)

    def difference(self) -> list[str]:
        """What ``compare`` would do, in words."""
        self._compiler.set_mtu(self._mtu())
        plan, _ = self._table.plan(self.wanted.table)
        operations = network.comparison(self.wanted, self._datapath.found())
        return [*map(str, operations), *map(str, (*plan.now.operations, *plan.later.operations))]

    def finish(self) -> Report:
        """Delete the elements of removed endpoints; to be called ``rule_table.GRACE`` seconds after they were removed."""
        began, doing = self._clock(), _Doing()
        self._try(doing, self._table.bury)
        return self._report(began, doing)

    def remove(self) -> list[str]:
        """Take away all that the agent makes. Ports stay: the node daemon made them.

        Returns:
            What there was, in words.

        Raises:
            KernelError: the kernel refuses.
        """
        removed = ["the table"] if self._table.remove() else []
        operations = network.comparison(HostState(), self._datapath.found())
        for refused in self._datapath.do(operations):
            raise refused
        return [*removed, *map(str, operations)]

    def _follow(self, step: Step) -> Report:
        began, doing = self._clock(), _Doing()
        before, after = step.before, step.after
        outcome = self._try(doing, lambda: self._table.step(before, after))
        if outcome is not None:
            doing.rules = outcome.operations
        doing.operations = self._try(doing, lambda: self._network_step(step)) or []
        doing.refused += map(str, self._datapath.do(doing.operations))
        if outcome is not None and outcome.forgotten:
            self._try(doing, lambda: self._datapath.conntrack.forget(outcome.forgotten))
        return self._report(began, doing)

    def _network_step(self, step: Step) -> list[network.Operation]:
        before, after = step.before, step.after
        if before.links or after.links:
            return network.comparison(self.wanted, self._datapath.found())
        if before.is_without_network and after.is_without_network:
            return []
        return network.step(before, after, self._datapath.links())

    def _mtu(self) -> int:
        tunnel = self.wanted.links.get(TUNNEL_LINK)
        found = self._datapath.mtu_of(tunnel.vxlan.local) if tunnel is not None and tunnel.vxlan is not None else 0
        return found or DEFAULT_MTU

    def _try(self, doing: _Doing, work: Callable[[], T]) -> T | None:
        try:
            return work()
        except KernelError as error:
            doing.refused.append(str(error))
            return None

    def _report(self, began: float, doing: _Doing) -> Report:
        return Report(tuple(doing.operations), doing.rules, tuple(doing.refused), self._clock() - began)
