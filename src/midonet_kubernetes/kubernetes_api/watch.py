"""One watch: a stream of chunks read as events, line by line (Kubernetes API concepts, "Efficient detection of changes")."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from dataclasses import dataclass
from enum import Enum
from typing import Generic, TypeVar
from urllib.parse import urlencode

import msgspec

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.kubernetes_api.client import Client, selectors
from midonet_kubernetes.kubernetes_api.kinds import Kind, head
from midonet_kubernetes.kubernetes_api.page import BadObject
from midonet_kubernetes.kubernetes_api.status import error_in

T = TypeVar("T")

IDLE_SECONDS = 90.0
"""A stream that is silent for so long is taken for dead: API servers send a bookmark about once a minute."""


class Occurrence(Enum):
    """What a line of a watch can mean to us."""

    CHANGED = "the object is now this"
    DELETED = "the object is gone"
    BAD = "the object changed and cannot be read"
    BOOKMARK = "nothing happened up to this version"
    LISTED = "all objects that there were at this version have been told"
    UNKNOWN = "an event of a type that we do not know"
    GARBLED = "no event at all"


@dataclass(frozen=True, slots=True)
class WatchEvent(Generic[T]):
    """An event.

    Args:
        occurrence: what it means.
        key: the object's key, "" where there is none.
        resource_version: from where a watch may go on; "" when the event does not say.
        object: the object, when it changed.
        bad: what is wrong with the object, when it is bad.
    """

    occurrence: Occurrence
    key: str = ""
    resource_version: str = ""
    object: T | None = None
    bad: BadObject | None = None


class _Envelope(msgspec.Struct):
    type: str
    object: msgspec.Raw = msgspec.Raw(b"{}")


_FROM_THE_START = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan"}
_END = "k8s.io/initial-events-end"  # annotation of the bookmark that ends a list sent as events
_ENVELOPE = msgspec.json.Decoder(_Envelope)


def read_event(kind: Kind[T], line: bytes) -> WatchEvent[T]:
    """An event out of a line.

    Raises:
        KubernetesApiError: it is an ERROR event; ``Gone`` when our version is too old.
    """
    try:
        envelope = _ENVELOPE.decode(line)
    except msgspec.DecodeError:
        return WatchEvent(Occurrence.GARBLED)
    match envelope.type:
        case "ADDED" | "MODIFIED":
            return _read_changed(kind, envelope.object)
        case "DELETED":
            metadata = head(envelope.object)
            return WatchEvent(Occurrence.DELETED, metadata.key, metadata.resource_version)
        case "BOOKMARK":
            metadata = head(envelope.object)
            occurrence = Occurrence.LISTED if metadata.annotations.get(_END) == "true" else Occurrence.BOOKMARK
            return WatchEvent(occurrence, resource_version=metadata.resource_version)
        case "ERROR":
            raise error_in(envelope.object)
        case _:
            return WatchEvent(Occurrence.UNKNOWN)


def _read_changed(kind: Kind[T], document: msgspec.Raw) -> WatchEvent[T]:
    try:
        object_ = kind.decode(document)
        metadata = kind.metadata(object_)
    except msgspec.DecodeError as error:
        metadata = head(document)
        bad = BadObject(kind.kind, metadata.key, str(error))
        return WatchEvent(Occurrence.BAD, metadata.key, metadata.resource_version, bad=bad)
    return WatchEvent(Occurrence.CHANGED, metadata.key, metadata.resource_version, object_)


class Lines:
    """Lines out of chunks, by hand: no limit on their length, and linear in it."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, blank ones left out."""
        first, *rest = chunk.split(b"\n")
        self._pieces.append(first)
        if not rest:
            return []
        complete = [b"".join(self._pieces), *rest[:-1]]
        self._pieces = [rest[-1]]
        return [line for line in complete if line and not line.isspace()]


async def watch(
    client: Client,
    kind: Kind[T],
    resource_version: str,
    *,
    namespace: str | None = None,
    labels: str = "",
    fields: str = "",
    timeout_seconds: int = 300,
    idle_seconds: float = IDLE_SECONDS,
) -> AsyncGenerator[WatchEvent[T], None]:
    """What happens after ``resource_version``, until the server ends the stream.

    Without a version, first all objects that there are, then ``LISTED``, then what happens ("streaming lists").

    Args:
        client: of the API server.
        kind: of the objects.
        resource_version: where to go on, "" to begin with what there is.
        namespace: None for all.
        labels: a label selector.
        fields: a field selector.
        timeout_seconds: after which the server shall end the stream.
        idle_seconds: of silence after which the stream is given up.

    Raises:
        Gone: the version is too old, list again; at the start or at any time later.
        ApiError: anything else, ``Unreachable`` when the stream was cut or silent.
    """
    query = {
        "watch": "true",
        "allowWatchBookmarks": "true",
        **({"resourceVersion": resource_version} if resource_version else _FROM_THE_START),
        "timeoutSeconds": str(timeout_seconds),
        **selectors(labels, fields),
    }
    async with client.stream(f"{kind.path(namespace=namespace)}?{urlencode(query)}") as chunks:
        lines = Lines()
        async with aclosing(_never_silent(chunks, idle_seconds)) as lively:
            async for chunk in lively:
                for line in lines.feed(chunk):
                    yield read_event(kind, line)


async def _never_silent(chunks: AsyncIterator[bytes], seconds: float) -> AsyncGenerator[bytes, None]:
    while True:
        try:
            async with asyncio.timeout(seconds):
                chunk = await anext(chunks)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise Unreachable(f"the watch was silent for {seconds:g} s") from error
        yield chunk
