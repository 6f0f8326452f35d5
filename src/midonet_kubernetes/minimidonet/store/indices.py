"""Who refers to whom, answered without a search: one index for each field that holds ids."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

Object = dict[str, Any]
"""An object as stored: REST field names, only values that differ from the field's default. Never changed in place."""

_NOTHING: Mapping[str, None] = {}


@dataclass(frozen=True, slots=True)
class Reference:
    """A field that holds the id of another object, and what becomes of it when that object is deleted.

    Args:
        kind: whose field it is.
        field: its name; its value is an id, or a list of ids when ``many``.
        target: the kind referred to.
        on_delete: "cascade" (delete the referrer too), "clear" (forget the id) or "keep" (nobody minds).
        many: the field holds a list.
        order: the field whose value gives the order of the referrers; None: order of creation.
    """

    kind: str
    field: str
    target: str
    on_delete: str
    many: bool = False
    order: str | None = None


class Index(Protocol):
    """The referrers of each id."""

    def add(self, id_: str, object_: Object) -> None:
        """The object is there now."""
        ...

    def discard(self, id_: str, object_: Object) -> None:
        """The object is gone."""
        ...

    def fill(self, objects: Mapping[str, Object]) -> None:
        """Forget all, then as ``add`` for each of these objects."""
        ...

    def find(self, value: str) -> Sequence[str]:
        """The ids of the objects that refer to ``value``, in order."""
        ...


class Unordered:
    """Referrers in the order in which they began to refer."""

    def __init__(self, field: str, *, many: bool) -> None:
        self._field, self._many = field, many
        self._ids: dict[str, dict[str, None]] = {}

    def values(self, object_: Object) -> Collection[str]:
        """The ids that the object refers to."""
        value = object_.get(self._field)
        if value is None:
            return ()
        return value if self._many else (value,)

    def add(self, id_: str, object_: Object) -> None:
        """See ``Index``."""
        for value in self.values(object_):
            self._ids.setdefault(value, {})[id_] = None

    def discard(self, id_: str, object_: Object) -> None:
        """See ``Index``."""
        self._drop(id_, self.values(object_))

    def _drop(self, id_: str, values: Iterable[str]) -> None:
        for value in values:
            ids = self._ids.get(value)
            if ids is not None:
                ids.pop(id_, None)
                if not ids:
                    del self._ids[value]

    def change(self, id_: str, old: Object, new: Object) -> None:
        """The object refers to other ones now; where it still does, it keeps its place."""
        before, after = self.values(old), self.values(new)
        if before == after:
            return
        self._drop(id_, set(before) - set(after))
        for value in after:
            self._ids.setdefault(value, {})[id_] = None  # in its place, if it has one

    def fill(self, objects: Mapping[str, Object]) -> None:
        """See ``Index``."""
        self._ids.clear()
        for id_, object_ in objects.items():
            if self._field in object_:
                self.add(id_, object_)

    def find(self, value: str) -> list[str]:
        """See ``Index``."""
        return list(self._ids.get(value, _NOTHING))


class Ranked:
    """Referrers by a number that each carries.

    Kept from high to low, because the usual place of a new rule is the head of its chain: that is an append here.
    """

    def __init__(self, field: str, order: str) -> None:
        self._field, self._order = field, order
        self._ranks: dict[str, list[tuple[float, str]]] = {}

    def _entry(self, id_: str, object_: Object) -> tuple[float, str]:
        return -object_.get(self._order, 0.0), id_

    def add(self, id_: str, object_: Object) -> None:
        """See ``Index``."""
        value = object_.get(self._field)
        if value is None:
            return
        entries = self._ranks.setdefault(value, [])
        entry = self._entry(id_, object_)
        if not entries or entries[-1] < entry:
            entries.append(entry)
        else:
            insort(entries, entry)

    def discard(self, id_: str, object_: Object) -> None:
        """See ``Index``."""
        value = object_.get(self._field)
        if value is None or value not in self._ranks:
            return
        entries = self._ranks[value]
        entry = self._entry(id_, object_)
        at = bisect_left(entries, entry)
        if at < len(entries) and entries[at] == entry:
            del entries[at]
        if not entries:
            del self._ranks[value]

    def fill(self, objects: Mapping[str, Object]) -> None:
        """See ``Index``."""
        field, order, ranks = self._field, self._order, self._ranks
        ranks.clear()
        for id_, object_ in objects.items():
            value = object_.get(field)
            if value is not None:
                ranks.setdefault(value, []).append((-object_.get(order, 0.0), id_))
        for entries in ranks.values():
            entries.sort()

    def find(self, value: str) -> list[str]:
        """See ``Index``."""
        return [id_ for _, id_ in reversed(self._ranks.get(value, ()))]

    def count(self, value: str) -> int:
        """How many refer to ``value``."""
        return len(self._ranks.get(value, ()))

    def rank_at(self, value: str, position: int) -> float:
        """The number of the referrer at ``position`` (0 is the lowest number)."""
        entries = self._ranks[value]
        return -entries[len(entries) - 1 - position][0]

    def position(self, id_: str, object_: Object) -> int:
        """Where the referrer stands (0 is the lowest number)."""
        entries = self._ranks[object_[self._field]]
        return len(entries) - 1 - bisect_left(entries, self._entry(id_, object_))
