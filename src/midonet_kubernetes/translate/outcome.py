"""What translating one object gives."""

from __future__ import annotations

from dataclasses import dataclass

from midonet_kubernetes.model.translation import Translation


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about an object that its owner has to put right; it becomes an Event.

    Args:
        reason: one word in CamelCase, the Event's reason.
        message: what is wrong, what follows from it, and what to do.
    """

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an object becomes now.

    Args:
        translations: to be written, each after those that its resources refer to.
        problems: what could not be translated, and why.
        keep: an error hides what the object wants, so Translations written for it earlier stay, whether they are among
            ``translations`` or not. Otherwise those that are not are stale.
    """

    translations: tuple[Translation, ...] = ()
    problems: tuple[Problem, ...] = ()
    keep: bool = False
