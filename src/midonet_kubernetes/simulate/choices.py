"""Random choices: all candidates with their probabilities, and how a caller, or the search for all outcomes, takes one.

A simulation that meets a choice takes one candidate and goes on. To see the others it is run again from the start, with
the choices before this one fixed (``Script``); so nothing in the simulation itself has to branch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.simulate.state import Binding

MOST_OUTCOMES = 1024
"""Beyond so many ways to go, further choices follow their first candidate only, which then stands for all."""

Value = Binding | str
"""What is chosen: an address with a port, or the id of a route."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that may be chosen.

    Args:
        value: what is followed.
        last: the end of a range of equally likely addresses and ports for which ``value`` stands; else equal to it.
        probability: of the value or of its range.
    """

    value: Value
    last: Value
    probability: Fraction

    def holds(self, value: Value) -> bool:
        """Whether a value is the candidate, or in its range."""
        first, last = self.value, self.last
        if isinstance(value, Binding) and isinstance(first, Binding) and isinstance(last, Binding):
            return first.address <= value.address <= last.address and first.port <= value.port <= last.port
        return value == first


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice.

    Args:
        what: ``dnat``, ``snat``, ``route`` or ``member``.
        by: id of the rule, router or VIP that chooses.
        candidates: all that may be taken; their probabilities add up to 1.
        taken: what was taken; None while the caller is asked.
    """

    what: str
    by: str
    candidates: tuple[Candidate, ...]
    taken: Value | None = None


Chooser = Callable[[Choice], Value | None]
"""Fixes a choice: one of its candidates (or a value in a candidate's range); None: follow all of them."""


class Script:
    """The choices of one run: the first ones are given, the rest take their first candidate."""

    def __init__(self, given: tuple[int, ...], chooser: Chooser | None) -> None:
        self._given, self._chooser = given, chooser
        self._widths: list[int] = []
        self._indices: list[int] = []
        self._ways = 1
        self.probability = Fraction(1)
        self.choices: list[Choice] = []

    def take(self, what: str, by: str, candidates: tuple[Candidate, ...]) -> Value:
        """Choose.

        Raises:
            UserError: the chooser wants what is no candidate.
        """
        fixed = self._fixed(Choice(what, by, candidates))
        if fixed is not None:
            value = fixed
        elif len(candidates) == 1 or self._ways * len(candidates) > MOST_OUTCOMES:
            value = candidates[0].value
        else:
            value = self._branch(candidates)
        self.choices.append(Choice(what, by, candidates, value))
        return value

    def _fixed(self, choice: Choice) -> Value | None:
        value = self._chooser(choice) if self._chooser is not None else None
        if value is not None and not any(candidate.holds(value) for candidate in choice.candidates):
            raise UserError(f"{value} is no candidate of the {choice.what} by {choice.by}; choose one of {choice.candidates}")
        return value

    def _branch(self, candidates: tuple[Candidate, ...]) -> Value:
        depth = len(self._indices)
        index = self._given[depth] if depth < len(self._given) else 0
        self._ways *= len(candidates)
        self._widths.append(len(candidates))
        self._indices.append(index)
        self.probability *= candidates[index].probability
        return candidates[index].value

    def others(self) -> Iterator[tuple[int, ...]]:
        """The beginnings of all runs that part from this one after the given choices."""
        for depth in range(len(self._given), len(self._widths)):
            for index in range(1, self._widths[depth]):
                yield (*self._indices[:depth], index)


def equally_likely(values: Iterable[Value]) -> tuple[Candidate, ...]:
    """Each of these values with the same probability."""
    taken = tuple(values)
    return tuple(Candidate(value, value, Fraction(1, len(taken))) for value in taken)
