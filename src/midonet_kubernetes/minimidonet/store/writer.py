"""The thread that waits for the disk.

It executes SQL and nothing else: whatever Python a second thread runs, the loop's thread waits for it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from queue import SimpleQueue
from threading import Thread

from midonet_kubernetes.minimidonet.store.file import File
from midonet_kubernetes.minimidonet.store.rows import Statement

Done = Callable[[Exception | None], None]
_Task = tuple[Sequence[Statement], asyncio.AbstractEventLoop, Done]


class Writer:
    """Writes to a file, one thing after the other.

    Args:
        file: the store's.
    """

    def __init__(self, file: File) -> None:
        self._file = file
        self._tasks: SimpleQueue[_Task | None] = SimpleQueue()
        self._thread: Thread | None = None

    def write(self, statements: Sequence[Statement], done: Done) -> None:
        """Execute ``statements``; ``done`` is called in the running loop, with the reason if they failed."""
        if self._thread is None:
            self._thread = Thread(target=self._run, name="store", daemon=True)
            self._thread.start()
        self._tasks.put((statements, asyncio.get_running_loop(), done))

    def close(self) -> None:
        """End the thread when all is written."""
        if self._thread is not None:
            self._tasks.put(None)
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        while (task := self._tasks.get()) is not None:
            statements, loop, done = task
            error: Exception | None = None
            try:
                self._file.write(statements)
            except Exception as failed:  # noqa: BLE001 - whatever it is, somebody waits to be told
                error = failed
            loop.call_soon_threadsafe(done, error)
