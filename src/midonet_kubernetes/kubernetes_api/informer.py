"""List and watch, for ever: what a program knows of one kind of objects, and word of every change.

Whatever happens to the connection, the store ends up as the server's state, and handlers hear of every difference: also
of the deletion of an object that went while nobody watched.
"""

from __future__ import annotations

import asyncio
import logging
import random as _random
from collections.abc import Callable, Iterable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from typing import Generic, TypeVar

from midonet_kubernetes.errors import ApiError, Gone, Unreachable
from midonet_kubernetes.kubernetes_api.backoff import Backoff, Random
from midonet_kubernetes.kubernetes_api.client import Client, retry_after
from midonet_kubernetes.kubernetes_api.kinds import Kind
from midonet_kubernetes.kubernetes_api.page import BadObject, BadObjectHandler, log_bad_object
from midonet_kubernetes.kubernetes_api.store import Indexer, Store
from midonet_kubernetes.kubernetes_api.watch import IDLE_SECONDS, Occurrence, WatchEvent, watch

T = TypeVar("T")

Handler = Callable[[str, T | None, T | None], None]
"""Called with key, the object as it was and as it is; None where there was or is none."""

_AT_ONCE = 100  # objects of a list that are looked at without a pause
_SHORTEST_WATCH, _LONGEST_WATCH = 240, 480  # seconds; apart from each other so that clients do not come back in step
_STEADY_SECONDS = 5.0  # a stream that lived so long and ended cleanly was a good one, even without events

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Statistics:
    """How often what happened since the start."""

    lists: int = 0
    watches: int = 0
    events: int = 0
    failures: int = 0
    unknown_events: int = 0
    garbled_lines: int = 0
    bad_objects: int = 0


