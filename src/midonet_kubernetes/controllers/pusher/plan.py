"""What to do so that MidoNet holds what a Translation wants. Pure: values in, steps out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum, auto

from midonet_kubernetes.controllers.pusher.wanted import Wanted, identity_of
from midonet_kubernetes.model.translation import PushedResource


class Action(Enum):
    """What a step does."""

    CREATE = auto()  # POST
    REPLACE = auto()  # PUT
    RECREATE = auto()  # DELETE and POST: what cannot be replaced, under the id that it must keep
    RETIRE = auto()  # DELETE


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one object.

    Args:
        action: what is done.
        wanted: the object to be there (all but RETIRE).
        old: the object that is there (RECREATE and RETIRE).
    """

    action: Action
    wanted: Wanted | None = None
    old: PushedResource | None = None


def plan(wanted: Sequence[Wanted], there: Mapping[str, PushedResource], is_mine: Callable[[str], bool]) -> list[Step]:
    """The steps, new before old.

    What is not in ``there`` is created, whether MidoNet has it or not: the answer to the POST tells. After an object was
    deleted to be made anew, everything in the list that needs it is created too, since MidoNet deletes along (rest-api 5).

    Args:
        wanted: what is to be there, in the order in which it is pushed.
        there: what is known to be there, by identity. An entry without digest is there, but not as wanted.
        is_mine: whether an identity that is no longer wanted here may be deleted: nobody else wants it.
    """
    steps: list[Step] = []
    made_anew: set[str] = set()
    for entry in wanted:
        old = there.get(entry.identity)
        if old is None or made_anew.intersection(entry.needs):
            steps.append(Step(Action.CREATE, entry))
        elif old.digest == entry.digest:
            continue
        elif entry.kind.replaceable and old.parent == entry.parent:
            steps.append(Step(Action.REPLACE, entry))
        else:
            steps.append(Step(Action.RECREATE, entry, old))
            made_anew.add(entry.gives)
    kept = {entry.identity for entry in wanted}
    steps += retire((old for name, old in there.items() if name not in kept), is_mine)
    return steps


def retire(old: Iterable[PushedResource], is_mine: Callable[[str], bool]) -> list[Step]:
    """The steps that delete ``old``, in its order."""
    return [Step(Action.RETIRE, old=entry) for entry in old if is_mine(identity_of(entry))]
