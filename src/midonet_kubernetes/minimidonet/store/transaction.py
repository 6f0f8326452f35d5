"""Reading and writing objects so that a request happens wholly or not at all."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from types import TracebackType
from typing import Self

from midonet_kubernetes.minimidonet.store.indices import Object, Ranked
from midonet_kubernetes.minimidonet.store.tables import Tables
from midonet_kubernetes.model.midonet import KINDS
from midonet_kubernetes.topology.change import Change

Key = tuple[str, str]
# The fields that belong to the server and are no part of the topology.
HIDDEN = {"Host": frozenset(("_interfaces",)), "Pool": frozenset(("_pending",)), "Port": frozenset(("_bound",))}


class Transaction:
    """One request's view of the store. What it writes is seen at once by whoever reads next, until it is rolled back.

    As a context it ends with the block: an exception takes back all that was written.

    Args:
        tables: what it works on.
        commit: called at the end of the block when something was written.
    """

    def __init__(self, tables: Tables, commit: Callable[[Transaction], None] | None = None) -> None:
        self._tables, self._commit = tables, commit
        self._undo: list[tuple[Key, Object | None]] = []
        self.written: dict[Key, Object | None] = {}  # each object as it is now; None: gone
        self.recreated: set[Key] = set()  # deleted and made again: it takes its place at the end of the order

    def __enter__(self) -> Self:
        return self

    def __exit__(self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if type_ is not None:
            self.rollback()
        elif self.written and self._commit is not None:
            self._commit(self)

    def get(self, kind: str, id_: str) -> Object | None:
        """The object, or None."""
        return self._tables.get(kind, id_)

    def all(self, kind: str) -> Iterator[tuple[str, Object]]:
        """Ids and objects of a kind in order of creation."""
        yield from self._tables.all(kind).items()

    def find(self, kind: str, field: str, value: str) -> Sequence[str]:
        """The ids of the objects of ``kind`` whose ``field`` refers to ``value``, in the reference's order."""
        return self._tables.find(kind, field, value)

    def found(self, kind: str, field: str, value: str) -> Iterator[tuple[str, Object]]:
        """As ``find``, with the objects."""
        objects = self._tables.all(kind)
        for id_ in self._tables.find(kind, field, value):
            yield id_, objects[id_]

    def ranked(self, kind: str, field: str) -> Ranked:
        """The index of a reference with an order."""
        return self._tables.ranked(kind, field)

    def put(self, kind: str, id_: str, object_: Object) -> None:
        """Add or replace an object. ``object_`` must not be changed afterwards."""
        key = (kind, id_)
        self._undo.append((key, self._tables.put(kind, id_, object_)))
        if self.written.get(key, object_) is None:
            self.recreated.add(key)
            self.written.pop(key)  # it goes to the end of the order
        self.written[key] = object_

    def change(self, kind: str, id_: str, **fields: object) -> None:
        """Set fields of an object that is there; None takes a field back to its default."""
        old = self._tables.get(kind, id_)
        assert old is not None
        new = {name: value for name, value in (old | fields).items() if value is not None}
        self.put(kind, id_, new)

    def remove(self, kind: str, id_: str) -> None:
        """Remove this one object, whoever refers to it."""
        key = (kind, id_)
        old = self._tables.remove(kind, id_)
        if old is not None:
            self._undo.append((key, old))
            self.written[key] = None

    def delete(self, kind: str, id_: str) -> None:
        """Remove an object with all that cannot be without it, and make everything else forget it."""
        if self._tables.get(kind, id_) is None:
            return
        for reference in self._tables.references[kind]:
            for referrer in self._tables.find(reference.kind, reference.field, id_):
                if reference.on_delete == "cascade":
                    self.delete(reference.kind, referrer)
                elif reference.on_delete == "clear":
                    self._forget(reference.kind, referrer, reference.field, id_)
        self.remove(kind, id_)

    def _forget(self, kind: str, referrer: str, field: str, id_: str) -> None:
        object_ = self._tables.get(kind, referrer)
        if object_ is None:
            return
        value = object_[field]
        rest = [other for other in value if other != id_] if isinstance(value, list) else None
        self.change(kind, referrer, **{field: rest or None})

    def rollback(self) -> None:
        """Make it as if nothing had been written."""
        for (kind, id_), old in reversed(self._undo):
            if old is None:
                self._tables.remove(kind, id_)
            else:
                self._tables.put(kind, id_, old)
        self._undo.clear()

    def removed(self) -> Iterator[Key]:
        """What was there before and was removed, also if it was made again."""
        yield from self.recreated
        yield from (key for key, object_ in self.written.items() if object_ is None)

    def changes(self) -> list[Change]:
        """What was written, as the stream tells it: each object once, as it is now."""
        return [
            Change(kind, id_, object_ if object_ is None else shown(kind, object_))
            for (kind, id_), object_ in self.written.items()
            if kind in KINDS
        ]


def shown(kind: str, object_: Object) -> Object:
    """An object without what only the store needs."""
    hidden = HIDDEN.get(kind)
    if hidden is None or hidden.isdisjoint(object_):
        return object_
    return {name: value for name, value in object_.items() if name not in hidden}
