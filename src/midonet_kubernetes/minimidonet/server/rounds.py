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

Outcome = Response | Exception
Tell = Callable[[Outcome], None]


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
        self._arrived: deque[tuple[Request, Tell]] = deque()

    def ask(self, request: Request, tell: Tell) -> None:
        """Answer a request: ``tell`` is called with the answer, or with why there is none.

        That is a ``StoreError`` when what was written could not be kept, and was taken back.
        """
        if not self._arrived:
            asyncio.get_running_loop().call_soon(self._round)  # not at once: who else is ready comes with it
        self._arrived.append((request, tell))

    def answer(self, request: Request) -> asyncio.Future[Response]:
        """As ``ask``, to be awaited."""
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self.ask(request, partial(_settle, future))
        return future

    def _round(self) -> None:
        answered: list[tuple[Tell, Response]] = []
        ends = self._clock() + LONGEST_ROUND
        while self._arrived:
            request, tell = self._arrived.popleft()
            try:
                answered.append((tell, self._handle(request)))
            except Exception as error:  # noqa: BLE001 - a defect is told to the one whose request met it
                tell(error)
            if self._clock() >= ends:
                break
        if self._arrived:
            asyncio.get_running_loop().call_soon(self._round)
        self._store.when_durable(partial(_let_go, answered))


def _let_go(answered: list[tuple[Tell, Response]], error: StoreError | None) -> None:
    for tell, response in answered:
        tell(response if error is None else error)


def _settle(future: asyncio.Future[Response], outcome: Outcome) -> None:
    if future.done():
        return  # nobody waits any more
    if isinstance(outcome, Response):
        future.set_result(outcome)
    else:
        future.set_exception(outcome)
