"""Which Events to write when much happens: pure, with the rules and figures of client-go's event correlator.

Repetitions raise the count of the Event that is there. Many similar ones (same object, type and reason, other messages) are
combined into one. An object that causes more than its share is not heard for a while.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Generic, TypeVar

from midonet_kubernetes.model.kubernetes import Event, EventSource, Metadata, ObjectReference
from midonet_kubernetes.model.names import LONGEST_NAME

SIMILAR = 10  # messages; that many and more are combined
SIMILAR_SECONDS = 600.0  # without a similar one, after which counting begins anew
BURST = 25  # Events of one object at once
REFILL_SECONDS = 300.0  # for one more
REMEMBERED = 4096  # things of each sort
COMBINED = "(combined from similar events): "

V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Happening:
    """What is worth an Event.

    Args:
        about: the object.
        reason: one word for machines.
        message: a sentence for people.
        type: "Normal" or "Warning".
    """

    about: ObjectReference
    reason: str
    message: str
    type: str = "Normal"


@dataclass(frozen=True, slots=True)
class Written:
    """What to write.

    Args:
        event: as it shall be.
        known: it was written before, with a lower count: patch it.
    """

    event: Event
    known: bool


@dataclass(slots=True)
class _Similar:
    last: float
    messages: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Bucket:
    tokens: float
    filled_at: float


class _Remembered(Generic[V]):
    """The things used last."""

    def __init__(self) -> None:
        self._things: OrderedDict[Hashable, V] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], V]) -> V:
        """The thing under ``key``; made when there is none."""
        thing = self._things.pop(key, None)
        if thing is None:
            thing = make()
            if len(self._things) >= REMEMBERED:
                self._things.popitem(last=False)
        self._things[key] = thing
        return thing

    def put(self, key: Hashable, thing: V) -> None:
        """Replace the thing under ``key``."""
        self._things[key] = thing


class Correlator:
    """Events of one component.

    Args:
        source: who says them.
    """

    def __init__(self, source: EventSource) -> None:
        self._source = source
        self._similar: _Remembered[_Similar] = _Remembered()
        self._events: _Remembered[Event] = _Remembered()
        self._buckets: _Remembered[_Bucket] = _Remembered()
        self._last_suffix = 0

    def correlate(self, happening: Happening, now: float) -> Written | None:
        """The Event to write, if any.

        Args:
            happening: what happened.
            now: seconds since 1970.
        """
        message, key = self._combine(happening, now)
        before = self._events.get(key, Event)
        event = self._new(happening, message, now)
        if before.metadata.name:
            event = Event(
                metadata=before.metadata,
                involved_object=happening.about,
                reason=happening.reason,
                message=message,
                type=happening.type,
                source=self._source,
                first_timestamp=before.first_timestamp,
                last_timestamp=event.last_timestamp,
                count=before.count + 1,
            )
        self._events.put(key, event)
        return Written(event, bool(before.metadata.name)) if self._allowed(happening.about, now) else None

    def _combine(self, happening: Happening, now: float) -> tuple[str, Hashable]:
        """The message to write and what makes an Event the same as an earlier one."""
        group = (happening.about, happening.type, happening.reason)
        similar = self._similar.get(group, lambda: _Similar(now))
        if now - similar.last > SIMILAR_SECONDS:
            similar.messages.clear()
        similar.last = now
        similar.messages.add(happening.message)
        if len(similar.messages) < SIMILAR:
            return happening.message, (*group, happening.message)
        similar.messages.pop()
        return COMBINED + happening.message, group

    def _allowed(self, about: ObjectReference, now: float) -> bool:
        bucket = self._buckets.get(about, lambda: _Bucket(BURST, now))
        bucket.tokens = min(BURST, bucket.tokens + max(0.0, now - bucket.filled_at) / REFILL_SECONDS)
        bucket.filled_at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True

    def _new(self, happening: Happening, message: str, now: float) -> Event:
        about = happening.about
        self._last_suffix = max(self._last_suffix + 1, int(now * 1e9))
        suffix = f".{self._last_suffix:x}"
        name = about.name[: LONGEST_NAME - len(suffix)].rstrip("-.") + suffix
        written = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Event(
            metadata=Metadata(name=name, namespace=about.namespace or "default"),
            involved_object=about,
            reason=happening.reason,
            message=message,
            type=happening.type,
            source=self._source,
            first_timestamp=written,
            last_timestamp=written,
            count=1,
        )
