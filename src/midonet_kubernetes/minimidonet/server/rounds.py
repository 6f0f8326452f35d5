"""Requests that arrive together are answered one right after the other, and wait for one write to the file.

Between two requests there is all that HTTP takes, and after it little is left in the processor's caches of what the first
one needed. In a row each costs half as much.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from functools import partial

from midonet_kubernetes.exchange import Request, Response
from midonet_kubernetes.minimidonet.store.file import StoreError
from midonet_kubernetes.minimidonet.store.store import Store

LONGEST_ROUND = 0.005  # seconds; then whatever else waits for the loop has its turn

_Answered = list[tuple[asyncio.Future[Response], Response]]


class Rounds:
    """Answers requests.

    Args:
        handle: the answer to a request; what it wrote is in the store.
        store: has to be durable before an answer may leave.
        clock: seconds.
    """

    def __init__(
        self, handle: Callable[[Request], Response], store: Store, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self._handle, self._store, self._clock = handle, store, clock
        self._arrived: deque[tuple[Request, asyncio.Future[Response]]] = deque()

    def answer(self, request: Request) -> asyncio.Future[Response]:
        """The answer, to be awaited.

        Raises:
            StoreError: what was written with it could not be kept, and was taken back.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Response] = loop.create_future()
        if not self._arrived:
            loop.call_soon(self._round)  # not at once: who else is ready comes with it
        self._arrived.append((request, future))
        return future

    def _round(self) -> None:
        answered: _Answered = []
        ends = self._clock() + LONGEST_ROUND
        while self._arrived:
            request, future = self._arrived.popleft()
            if future.done():
                continue  # nobody waits any more
            try:
                answered.append((future, self._handle(request)))
            except Exception as error:  # noqa: BLE001 - a defect is told to the one whose request met it
                future.set_exception(error)
            if self._clock() >= ends:
                break
        if self._arrived:
            asyncio.get_running_loop().call_soon(self._round)
        self._store.when_durable(partial(_let_go, answered))


def _let_go(answered: _Answered, error: StoreError | None) -> None:
    for future, response in answered:
        if future.done():
            continue
        if error is None:
            future.set_result(response)
        else:
            future.set_exception(error)
