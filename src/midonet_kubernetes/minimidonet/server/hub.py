"""Who follows the topology: one queue a reader, a bounded log to go on from after a cut (architecture, seam 4)."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import msgspec

from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.topology.change import Change
from midonet_kubernetes.topology.view import Views

ALIVE_SECONDS = 5.0
LONGEST_LOG = 200_000  # changes, counted once for each host
LONGEST_QUEUE = 5_000  # changes that a reader may lag behind before it is cut
_CHUNK = 64 * 1024  # bytes

_encode = msgspec.json.Encoder().encode


class Reader:
    """One stream of one host."""

    def __init__(self, host: str) -> None:
        self.host = host
        self.waiting: deque[bytes] = deque()
        self.changes = 0
        self.is_cut = False
        self.restart = False
        self.news = asyncio.Event()

    def offer(self, lines: bytes, changes: int) -> None:
        """Queue what belongs together; a reader that is too slow is cut instead."""
        self.changes += changes
        if self.changes > LONGEST_QUEUE:
            self.cut()
        elif not self.is_cut:
            self.waiting.append(lines)
            self.news.set()

    def cut(self) -> None:
        """End the stream; its host comes back and goes on where it was, or from a snapshot."""
        self.is_cut = True
        self.waiting.clear()
        self.news.set()

    def take(self) -> bytes:
        """All that is queued."""
        lines = b"".join(self.waiting)
        self.waiting.clear()
        self.changes = 0
        self.news.clear()
        return lines


class Hub:
    """Tells every reader what its host needs of each transaction.

    Args:
        store: whose transactions.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._views = Views()
        self._filling = self._views.fill(store.objects())
        self.revision = store.durable_revision
        self._oldest = self.revision  # what came after it is in the log
        self._log: deque[tuple[int, dict[str, list[Change]], int]] = deque()
        self._logged = 0
        self._since: dict[str, int] = {}  # hosts that appeared, and with which revision
        self._hosts = set(store.tables.all("Host"))
        self._readers: dict[str, set[Reader]] = {}
        store.subscribe(self._take)

    async def prepare(self) -> None:
        """Find out what each host needs of all that was there at the start, a little at a time between requests.

        Whoever needs the answer before does the rest at once.
        """
        for _ in self._filling:
            await asyncio.sleep(0)

    def _filled(self) -> Views:
        for _ in self._filling:
            pass
        return self._views

    def readers(self) -> int:
        """How many streams are open."""
        return sum(map(len, self._readers.values()))

    def close(self) -> None:
        """End all streams."""
        for readers in self._readers.values():
            for reader in readers:
                reader.cut()

    async def lines(self, host: str, store_id: str, revision: int | None) -> AsyncGenerator[bytes, None]:
        """The stream of a host, for ever, or until the reader is cut.

        Args:
            host: its id.
            store_id: the history that the reader knows; "" for none.
            revision: up to which it knows it.

        Yields:
            Whole lines.
        """
        reader = Reader(host)
        self._readers.setdefault(host, set()).add(reader)
        try:
            async for chunk in self._begin(reader, store_id, revision):
                yield chunk
            while not reader.is_cut:
                try:
                    await asyncio.wait_for(reader.news.wait(), ALIVE_SECONDS)
                except TimeoutError:
                    yield _line({"type": "alive", "revision": self.revision})
                    continue
                if reader.restart:
                    reader.restart = False
                    reader.take()
                    async for chunk in self._snapshot(host):
                        yield chunk
                elif lines := reader.take():
                    yield lines
        finally:
            self._readers[host].discard(reader)
            if not self._readers[host]:
                del self._readers[host]

    async def _begin(self, reader: Reader, store_id: str, revision: int | None) -> AsyncIterator[bytes]:
        if revision is None or store_id != self._store.id or not self._knows(reader.host, revision):
            async for chunk in self._snapshot(reader.host):
                yield chunk
            return
        missed = [(number, news[reader.host]) for number, news, _ in self._log if number > revision and reader.host in news]
        for number, changes in missed:
            yield _block(number, changes)
        yield _line({"type": "alive", "revision": self.revision})

    def _knows(self, host: str, revision: int) -> bool:
        """Whether the log holds all that came after ``revision``."""
        return max(self._oldest, self._since.get(host, 0)) <= revision <= self.revision

    async def _snapshot(self, host: str) -> AsyncIterator[bytes]:
        revision, changes = self.revision, self._filled().snapshot(host)
        chunk = bytearray(_line({"type": "snapshot", "store": self._store.id, "revision": revision}))
        for change in changes:
            chunk += _put(change)
            if len(chunk) > _CHUNK:
                yield bytes(chunk)
                chunk.clear()
        chunk += _line({"type": "commit", "revision": revision})
        yield bytes(chunk)

    def _take(self, revision: int, changes: list[Change]) -> None:
        news = self._filled().apply(changes) if changes else {}
        self.revision = revision
        self._note_hosts(revision, changes)
        self._remember(revision, news)
        encoded: dict[tuple[str, str, bool], bytes] = {}
        for host in news.keys() & self._readers.keys():
            block = _block(revision, news[host], encoded)
            for reader in self._readers[host]:
                reader.offer(block, len(news[host]))

    def _note_hosts(self, revision: int, changes: list[Change]) -> None:
        for change in changes:
            if change.kind != "Host":
                continue
            if change.object is None:
                self._hosts.discard(change.id)
                for reader in self._readers.get(change.id, ()):
                    reader.cut()
            elif change.id not in self._hosts:
                self._hosts.add(change.id)
                self._since[change.id] = revision
                for reader in self._readers.get(change.id, ()):
                    reader.restart = True
                    reader.news.set()

    def _remember(self, revision: int, news: dict[str, list[Change]]) -> None:
        if not news:
            return
        weight = sum(map(len, news.values()))
        self._log.append((revision, news, weight))
        self._logged += weight
        while self._logged > LONGEST_LOG:
            self._oldest, _, dropped = self._log.popleft()
            self._logged -= dropped


def _line(document: dict[str, Any]) -> bytes:
    return _encode(document) + b"\n"


def _put(change: Change) -> bytes:
    if change.object is None:
        return _line({"type": "delete", "kind": change.kind, "id": change.id})
    return _line({"type": "put", "kind": change.kind, "id": change.id, "object": change.object})


def _block(revision: int, changes: list[Change], encoded: dict[tuple[str, str, bool], bytes] | None = None) -> bytes:
    """The lines of one transaction; what several hosts are told is encoded once."""
    known = {} if encoded is None else encoded
    lines = []
    for change in changes:
        key = (change.kind, change.id, change.object is None)
        if key not in known:
            known[key] = _put(change)
        lines.append(known[key])
    lines.append(_line({"type": "commit", "revision": revision}))
    return b"".join(lines)
