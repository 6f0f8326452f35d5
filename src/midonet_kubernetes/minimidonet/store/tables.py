"""All objects in memory, by kind and id, with their indices."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import itemgetter

from midonet_kubernetes.minimidonet.store.indices import Index, Object, Ranked, Reference, Unordered


class Tables:
    """Objects by kind and id.

    Args:
        references: every reference between kinds; each gets an index.
    """

    def __init__(self, references: Iterable[Reference]) -> None:
        self.references: dict[str, list[Reference]] = defaultdict(list)
        self._objects: dict[str, dict[str, Object]] = defaultdict(dict)
        self._by_kind: dict[str, list[Index]] = defaultdict(list)
        self._by_field: dict[tuple[str, str], Index] = {}
        for reference in references:
            self.references[reference.target].append(reference)
            if (reference.kind, reference.field) in self._by_field:
                continue  # one field may refer to either of two kinds
            index: Index
            if reference.order:
                index = Ranked(reference.field, reference.order)
            else:
                index = Unordered(reference.field, many=reference.many)
            self._by_kind[reference.kind].append(index)
            self._by_field[reference.kind, reference.field] = index

    def get(self, kind: str, id_: str) -> Object | None:
        """The object, or None."""
        return self._objects[kind].get(id_)

    def all(self, kind: str) -> dict[str, Object]:
        """All objects of a kind in order of creation; not to be changed."""
        return self._objects[kind]

    def find(self, kind: str, field: str, value: str) -> Sequence[str]:
        """The ids of the objects of ``kind`` whose ``field`` refers to ``value``, in the reference's order."""
        return self._by_field[kind, field].find(value)

    def ranked(self, kind: str, field: str) -> Ranked:
        """The index of a reference with an order."""
        index = self._by_field[kind, field]
        assert isinstance(index, Ranked)
        return index

    def fill(self, rows: Iterable[tuple[str, str, Object]]) -> None:
        """As ``put`` for each of many objects, of tables that are empty."""
        for kind, part in groupby(rows, itemgetter(0)):
            objects_of_kind = self._objects[kind]
            for _, id_, object_ in part:
                objects_of_kind[id_] = object_
        for kind, objects in self._objects.items():
            for index in self._by_kind[kind]:
                index.fill(objects)

    def reorder(self, kind: str, ids: Iterable[str]) -> None:
        """Bring the objects of a kind into this order, and what refers to something with them.

        Args:
            kind: of the objects.
            ids: of all of them; those that are not there do not matter, and what is not named comes last.
        """
        objects = self._objects[kind]
        ordered = {id_: objects[id_] for id_ in ids if id_ in objects} | objects
        objects.clear()
        objects.update(ordered)
        for index in self._by_kind[kind]:
            index.fill(objects)

    def put(self, kind: str, id_: str, object_: Object) -> Object | None:
        """Add or replace; returns what was there."""
        objects = self._objects[kind]
        old = objects.get(id_)
        if old is None:
            objects[id_] = object_
            for index in self._by_kind[kind]:
                index.add(id_, object_)
            return None
        objects[id_] = object_
        for reference_index in self._by_kind[kind]:
            _move(reference_index, id_, old, object_)
        return old

    def remove(self, kind: str, id_: str) -> Object | None:
        """Remove; returns what was there."""
        old = self._objects[kind].pop(id_, None)
        if old is not None:
            for index in self._by_kind[kind]:
                index.discard(id_, old)
        return old


def _move(index: Index, id_: str, old: Object, new: Object) -> None:
    if isinstance(index, Unordered):
        index.change(id_, old, new)
    else:
        index.discard(id_, old)
        index.add(id_, new)
