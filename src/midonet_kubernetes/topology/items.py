"""What a host's kernel shall hold, piece by piece: items under keys, put in by units, merged, and compared.

A unit is whatever is compiled as a whole (a bridge, a Service's port, a chain, …). It puts items under keys; several units
may put the same item (the forwarding entry of a host that two bridges live on), which then stays until the last one goes.
The result depends on what the units put, never on the order in which they did.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping
from typing import Any

ItemKey = tuple[Any, ...]
"""``(kind, …)``; see ``host_state`` for the kinds."""
Item = Any
"""Hashable, compared by value."""


class Items:
    """The items of all units, and which of them are new since ``take_changes``."""

    def __init__(self) -> None:
        self._units: dict[Hashable, Mapping[ItemKey, Item]] = {}
        self._put: dict[ItemKey, Counter[Item]] = {}
        self._now: dict[ItemKey, Item] = {}
        self._before: dict[ItemKey, Item | None] = {}

    @property
    def now(self) -> Mapping[ItemKey, Item]:
        """Everything."""
        return self._now

    def put(self, unit: Hashable, items: Mapping[ItemKey, Item]) -> None:
        """All that ``unit`` wants from now on; nothing: it is gone."""
        old = self._units.get(unit, {})
        if old == items:
            return
        for key, item in items.items():
            if old.get(key) != item:
                self._add(key, item)
        for key, item in old.items():
            if items.get(key) != item:
                self._drop(key, item)
        if items:
            self._units[unit] = items
        else:
            self._units.pop(unit, None)

    def units(self) -> set[Hashable]:
        """The units that want something."""
        return set(self._units)

    def take_changes(self) -> dict[ItemKey, tuple[Item | None, Item | None]]:
        """Old and new item (None: none) of every key that differs from how it was at the last call."""
        changes = {key: (old, new) for key, old in self._before.items() if (new := self._now.get(key)) != old}
        self._before = {}
        return changes

    def _add(self, key: ItemKey, item: Item) -> None:
        self._before.setdefault(key, self._now.get(key))
        wanted = self._put.get(key)
        if wanted is None and key not in self._now:
            self._now[key] = item  # the common case costs no counter
            return
        if wanted is None:
            wanted = self._put[key] = Counter((self._now[key],))
        wanted[item] += 1
        self._now[key] = _first(wanted)

    def _drop(self, key: ItemKey, item: Item) -> None:
        self._before.setdefault(key, self._now.get(key))
        wanted = self._put.get(key)
        if wanted is None:
            del self._now[key]
            return
        wanted[item] -= 1
        if not wanted[item]:
            del wanted[item]
        if wanted:
            self._now[key] = _first(wanted)
        if wanted.total() <= 1:
            del self._put[key]
            if not wanted:
                del self._now[key]


def _first(wanted: Counter[Item]) -> Item:
    """The one that wins when units want different things: always the same one."""
    return next(iter(wanted)) if len(wanted) == 1 else min(wanted, key=repr)
