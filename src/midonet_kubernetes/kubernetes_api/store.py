"""What an informer knows: objects by key, and indexes over them. Every change costs what changed, whatever the size."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Generic, TypeVar

T = TypeVar("T")

Indexer = Callable[[T], Iterable[str]]
"""The values under which an object is found. It must answer the same for the same object, always."""


class Store(Generic[T]):
    """Objects by key.

    Args:
        indexers: by the index's name.
    """

    def __init__(self, indexers: Mapping[str, Indexer[T]] | None = None) -> None:
        self._objects: dict[str, T] = {}
        self._indexers = dict(indexers or {})
        self._indexes: dict[str, dict[str, dict[str, None]]] = {name: {} for name in self._indexers}  # a dict as an ordered set

    def __len__(self) -> int:
        return len(self._objects)

    def __contains__(self, key: str) -> bool:
        return key in self._objects

    def __iter__(self) -> Iterator[str]:
        return iter(self._objects)

    def get(self, key: str) -> T | None:
        """The object with that key, if there is one."""
        return self._objects.get(key)

    def values(self) -> Iterable[T]:
        """All objects. Not to be held over an ``await``."""
        return self._objects.values()

    def by_index(self, index: str, value: str) -> list[T]:
        """The objects that the index has under ``value``."""
        return [self._objects[key] for key in self._indexes[index].get(value, ())]

    def put(self, key: str, object_: T) -> T | None:
        """Keep an object and return the one that it replaces. Nothing is changed if an indexer raises."""
        values = {name: list(indexer(object_)) for name, indexer in self._indexers.items()}
        old = self.remove(key)
        self._objects[key] = object_
        for name, found_under in values.items():
            for value in found_under:
                self._indexes[name].setdefault(value, {})[key] = None
        return old

    def remove(self, key: str) -> T | None:
        """Forget an object and return it, if there was one."""
        old = self._objects.pop(key, None)
        if old is not None:
            for name, indexer in self._indexers.items():
                for value in indexer(old):
                    self._unlink(self._indexes[name], value, key)
        return old

    @staticmethod
    def _unlink(index: dict[str, dict[str, None]], value: str, key: str) -> None:
        keys = index.get(value, {})
        keys.pop(key, None)
        if not keys:
            index.pop(value, None)
