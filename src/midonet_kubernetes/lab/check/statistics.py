"""How even a spread is."""

from __future__ import annotations

import math
from collections.abc import Sequence


def chi_square_p(counts: Sequence[int]) -> float:
    """The probability that an even spread would come out at least as uneven as ``counts`` (Pearson's test).

    Args:
        counts: how often each was chosen, zeros included.

    Returns:
        1.0 for fewer than two choices or no trial at all.
    """
    total, freedom = sum(counts), len(counts) - 1
    if freedom < 1 or total == 0:
        return 1.0
    expected = total / len(counts)
    return _upper_tail(sum((count - expected) ** 2 for count in counts) / expected, freedom)


def _upper_tail(statistic: float, freedom: int) -> float:
    """P(X >= statistic) for a chi-square variable: finite sums for even and odd degrees of freedom (Abramowitz-Stegun 26.4)."""
    half = statistic / 2
    if freedom % 2 == 0:
        term = tail = math.exp(-half)
        first = 1
    else:
        tail = math.erfc(math.sqrt(half))
        term = math.exp(-half) * math.sqrt(half) / math.gamma(1.5)
        tail += term if freedom > 1 else 0.0
        first = 2
    for step in range(first, (freedom + 1) // 2):
        term *= half / (step if freedom % 2 == 0 else step - 0.5)
        tail += term
    return min(1.0, tail)
