"""The store: transactions in memory, made durable together.

A request changes the tables at once; its answer leaves when the change is in the file (``durable``). While one batch is
being written, the requests that come meanwhile share the next one, so 64 clients wait for a few fsyncs, not for 64.
Nobody reads what may still be lost: readers wait for the same batch as the writers before them.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from midonet_kubernetes.minimidonet.store.file import File, StoreError
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.references import REFERENCES
from midonet_kubernetes.minimidonet.store.rows import Row, statements
from midonet_kubernetes.minimidonet.store.tables import Tables
from midonet_kubernetes.minimidonet.store.transaction import HIDDEN, Transaction, shown
from midonet_kubernetes.minimidonet.store.writer import Writer
from midonet_kubernetes.model.midonet import KINDS
from midonet_kubernetes.topology.change import Change

Listener = Callable[[int, list[Change]], None]
Outcome = Callable[[StoreError | None], None]
MEMORY = ":memory:"
PAUSE = 0.5  # between two writes when somebody waits already, as a part of what the first one took
LONGEST_PAUSE = 0.005  # seconds


@dataclass(slots=True)
class _Batch:
    """Transactions that become durable together."""

    transactions: list[Transaction] = field(default_factory=list)
    waiting: list[Outcome] = field(default_factory=list)

    def settle(self, error: StoreError | None) -> None:
        """Tell all who wait."""
        for done in self.waiting:
            done(error)

    def rows(self) -> Iterable[Row]:
        """What to write: each object once, as the last transaction left it."""
        rows: dict[tuple[str, str], Row] = {}
        for transaction in self.transactions:
            for key, object_ in transaction.written.items():
                earlier = rows.get(key)
                is_anew = key in transaction.recreated or (earlier is not None and earlier.object is None)
                if is_anew:
                    rows.pop(key, None)  # it goes to the end of the order
                rows[key] = Row(*key, object_, fresh=is_anew or (earlier is not None and earlier.fresh))
        return rows.values()


class Store:
    """The topology.

    Args:
        file: where it is kept; None keeps it in memory only.

    Attributes:
        id: names the life of this store's history; a copy or a new store has another.
        revision: of the last transaction, durable or not.
        durable_revision: of the last transaction that nothing can undo.
    """

    def __init__(self, file: File | None = None) -> None:
        self.tables = Tables(REFERENCES)
        self._file = file
        self._listeners: list[Listener] = []
        self._gathering = _Batch()
        self._writing: _Batch | None = None
        self._writer = Writer(file) if file is not None else None
        self._began = 0.0  # of the last write, in the loop's seconds
        self._pause: asyncio.TimerHandle | None = None  # before the next one
        self.id, self.revision = (file.id, file.revision) if file is not None else (uuid.uuid4().hex, 0)
        self.durable_revision = self.revision
        if file is not None:
            self.tables.fill(file.load())

    @classmethod
    def open(cls, path: str) -> Store:
        """The store in the file ``path``, made when there is none; ``:memory:`` for none.

        Raises:
            StoreError: it cannot be used; the message says why and what to do.
        """
        return cls() if path == MEMORY else cls(File(Path(path)))

    def transaction(self) -> Transaction:
        """A transaction that ends with its block; an exception takes back all it wrote."""
        return Transaction(self.tables, self._commit)

    def subscribe(self, listener: Listener) -> None:
        """Call ``listener(revision, changes)`` once nothing can undo them. Transactions written together are told together."""
        self._listeners.append(listener)

    def objects(self) -> dict[str, dict[str, Object]]:
        """All objects of the topology by kind and id, as they are now: what is written later does not change the answer."""
        return {kind: self._objects(kind) for kind in KINDS}

    def _objects(self, kind: str) -> dict[str, Object]:
        objects = self.tables.all(kind)
        return {id_: shown(kind, object_) for id_, object_ in objects.items()} if kind in HIDDEN else objects.copy()

    async def durable(self) -> None:
        """Return when everything written so far is in the file.

        Raises:
            StoreError: it could not be written and was taken back.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()

        def done(error: StoreError | None) -> None:
            if future.done():
                return  # it was given up
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)

        self._join(done)
        loop.call_soon(self._start_writing)  # not at once: who else is ready now shares the batch
        await future

    def when_durable(self, done: Outcome) -> None:
        """Call ``done`` when everything written so far is in the file, or with why it was taken back instead."""
        self._join(done)
        self._start_writing()

    def _join(self, done: Outcome) -> None:
        batch = self._gathering if self._gathering.transactions else self._writing
        if batch is None:
            done(None)
        else:
            batch.waiting.append(done)

    def flush(self) -> None:
        """Write what is waiting, in this thread; for use without an event loop."""
        batch = self._gathering
        if batch.transactions and self._file is not None:
            self._gathering = _Batch()
            self._file.write(statements(self.revision, batch.rows()))
            self._announce(batch)

    async def close(self) -> None:
        """Write what is waiting and let the file go."""
        try:
            while self._writing is not None or self._gathering.transactions:
                await self.durable()
        finally:
            if self._writer is not None:
                self._writer.close()
            if self._file is not None:
                self._file.close()

    def _commit(self, transaction: Transaction) -> None:
        self.revision += 1
        self._gathering.transactions.append(transaction)
        if self._file is None:
            batch, self._gathering = self._gathering, _Batch()
            self._announce(batch)

    def _start_writing(self) -> None:
        if self._writing is not None or self._pause is not None or not self._gathering.transactions:
            return
        assert self._writer is not None
        self._began = asyncio.get_running_loop().time()
        batch = self._writing = self._gathering
        self._gathering = _Batch()
        self._writer.write(statements(self.revision, batch.rows()), self._written)

    def _written(self, error: Exception | None) -> None:
        batch, self._writing = self._writing, None
        assert batch is not None
        if error is not None:
            self._take_back(batch, error)
            return
        self._announce(batch)
        batch.settle(None)
        if self._gathering.waiting:
            self._start_later()

    def _start_later(self) -> None:
        """Those who were just answered ask again soon: wait for them for a part of the time that they would wait otherwise."""
        loop = asyncio.get_running_loop()
        self._pause = loop.call_later(min((loop.time() - self._began) * PAUSE, LONGEST_PAUSE), self._end_pause)

    def _end_pause(self) -> None:
        self._pause = None
        self._start_writing()

    def _take_back(self, batch: _Batch, error: Exception) -> None:
        """The file refused a batch: undo it, and all that was done in memory since."""
        failed = error if isinstance(error, StoreError) else StoreError(f"the store could not be written: {error}")
        later, self._gathering = self._gathering, _Batch()
        undone = batch.transactions + later.transactions
        for transaction in reversed(undone):
            transaction.rollback()
        self.revision = self.durable_revision
        self._restore_order({kind for transaction in undone for kind, _ in transaction.removed()})
        batch.settle(failed)
        later.settle(failed)

    def _restore_order(self, kinds: Iterable[str]) -> None:
        """What was removed and is there again stands last; the file knows where it stood."""
        assert self._file is not None
        for kind in kinds:
            with suppress(StoreError):  # then the order is right again after the next start
                self.tables.reorder(kind, self._file.order(kind))

    def _announce(self, batch: _Batch) -> None:
        self.durable_revision += len(batch.transactions)
        changes = [change for transaction in batch.transactions for change in transaction.changes()]
        for listener in self._listeners:
            listener(self.durable_revision, changes)
