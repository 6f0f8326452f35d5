"""The store: transactions in memory, made durable together.

A request changes the tables at once; its answer leaves when the change is in the file (``durable``). While one batch is
being written, the requests that come meanwhile share the next one, so 64 clients wait for a few fsyncs, not for 64.
Nobody reads what may still be lost: readers wait for the same batch as the writers before them.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from midonet_kubernetes.minimidonet.store.file import File, Row, StoreError
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.references import REFERENCES
from midonet_kubernetes.minimidonet.store.tables import Tables
from midonet_kubernetes.minimidonet.store.transaction import HIDDEN, Transaction, shown
from midonet_kubernetes.model.midonet import KINDS
from midonet_kubernetes.topology.change import Change

Listener = Callable[[int, list[Change]], None]
MEMORY = ":memory:"


@dataclass(slots=True)
class _Batch:
    """Transactions that become durable together."""

    transactions: list[tuple[int, Transaction, list[Change]]] = field(default_factory=list)
    rows: dict[tuple[str, str], Row] = field(default_factory=dict)
    waiting: list[asyncio.Future[None]] = field(default_factory=list)

    def settle(self, error: StoreError | None) -> None:
        """Tell all who wait."""
        for future in self.waiting:
            if future.done():
                continue  # it was given up
            if error is None:
                future.set_result(None)
            else:
                future.set_exception(error)


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
        self._writer = ThreadPoolExecutor(1, "store") if file is not None else None
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

    @contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """A transaction that ends with the block; an exception takes back all it wrote."""
        transaction = Transaction(self.tables)
        try:
            yield transaction
        except BaseException:
            transaction.rollback()
            raise
        if transaction.written:
            self._commit(transaction)

    def subscribe(self, listener: Listener) -> None:
        """Call ``listener(revision, changes)`` for each transaction, in order, once nothing can undo it."""
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
        batch = self._gathering if self._gathering.transactions else self._writing
        if batch is None:
            return
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        batch.waiting.append(future)
        if self._writing is None and len(batch.waiting) == 1:
            loop.call_soon(self._start_writing)  # not at once: who else is ready now shares the batch
        await future

    def flush(self) -> None:
        """Write what is waiting, in this thread; for use without an event loop."""
        batch = self._gathering
        if batch.transactions and self._file is not None:
            self._gathering = _Batch()
            self._file.write(batch.transactions[-1][0], batch.rows.values())
            self._announce(batch)

    async def close(self) -> None:
        """Write what is waiting and let the file go."""
        try:
            while self._writing is not None or self._gathering.transactions:
                await self.durable()
        finally:
            if self._writer is not None:
                self._writer.shutdown()
            if self._file is not None:
                self._file.close()

    def _commit(self, transaction: Transaction) -> None:
        self.revision += 1
        changes = transaction.changes()
        if self._file is None:
            self.durable_revision = self.revision
            self._tell(self.revision, changes)
            return
        batch = self._gathering
        batch.transactions.append((self.revision, transaction, changes))
        for key, object_, recreated in transaction.rows():
            earlier = batch.rows.get(key)
            is_anew = recreated or (earlier is not None and earlier.object is None)
            if is_anew:
                batch.rows.pop(key, None)  # it goes to the end of the order
            batch.rows[key] = Row(*key, object_, fresh=is_anew or (earlier is not None and earlier.fresh))

    def _start_writing(self) -> None:
        if self._writing is not None or not self._gathering.transactions:
            return
        assert self._file is not None
        assert self._writer is not None
        batch = self._writing = self._gathering
        self._gathering = _Batch()
        loop = asyncio.get_running_loop()
        written = loop.run_in_executor(self._writer, self._file.write, batch.transactions[-1][0], batch.rows.values())
        written.add_done_callback(lambda outcome: self._written(batch, outcome.exception()))

    def _written(self, batch: _Batch, error: BaseException | None) -> None:
        self._writing = None
        if error is not None:
            self._take_back(batch, error)
            return
        self._announce(batch)
        batch.settle(None)
        if self._gathering.waiting:
            self._start_writing()

    def _take_back(self, batch: _Batch, error: BaseException) -> None:
        """The file refused a batch: undo it, and all that was done in memory since."""
        failed = error if isinstance(error, StoreError) else StoreError(f"the store could not be written: {error}")
        later, self._gathering = self._gathering, _Batch()
        for _, transaction, _ in reversed(batch.transactions + later.transactions):
            transaction.rollback()
        self.revision = self.durable_revision
        batch.settle(failed)
        later.settle(failed)

    def _announce(self, batch: _Batch) -> None:
        for revision, _, changes in batch.transactions:
            self.durable_revision = revision
            self._tell(revision, changes)

    def _tell(self, revision: int, changes: list[Change]) -> None:
        for listener in self._listeners:
            listener(revision, changes)
