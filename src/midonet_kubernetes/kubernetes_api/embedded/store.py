"""The objects, the revision counter, and a bounded history of changes from which watches resume.

An object is kept as its JSON text with the few facts that selection and garbage collection need, so that a list is a
join, a watch event is the text as it stands, and nobody can change a stored object by accident.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Literal, NamedTuple, Protocol, cast

import msgspec

from midonet_kubernetes.kubernetes_api.embedded.failures import Json, expired
from midonet_kubernetes.kubernetes_api.embedded.selectors import fields_of


class Key(NamedTuple):
    """Where an object lives: ``pods`` or ``deployments.apps``; namespace, empty for none; name."""

    resource: str
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class Stored:
    """An object at one revision.

    Args:
        key: where it lives.
        revision: its resourceVersion.
        uid: its uid.
        labels: its labels.
        fields: what field selectors may ask for, beyond name and namespace.
        owners: uids of its ownerReferences.
        raw: its JSON text.
    """

    key: Key
    revision: int
    uid: str
    labels: Mapping[str, str]
    fields: Mapping[str, str]
    owners: tuple[str, ...]
    raw: bytes

    @classmethod
    def of(cls, key: Key, body: Json, raw: bytes) -> Stored:
        """Wrap an object whose ``metadata.resourceVersion`` is set."""
        metadata = body["metadata"]
        owners = tuple(owner["uid"] for owner in metadata.get("ownerReferences") or ())
        labels = metadata.get("labels") or {}
        fields = fields_of(key.resource, body)
        return cls(key, int(metadata["resourceVersion"]), metadata["uid"], labels, fields, owners, raw)

    def body(self) -> Json:
        """A fresh copy of the object."""
        return cast("Json", msgspec.json.decode(self.raw))


Type = Literal["ADDED", "MODIFIED", "DELETED"]


@dataclass(frozen=True, slots=True)
class Change:
    """One step of the store.

    Args:
        type: as a watch names it.
        now: the object; for DELETED its last state, at the revision of the deletion.
        before: what it was; None for ADDED.
    """

    type: Type
    now: Stored
    before: Stored | None


class Journal(Protocol):
    """Where a store keeps its objects and history so that they outlive the process."""

    def load(self) -> Loaded:
        """Everything that was recorded."""
        ...

    def record(self, change: Change, forgotten: int) -> None:
        """Make one change durable, before anybody is told of it; history up to ``forgotten`` is no longer needed."""
        ...

    def close(self) -> None:
        """Free the file."""
        ...


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a journal holds: the last revision, the last one that is no longer in ``history``, objects and history."""

    revision: int
    forgotten: int
    objects: list[tuple[Key, bytes]]
    history: list[Change]


