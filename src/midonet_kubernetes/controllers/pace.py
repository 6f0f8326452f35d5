"""Keeps an object that changes without end from being written without end.

The first few changes in a row go through at once; after that each waits about twice as long as the one before. An object
that has been quiet for a while starts anew.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

FREE = 4  # changes in a row that do not wait
SHORTEST, LONGEST = 0.1, 5.0  # seconds
_REMEMBERED = 4096  # objects


@dataclass(slots=True)
class _Streak:
    last: float
    length: int


class Pace:
    """Remembers what was written lately."""

    def __init__(self) -> None:
        self._streaks: OrderedDict[str, _Streak] = OrderedDict()

    def wrote(self, key: str, now: float) -> None:
        """Something of the object was written.

        Args:
            key: of the object.
            now: seconds, monotonic.
        """
        streak = self._streaks.pop(key, None)
        if streak is None or now - streak.last > 2 * max(_interval(streak.length), SHORTEST):
            streak = _Streak(now, 0)
        self._streaks[key] = _Streak(now, streak.length + 1)
        if len(self._streaks) > _REMEMBERED:
            self._streaks.popitem(last=False)

    def wait(self, key: str, now: float) -> float:
        """Seconds until the object may be written again; 0 at once."""
        streak = self._streaks.get(key)
        return max(0.0, streak.last + _interval(streak.length) - now) if streak else 0.0


def _interval(length: int) -> float:
    """Seconds between the writes of a streak, after ``length`` of them."""
    return min(LONGEST, SHORTEST * 2.0 ** min(length - FREE, 16)) if length >= FREE else 0.0
