"""Which hosts need a chain: those that need a filter from which jumps lead to it.

Reachability over a graph that changes one edge at a time. Reference counts alone would keep a loop of chains alive for
ever (MidoNet allows loops), so a lost edge is answered by a search upwards, which ends at the first filter it finds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

EVERYONE = "*"  # stands for every host, also those that come later


@dataclass(slots=True)
class _Node:
    """A chain: how often it is a filter (by audience), and how many jump rules lead from and to which chain."""

    filters: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    targets: Counter[str] = field(default_factory=Counter)
    audience: set[str] = field(default_factory=set)


class ChainAudience:
    """The audience of every chain, kept up to date.

    Args:
        before_change: called with a chain's id just before its audience changes.
    """

    def __init__(self, before_change: Callable[[str], None]) -> None:
        self._before_change = before_change
        self._nodes: dict[str, _Node] = {}

    def of(self, chain: str) -> frozenset[str]:
        """The hosts that need ``chain``; EVERYONE alone when all do."""
        node = self._nodes.get(chain)
        if node is None:
            return frozenset()
        return frozenset((EVERYONE,)) if EVERYONE in node.audience else frozenset(node.audience)

    def add_filter(self, chain: str, audience: str) -> None:
        """A device or port that ``audience`` needs has ``chain`` as a filter (once more)."""
        self._node(chain).filters[audience] += 1
        self._spread(chain, audience)

    def remove_filter(self, chain: str, audience: str) -> None:
        """The opposite of one ``add_filter``."""
        node = self._nodes[chain]
        _take_one(node.filters, audience)
        if audience not in node.filters:
            self._withdraw(chain, audience)
        self._forget(chain)

    def add_jump(self, source: str, target: str) -> None:
        """A rule of ``source`` jumps to ``target`` (one more rule)."""
        self._node(source).targets[target] += 1
        self._node(target).sources[source] += 1
        for audience in tuple(self._nodes[source].audience):
            self._spread(target, audience)

    def remove_jump(self, source: str, target: str) -> None:
        """The opposite of one ``add_jump``."""
        _take_one(self._nodes[source].targets, target)
        _take_one(self._nodes[target].sources, source)
        if source not in self._nodes[target].sources:
            for audience in tuple(self._nodes[source].audience):
                self._withdraw(target, audience)
        self._forget(source)
        self._forget(target)

    def _node(self, chain: str) -> _Node:
        return self._nodes.setdefault(chain, _Node())

    def _forget(self, chain: str) -> None:
        node = self._nodes.get(chain)
        if node is not None and not node.filters and not node.sources and not node.targets:
            del self._nodes[chain]

    def _spread(self, chain: str, audience: str) -> None:
        waiting = [chain]
        while waiting:
            name = waiting.pop()
            node = self._nodes[name]
            if audience not in node.audience:
                self._before_change(name)
                node.audience.add(audience)
                waiting.extend(node.targets)

    def _withdraw(self, chain: str, audience: str) -> None:
        waiting = [chain]
        while waiting:
            name = waiting.pop()
            node = self._nodes[name]
            if audience in node.audience and not self._is_needed(name, audience):
                self._before_change(name)
                node.audience.discard(audience)
                waiting.extend(node.targets)

    def _is_needed(self, chain: str, audience: str) -> bool:
        """Whether a filter of ``audience`` leads to ``chain``, by a search against the jumps."""
        waiting, seen = [chain], {chain}
        while waiting:
            node = self._nodes[waiting.pop()]
            if audience in node.filters:
                return True
            for source in node.sources:
                if source not in seen and audience in self._nodes[source].audience:
                    seen.add(source)
                    waiting.append(source)
        return False


def _take_one(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if not counter[key]:
        del counter[key]