class Informer(Generic[T]):
    """The objects of one kind, kept up to date by ``run``.

    Args:
        client: of the API server.
        kind: of the objects.
        namespace: None for all.
        labels: a label selector.
        fields: a field selector.
        indexers: see ``Store``.
        trim: what to keep of an object; its metadata's name, namespace and resourceVersion must stay.
        on_bad: told of each object that cannot be read. The store keeps what it last could read of it.
        streamed: have lists sent as events of the watch, if the server can: a page costs an API server several times as much.
        idle_seconds: of silence after which a watch is given up.
        random: the source of jitter.

    Attributes:
        store: the objects. Read only.
        synced: set once the store has been the server's state.
        statistics: counts for metrics.
        last_error: why nothing is heard at the moment; "" while all is well.
    """

    def __init__(
        self,
        client: Client,
        kind: Kind[T],
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        indexers: Mapping[str, Indexer[T]] | None = None,
        trim: Callable[[T], T] | None = None,
        on_bad: BadObjectHandler = log_bad_object,
        streamed: bool = False,
        idle_seconds: float = IDLE_SECONDS,
        random: Random = _random.random,
    ) -> None:
        self.kind = kind
        self.store: Store[T] = Store(indexers)
        self.synced = asyncio.Event()
        self.statistics = Statistics()
        self.last_error = ""
        self._client, self._namespace, self._labels, self._fields = client, namespace, labels, fields
        self._trim, self._on_bad, self._idle_seconds, self._random = trim, on_bad, idle_seconds, random
        self._handlers: list[Handler[T]] = []
        self._backoff = Backoff(random=random)
        self._streamed = self._streams = streamed  # wanted; and at the next attempt
        self._unseen: set[str] | None = None  # while a list is streamed: what it has not told yet
        self._version = ""  # where a watch can go on; "" when only a list can
        self._heard_at: float | None = None
        self._progress = False  # this attempt told us something

    def add_handler(self, handler: Handler[T]) -> None:
        """Call ``handler`` for what is there already, and from now on for every change, before the next one is looked at."""
        self._handlers.append(handler)
        for object_ in list(self.store.values()):
            self._call(handler, self.kind.metadata(object_).key, None, object_)

    def get(self, key: str) -> T | None:
        """The object with that key (``namespace/name`` or ``name``), if there is one."""
        return self.store.get(key)

    def by_index(self, index: str, value: str) -> list[T]:
        """The objects that the index has under ``value``."""
        return self.store.by_index(index, value)

    def last_event_age(self) -> float:
        """Seconds since the server last told us anything, bookmarks included; infinite before the first time."""
        if self._heard_at is None:
            return float("inf")
        return asyncio.get_running_loop().time() - self._heard_at

    async def run(self) -> None:
        """Keep the store up to date until cancelled. No failure of the server ends this."""
        while True:
            self._progress = False
            failure: ApiError | None = None
            try:
                if not self._version and not self._streams:
                    await self._list()
                await self._watch()
            except ApiError as error:
                failure = error
            self._streams = self._streamed and self._unseen is None  # a list that was not streamed to its end is paged
            self._unseen = None
            if self._progress:
                self._backoff.reset()
            healthy = self._progress and failure is None
            await asyncio.sleep(0.0 if healthy else self._wait_after(failure))

    def _wait_after(self, failure: ApiError | None) -> float:
        wait = max(self._backoff.next(), retry_after(failure))
        if failure is not None:
            self.statistics.failures += 1
            self.last_error = str(failure)
            if isinstance(failure, Gone):
                self._version = ""
            _log.info("watching %s goes on in %.1f s: %s", self.kind.plural, wait, failure)
        return wait

    async def _list(self) -> None:
        """Make the store the server's state, page by page, so that there are never two copies of it."""
        self.statistics.lists += 1
        unseen = set(self.store)
        version = ""
        pages = self._client.pages(self.kind, namespace=self._namespace, labels=self._labels, fields=self._fields)
        async with aclosing(pages):
            async for page in pages:
                for number, object_ in enumerate(page.objects):
                    if number % _AT_ONCE == 0:
                        await asyncio.sleep(0)  # the next page is asked for, and whoever else is in a hurry does not wait
                    metadata = self.kind.metadata(object_)
                    unseen.discard(metadata.key)
                    self._put(metadata.key, object_)
                for bad in page.bad:
                    unseen.discard(bad.key)
                    self._bad(bad)
                version = version or page.resource_version
                self._hear()
        self._listed(unseen)
        self._version = version

    async def _watch(self) -> None:
        """Follow one stream to its clean end."""
        self.statistics.watches += 1
        if not self._version:
            self.statistics.lists += 1
            self._unseen = set(self.store)
        now = asyncio.get_running_loop().time
        events = watch(
            self._client,
            self.kind,
            self._version,
            namespace=self._namespace,
            labels=self._labels,
            fields=self._fields,
            timeout_seconds=_SHORTEST_WATCH + int(self._random() * (_LONGEST_WATCH - _SHORTEST_WATCH)),
            idle_seconds=self._idle_seconds,
        )
        begun = now()
        async with aclosing(events):
            async for event in events:
                self._take(event)
                if self._unseen is not None and self.statistics.events % _AT_ONCE == 0:
                    await asyncio.sleep(0)
        if now() - begun >= _STEADY_SECONDS:
            self._progress = True

    def _take(self, event: WatchEvent[T]) -> None:
        if self._unseen is not None:
            self._take_listed(event, self._unseen)
        match event.occurrence:
            case Occurrence.CHANGED if event.object is not None:
                self._put(event.key, event.object)
            case Occurrence.DELETED:
                self._remove(event.key)
            case Occurrence.BAD if event.bad is not None:
                self._bad(event.bad)
            case Occurrence.UNKNOWN:
                self.statistics.unknown_events += 1
            case Occurrence.GARBLED:
                self._garbled()
        self.statistics.events += 1
        if self._unseen is None:
            self._version = event.resource_version or self._version
        self._progress = True
        self.last_error = ""
        self._hear()

    def _take_listed(self, event: WatchEvent[T], unseen: set[str]) -> None:
        """An event of a list that is streamed."""
        unseen.discard(event.key)
        match event.occurrence:
            case Occurrence.LISTED:
                self._listed(unseen)
                self._unseen = None
            case Occurrence.BOOKMARK:
                raise Unreachable(f"the server does not stream lists of {self.kind.plural}")

    def _listed(self, unseen: Iterable[str]) -> None:
        """The store is the server's state, but for what the list did not tell."""
        for key in unseen:
            self._remove(key)
        self.synced.set()

    def _garbled(self) -> None:
        self.statistics.garbled_lines += 1
        if not self._progress:  # going on from here gave the same line again: go round it
            self._version = ""
        raise Unreachable(f"a watch of {self.kind.plural} gave a line that is no event")

    def _hear(self) -> None:
        self._heard_at = asyncio.get_running_loop().time()

    def _put(self, key: str, object_: T) -> None:
        old = self.store.get(key)
        if old is not None and self._same(old, object_):
            return
        try:
            kept = self._trim(object_) if self._trim else object_
            self.store.put(key, kept)
        except Exception as error:  # noqa: BLE001 - one odd object must not stop the others
            self._bad(BadObject(self.kind.kind, key, f"{type(error).__name__}: {error}"))
            return
        self._tell(key, old, kept)

    def _same(self, old: T, new: T) -> bool:
        version = self.kind.metadata(new).resource_version
        return bool(version) and version == self.kind.metadata(old).resource_version

    def _remove(self, key: str) -> None:
        old = self.store.remove(key)
        if old is not None:
            self._tell(key, old, None)

    def _bad(self, bad: BadObject) -> None:
        self.statistics.bad_objects += 1
        self._on_bad(bad)

    def _tell(self, key: str, old: T | None, new: T | None) -> None:
        for handler in self._handlers:
            self._call(handler, key, old, new)

    @staticmethod
    def _call(handler: Handler[T], key: str, old: T | None, new: T | None) -> None:
        try:
            handler(key, old, new)
        except Exception:  # noqa: BLE001 - one handler's mistake must not stop the others
            _log.exception("a handler failed for %s; the others go on", key)
