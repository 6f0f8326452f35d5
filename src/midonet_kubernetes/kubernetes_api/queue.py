"""A work queue of keys: one entry per key, one worker at a time per key, longer waits for keys that keep failing."""

from __future__ import annotations

import asyncio
import random as _random
from collections import OrderedDict, deque
from collections.abc import Hashable
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum
from typing import Generic, TypeVar

from midonet_kubernetes.kubernetes_api.backoff import Random, delay

K = TypeVar("K", bound=Hashable)


class Priority(IntEnum):
    """What is taken first."""

    NORMAL = 0
    LOW = 1


@dataclass(frozen=True, slots=True)
class _Entry:
    priority: Priority
    since: float


class Queue(Generic[K]):
    """Keys to look at again. ``add`` while a key is queued changes nothing; while it is worked on, it comes once more after.

    Args:
        shortest: seconds to wait after the first failure of a key.
        longest: seconds to wait at most.
        random: the source of jitter.
    """

    def __init__(self, *, shortest: float = 0.05, longest: float = 60.0, random: Random = _random.random) -> None:
        self._shortest, self._longest, self._random = shortest, longest, random
        self._waiting: dict[Priority, OrderedDict[K, float]] = {priority: OrderedDict() for priority in Priority}
        self._working: set[K] = set()
        self._again: dict[K, _Entry] = {}  # added while worked on
        self._failures: dict[K, int] = {}
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._takers: deque[asyncio.Future[None]] = deque()

    @property
    def depth(self) -> int:
        """Keys that wait for a worker; those worked on and those that wait for their time are not among them."""
        return sum(len(waiting) for waiting in self._waiting.values())

    @property
    def delayed(self) -> int:
        """Keys that wait for their time."""
        return len(self._timers)

    def oldest_age(self) -> float:
        """Seconds that the key which waits longest for a worker has waited; 0 when none waits."""
        heads = [next(iter(waiting.values())) for waiting in self._waiting.values() if waiting]
        return self._now() - min(heads) if heads else 0.0

    def add(self, key: K, priority: Priority = Priority.NORMAL) -> None:
        """Have the key looked at. A waiting key of low priority rises to a normal one, never the other way round."""
        if key in self._working:
            before = self._again.get(key)
            if before is None or priority < before.priority:
                self._again[key] = _Entry(priority, before.since if before else self._now())
        else:
            self._enqueue(key, _Entry(priority, self._now()))

    def add_after(self, key: K, seconds: float, priority: Priority = Priority.NORMAL) -> None:
        """Have the key looked at in ``seconds``, or earlier if that was already agreed."""
        if seconds <= 0:
            self.add(key, priority)
            return
        loop = asyncio.get_running_loop()
        timer = self._timers.get(key)
        if timer is not None:
            if timer.when() <= loop.time() + seconds:
                return
            timer.cancel()
        self._timers[key] = loop.call_later(seconds, self._due, key, priority)

    def retry(self, key: K, priority: Priority = Priority.NORMAL, *, at_least: float = 0.0) -> float:
        """Have a key that failed looked at later, and return in how many seconds: each time in a row about twice as long.

        Args:
            key: that failed.
            priority: of the next attempt.
            at_least: seconds, as asked for by a server.
        """
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        seconds = max(at_least, delay(failures, self._shortest, self._longest, self._random))
        self.add_after(key, seconds, priority)
        return seconds

    def forget(self, key: K) -> None:
        """The key succeeded: its next failure is a first one."""
        self._failures.pop(key, None)

    def failures(self, key: K) -> int:
        """Failures in a row."""
        return self._failures.get(key, 0)

    async def get(self) -> K:
        """The next key. It is ours until ``done``. Others get their turn first, however much there is to take."""
        await asyncio.sleep(0)  # else a worker that never waits for anything would keep even the Lease from being renewed
        while True:
            for waiting in self._waiting.values():
                if waiting:
                    key, _ = waiting.popitem(last=False)
                    self._working.add(key)
                    return key
            await self._something_to_take()

    def done(self, key: K) -> None:
        """The worker has finished with the key, well or not."""
        self._working.discard(key)
        entry = self._again.pop(key, None)
        if entry is not None:
            self._enqueue(key, entry)

    def _enqueue(self, key: K, entry: _Entry) -> None:
        normal, low = self._waiting[Priority.NORMAL], self._waiting[Priority.LOW]
        if key in normal or (key in low and entry.priority is Priority.LOW):
            return
        since = low.pop(key, entry.since)  # a key that rises has waited already
        self._waiting[entry.priority][key] = since
        self._wake_one()

    def _due(self, key: K, priority: Priority) -> None:
        del self._timers[key]
        self.add(key, priority)

    def _wake_one(self) -> None:
        while self._takers:
            taker = self._takers.popleft()
            if not taker.done():
                taker.set_result(None)
                return

    async def _something_to_take(self) -> None:
        taker = asyncio.get_running_loop().create_future()
        self._takers.append(taker)
        try:
            await taker
        except asyncio.CancelledError:
            if taker.cancelled():
                with suppress(ValueError):  # who looked for a taker may have passed over this one already
                    self._takers.remove(taker)
            elif self.depth:  # we were told and will not come: tell the next
                self._wake_one()
            raise

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
