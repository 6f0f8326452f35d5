"""A process that dies at a chosen write: before it is sent, or after it was made and before its answer came."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from midonet_kubernetes.controllers.program import Controllers, Options
from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.exchange import Request, Response, StreamedResponse, Transport
from midonet_kubernetes.testing.twins import Twins

_UNCOUNTED = ("/leases", "/events", "/login")


class Life:
    """The writes of a process.

    Args:
        steps: how many it lives; a write is two, its being made and its being answered. None: for ever.
        statuses: whether it lives long enough to write statuses, which follow behind.

    Attributes:
        writes: method and path of each that was made.
        over: set when it died.
    """

    def __init__(self, steps: int | None = None, *, statuses: bool = True) -> None:
        self.statuses = statuses
        self.writes: list[tuple[str, str]] = []
        self.over = asyncio.Event()
        self._steps = steps

    def step(self) -> None:
        """Live on, or die.

        Raises:
            Unreachable: the process is dead; nothing that it does reaches anybody.
        """
        if self._steps is not None:
            self._steps -= 1
            if self._steps < 0:
                self.over.set()
        if self.over.is_set():
            raise Unreachable("the process is dead")


class MortalTransport:
    """A transport of a process that dies.

    Args:
        inner: carries the requests.
        life: of the process.
    """

    def __init__(self, inner: Transport, life: Life) -> None:
        self._inner, self._life = inner, life

    async def send(self, request: Request) -> Response:
        """Send, if the process lives; Leases and Events are no steps of its life."""
        if request.method == "GET" or any(part in request.path for part in _UNCOUNTED):
            if self._life.over.is_set():
                raise Unreachable("the process is dead")
            return await self._inner.send(request)
        if request.path.endswith("/status") and not self._life.statuses:
            raise Unreachable("it takes too long")
        self._life.step()
        response = await self._inner.send(request)
        self._life.writes.append((request.method, request.path))
        self._life.step()
        return response

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[StreamedResponse]:
        """A stream, as it is."""
        async with self._inner.stream(request) as streamed:
            yield streamed

    async def close(self) -> None:
        """Close the inner transport."""
        await self._inner.close()


@asynccontextmanager
async def running(
    twins: Twins,
    life: Life | None = None,
    options: Options | None = None,
    *,
    kubernetes: Transport | None = None,
    midonet: Transport | None = None,
) -> AsyncIterator[Controllers]:
    """The program at work; leaving kills it without a goodbye. All have one identity, so that none waits for a Lease."""
    life = life or Life()
    program = twins.controllers(
        options,
        kubernetes=MortalTransport(kubernetes or twins.kubernetes_transport(), life),
        midonet=MortalTransport(midonet or twins.midonet_transport(), life),
        identity="the one",
    )
    task = asyncio.create_task(program.run())
    try:
        yield program
    finally:
        life.over.set()
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()
