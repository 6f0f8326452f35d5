"""How long to wait after a failure: longer each time, and never in step with others."""

from __future__ import annotations

import random as _random
from collections.abc import Callable

_MOST_DOUBLINGS = 32  # past this every ceiling is the longest delay anyway

Random = Callable[[], float]
"""Gives a number in [0, 1)."""


def delay(failures: int, shortest: float, longest: float, random: Random) -> float:
    """Seconds to wait after ``failures`` failures in a row, the first being 0.

    The ceiling doubles from twice ``shortest`` up to ``longest``; the answer lies in its upper half, so that many clients
    that failed at the same instant do not come back at the same instant.
    """
    ceiling = min(longest, shortest * 2.0 ** (min(failures, _MOST_DOUBLINGS) + 1))
    return ceiling * (1 + random()) / 2


class Backoff:
    """The delays of one activity.

    Args:
        shortest: seconds, the least of the first delay.
        longest: seconds, the most of any delay.
        random: the source of jitter.
    """

    def __init__(self, shortest: float = 0.2, longest: float = 30.0, random: Random = _random.random) -> None:
        self._shortest, self._longest, self._random = shortest, longest, random
        self._failures = 0

    def next(self) -> float:
        """Seconds to wait now, after one more failure."""
        seconds = delay(self._failures, self._shortest, self._longest, self._random)
        self._failures += 1
        return seconds

    def reset(self) -> None:
        """It works again."""
        self._failures = 0
