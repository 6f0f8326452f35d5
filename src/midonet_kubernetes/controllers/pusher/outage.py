"""While MidoNet does not answer: everybody waits, one asks."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from midonet_kubernetes.errors import ApiError
from midonet_kubernetes.kubernetes_api.backoff import Backoff

_log = logging.getLogger(__name__)


class Outage:
    """Closes when MidoNet stops answering, and opens when it answers again.

    Args:
        probe: asks MidoNet anything; raises ``ApiError`` while it does not answer.
        longest: seconds between two questions, at most.
    """

    def __init__(self, probe: Callable[[], Awaitable[object]], *, longest: float = 15.0) -> None:
        self._probe, self._longest = probe, longest
        self._open = asyncio.Event()
        self._open.set()
        self._asking: asyncio.Task[None] | None = None
        self.why = ""

    async def wait(self) -> None:
        """Until MidoNet answers, as far as is known."""
        await self._open.wait()

    def begin(self, error: ApiError) -> None:
        """Somebody got no answer."""
        if not self._open.is_set():
            return
        _log.warning("MidoNet does not answer; everything waits until it does: %s", error)
        self.why = str(error)
        self._open.clear()
        self._asking = asyncio.create_task(self._ask())

    async def check(self, error: ApiError) -> bool:
        """Somebody got an answer that may be everybody's: ask, and begin if it is. Whether MidoNet is out of order."""
        try:
            await self._probe()
        except ApiError:
            self.begin(error)
        return bool(self.why)

    async def close(self) -> None:
        """Stop asking."""
        if self._asking is not None:
            self._asking.cancel()
            await asyncio.wait({self._asking})

    async def _ask(self) -> None:
        backoff = Backoff(shortest=0.25, longest=self._longest)
        while True:
            await asyncio.sleep(backoff.next())
            try:
                await self._probe()
            except ApiError as error:
                self.why = str(error)
                continue
            break
        _log.warning("MidoNet answers again")
        self.why = ""
        self._open.set()