class Store:
    """Objects by key.

    Args:
        journal: where changes are written through to; None keeps everything in memory.
        history: how many changes a watch may be behind before it has to list again.
        revision: where counting starts when the journal is empty; a store in memory that takes another's place starts
            higher than the other ended, so that the other's watchers are told to list again.
    """

    def __init__(self, journal: Journal | None = None, *, history: int = 10_000, revision: int = 0) -> None:
        self._journal = journal
        self._limit = history
        self._objects: dict[Key, Stored] = {}
        self._sorted: dict[str, list[Key]] = {}
        self._by_uid: dict[str, Key] = {}
        self._dependents: dict[str, dict[Key, None]] = {}
        self._listeners: list[Callable[[Change], None]] = []
        self._history: deque[Change] = deque()
        self.revision = self.forgotten = revision
        if journal is not None:
            self._load(journal.load())

    def _load(self, loaded: Loaded) -> None:
        self.revision = max(self.revision, loaded.revision)
        self.forgotten = loaded.forgotten if loaded.history else self.revision
        self._history.extend(loaded.history)
        for key, raw in loaded.objects:
            self._index(Stored.of(key, msgspec.json.decode(raw), raw))

    def get(self, key: Key) -> Stored | None:
        """The object, if there is one."""
        return self._objects.get(key)

    def all(self, resource: str, namespace: str = "") -> list[Stored]:
        """All objects of a resource, or of one namespace of it, in the order of namespace and name."""
        keys = self._sorted.get(resource, [])
        if namespace:
            start = bisect_left(keys, Key(resource, namespace, ""))
            end = bisect_left(keys, Key(resource, namespace + "\0", ""))
            keys = keys[start:end]
        return [self._objects[key] for key in keys]

    def resources(self) -> list[str]:
        """The resources that have objects."""
        return [resource for resource, keys in self._sorted.items() if keys]

    def by_uid(self, uid: str) -> Stored | None:
        """The living object with this uid."""
        key = self._by_uid.get(uid)
        return None if key is None else self._objects[key]

    def dependents(self, uid: str) -> list[Stored]:
        """The objects that name this uid as an owner, oldest first."""
        return [self._objects[key] for key in self._dependents.get(uid, ())]

    def put(self, key: Key, body: Json) -> Stored:
        """Create or replace an object, at the next revision; ``body`` gets its resourceVersion."""
        stored = self._next(key, body)
        before = self._objects.get(key)
        self._commit(Change("MODIFIED" if before else "ADDED", stored, before))
        return stored

    def remove(self, key: Key, body: Json) -> Stored:
        """Remove an object whose last state is ``body``; its removal has a revision of its own."""
        stored = self._next(key, body)
        self._commit(Change("DELETED", stored, self._objects[key]))
        return stored

    def _next(self, key: Key, body: Json) -> Stored:
        body["metadata"]["resourceVersion"] = str(self.revision + 1)
        return Stored.of(key, body, msgspec.json.encode(body))

    def _commit(self, change: Change) -> None:
        forgotten = self.forgotten + (len(self._history) >= self._limit)
        if self._journal is not None:
            self._journal.record(change, forgotten)
        self.revision = change.now.revision
        if forgotten > self.forgotten:
            self._history.popleft()
            self.forgotten = forgotten
        self._history.append(change)
        if change.before is not None:
            self._unindex(change.before)
        if change.type != "DELETED":
            self._index(change.now)
        for listener in tuple(self._listeners):
            listener(change)

    def _index(self, stored: Stored) -> None:
        keys = self._sorted.setdefault(stored.key.resource, [])
        if not keys or keys[-1] < stored.key:
            keys.append(stored.key)
        else:
            insort(keys, stored.key)
        self._objects[stored.key] = stored
        self._by_uid[stored.uid] = stored.key
        for owner in stored.owners:
            self._dependents.setdefault(owner, {})[stored.key] = None

    def _unindex(self, stored: Stored) -> None:
        keys = self._sorted[stored.key.resource]
        del keys[bisect_left(keys, stored.key)]
        del self._objects[stored.key]
        self._by_uid.pop(stored.uid, None)
        for owner in stored.owners:
            self._dependents[owner].pop(stored.key, None)
            if not self._dependents[owner]:
                del self._dependents[owner]

    def since(self, revision: int) -> Iterator[Change]:
        """The changes after a revision, oldest first.

        Raises:
            Failure: 410, they are no longer remembered, or the revision is of another store's life.
        """
        if revision < self.forgotten:
            raise expired(f"too old resource version: {revision} ({self.forgotten})")
        if revision > self.revision:
            raise expired(f"resource version {revision} is in the future: this store is at {self.revision}")
        return islice(self._history, revision - self.forgotten, None)

    def forget_history(self) -> None:
        """Forget all changes, as etcd does when it compacts: whoever is behind has to list again."""
        self._history.clear()
        self.forgotten = self.revision

    def subscribe(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Call ``listener`` with every change from now on, in order; the result ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def close(self) -> None:
        """Close the journal."""
        if self._journal is not None:
            self._journal.close()
