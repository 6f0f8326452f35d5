"""Watches: each change is encoded once for all who see it, and each watcher reads at its own pace up to a bound."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime

import msgspec

from midonet_kubernetes.kubernetes_api.embedded import forms
from midonet_kubernetes.kubernetes_api.embedded.failures import Failure, Json, expired
from midonet_kubernetes.kubernetes_api.embedded.forms import Form
from midonet_kubernetes.kubernetes_api.embedded.resource import Resource
from midonet_kubernetes.kubernetes_api.embedded.selectors import Requirement, matches
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Store, Stored

_MOST_BEHIND = 20_000  # events waiting for one watcher; past that it is told to list again
_SOON = 2.0  # seconds before a watch's end in which it gets its last bookmark
_ROUNDING = 1e-6  # seconds: a timer may fire a rounding before its time


@dataclass(frozen=True, slots=True)
class Selection:
    """What a list or a watch covers.

    Args:
        resource: what kind.
        namespace: empty for all.
        name: empty for all; a field selector on metadata.name.
        labels: what the labels must satisfy.
        fields: what the fields must satisfy.
    """

    resource: Resource
    namespace: str = ""
    name: str = ""
    labels: tuple[Requirement, ...] = ()
    fields: tuple[Requirement, ...] = ()

    def covers(self, stored: Stored) -> bool:
        """Whether an object of the resource is in it."""
        if self.namespace and stored.key.namespace != self.namespace:
            return False
        if self.name and stored.key.name != self.name:
            return False
        if self.labels and not matches(self.labels, stored.labels):
            return False
        return not self.fields or matches(self.fields, _all_fields(stored))


def _all_fields(stored: Stored) -> dict[str, str]:
    return {"metadata.name": stored.key.name, "metadata.namespace": stored.key.namespace, **stored.fields}


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """How a watch is wanted.

    Args:
        revision: events after this one; None for all objects first, then what happens.
        bookmarks: send the present revision now and then.
        initial: list all objects first and mark the end of that with a bookmark (``sendInitialEvents``).
        seconds: how long.
        form: how objects are shown.
    """

    revision: int | None
    bookmarks: bool
    initial: bool
    seconds: float
    form: Form = forms.OBJECT


Lines = dict[tuple[str, Form, str], bytes]


@dataclass(slots=True, eq=False)
class Watcher:
    """One client's watch."""

    selection: Selection
    form: Form
    waiting: list[bytes] = field(default_factory=list)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    ended: bool = False

    def offer(self, line: bytes) -> None:
        """Queue an event."""
        if self.ended:
            return
        if len(self.waiting) >= _MOST_BEHIND:
            self.waiting = [error_line(expired("too old resource version: the watcher is too slow"))]
            self.ended = True
        else:
            self.waiting.append(line)
        self.wake.set()


class Watches:
    """All watchers of a store.

    Args:
        store: whose changes they see.
        clock: for the ages in tables.
        bookmark_interval: seconds between bookmarks.
    """

    def __init__(self, store: Store, clock: Callable[[], datetime], *, bookmark_interval: float = 15.0) -> None:
        self._store, self._clock, self._interval = store, clock, bookmark_interval
        self._watchers: dict[str, dict[Watcher, None]] = {}
        self._stop = store.subscribe(self._publish)
        self._closed = False

    def close(self) -> None:
        """End every watch, cleanly."""
        self._closed = True
        self._stop()
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.ended = True
                watcher.wake.set()

    def _publish(self, change: Change) -> None:
        watchers = self._watchers.get(change.now.key.resource)
        if watchers:
            lines: Lines = {}
            for watcher in watchers:
                self._offer(watcher, change, lines)

    def _offer(self, watcher: Watcher, change: Change, lines: Lines) -> None:
        seen = watcher.selection.covers
        before = change.before is not None and seen(change.before)
        after = change.type != "DELETED" and seen(change.now)
        if not before and not after:
            return
        word = "MODIFIED" if before and after else "ADDED" if after else "DELETED"
        key = (word, watcher.form, watcher.selection.resource.api_version)
        if key not in lines:
            shown = change.now
            if word == "DELETED" and change.type == "MODIFIED":
                shown = _at_revision(change.before, change.now.revision)
            lines[key] = self._line(word, watcher.selection.resource, shown, watcher.form)
        watcher.offer(lines[key])

    def _line(self, word: str, resource: Resource, stored: Stored, form: Form) -> bytes:
        return b'{"type":"%s","object":%s}\n' % (word.encode(), forms.one(resource, stored, form, self._clock()))

    @contextmanager
    def watch(self, selection: Selection, options: WatchOptions) -> Iterator[AsyncIterator[bytes]]:
        """Watch from now until the context is left.

        Yields:
            The events, several to a chunk when they come fast, each on a line of its own.
        """
        watcher = Watcher(selection, options.form)
        watchers = self._watchers.setdefault(selection.resource.id, {})
        try:
            self._begin(watcher, options)
            watchers[watcher] = None
        except Failure as failure:
            watcher.waiting = [error_line(failure)]
            watcher.ended = True
        try:
            yield self._run(watcher, options)
        finally:
            watchers.pop(watcher, None)

    def _begin(self, watcher: Watcher, options: WatchOptions) -> None:
        resource = watcher.selection.resource
        if options.revision is not None and not options.initial:
            for change in self._store.since(options.revision):
                if change.now.key.resource == resource.id:
                    self._offer(watcher, change, {})
            return
        for stored in self._store.all(resource.id, watcher.selection.namespace):
            if watcher.selection.covers(stored):
                watcher.waiting.append(self._line("ADDED", resource, stored, watcher.form))
        if options.initial:
            watcher.waiting.append(self._bookmark(resource, {"k8s.io/initial-events-end": "true"}))

    def _bookmark(self, resource: Resource, annotations: dict[str, str] | None = None) -> bytes:
        about: Json = {"resourceVersion": str(self._store.revision), "creationTimestamp": None}
        if annotations:
            about["annotations"] = annotations
        body = {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": about}
        return msgspec.json.encode({"type": "BOOKMARK", "object": body}) + b"\n"

    async def _run(self, watcher: Watcher, options: WatchOptions) -> AsyncIterator[bytes]:
        now = asyncio.get_running_loop().time
        end, next_bookmark = now() + options.seconds, now() + min(self._interval, max(options.seconds - _SOON, 0.0))
        while True:
            if watcher.waiting:
                chunk, watcher.waiting = b"".join(watcher.waiting), []
                yield chunk
                continue
            if watcher.ended or self._closed or now() >= end - _ROUNDING:
                return
            if now() >= next_bookmark - _ROUNDING:
                next_bookmark = now() + self._interval
                if options.bookmarks:
                    yield self._bookmark(watcher.selection.resource)
                continue
            watcher.wake.clear()
            try:
                async with asyncio.timeout_at(min(end, next_bookmark)):
                    await watcher.wake.wait()
            except TimeoutError:
                continue


def _at_revision(stored: Stored | None, revision: int) -> Stored:
    """What an object was, at the revision at which it left a selection."""
    assert stored is not None
    body = stored.body()
    body["metadata"]["resourceVersion"] = str(revision)
    return Stored.of(stored.key, body, msgspec.json.encode(body))


def error_line(failure: Failure) -> bytes:
    """A failure as an event of a watch."""
    return msgspec.json.encode({"type": "ERROR", "object": failure.status_object()}) + b"\n"
