"""Events: what ``kubectl describe`` tells about an object. Recording one never waits and never fails."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import Protocol

from midonet_kubernetes.errors import AlreadyExists, ApiError, KubernetesApiError, NotFound
from midonet_kubernetes.kubernetes_api.backoff import Backoff
from midonet_kubernetes.kubernetes_api.client import Client, retry_after
from midonet_kubernetes.kubernetes_api.event_correlation import Correlator, Happening, Written
from midonet_kubernetes.kubernetes_api.kinds import EVENT
from midonet_kubernetes.model.kubernetes import EventSource, Metadata, ObjectReference

_ATTEMPTS = 5

_log = logging.getLogger(__name__)


class _Referable(Protocol):
    @property
    def api_version(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def metadata(self) -> Metadata: ...


def reference_to(object_: _Referable) -> ObjectReference:
    """How an Event names an object. A Node's ``uid`` is its name, because kubectl looks for that."""
    metadata = object_.metadata
    return ObjectReference(
        api_version=object_.api_version,
        kind=object_.kind,
        namespace=metadata.namespace,
        name=metadata.name,
        uid=metadata.name if object_.kind == "Node" else metadata.uid,
    )


class EventRecorder:
    """Events of one component, written by ``run``.

    Args:
        client: of the API server.
        component: who says them.
        host: on which machine, "" if that does not matter.
        capacity: happenings that may wait; more are dropped.
        clock: seconds since 1970.

    Attributes:
        written: Events created or counted up.
        dropped: happenings without an Event, because too many waited or the server would not take it.
    """

    def __init__(
        self,
        client: Client,
        component: str,
        *,
        host: str = "",
        capacity: int = 1000,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.written = 0
        self.dropped = 0
        self._client, self._clock = client, clock
        self._correlator = Correlator(EventSource(component=component, host=host))
        self._waiting: asyncio.Queue[tuple[Happening, float]] = asyncio.Queue(capacity)

    def record(self, about: ObjectReference, reason: str, message: str, *, type: str = "Normal") -> None:  # noqa: A002 - its name
        """Say that something happened to an object.

        Args:
            about: the object, see ``reference_to``.
            reason: one word for machines.
            message: a sentence for people; without secrets.
            type: "Normal" or "Warning".
        """
        try:
            self._waiting.put_nowait((Happening(about, reason, message, type), self._clock()))
        except asyncio.QueueFull:
            self.dropped += 1

    async def run(self) -> None:
        """Write what is recorded, until cancelled."""
        while True:
            happening, at = await self._waiting.get()
            try:
                written = self._correlator.correlate(happening, at)
                if written is not None:
                    await self._write(written)
            finally:
                self._waiting.task_done()

    async def join(self) -> None:
        """Wait until all that was recorded is written or dropped."""
        await self._waiting.join()

    async def _write(self, written: Written) -> None:
        backoff = Backoff()
        for _ in range(_ATTEMPTS):
            try:
                await self._send(written)
            except ApiError as error:
                if isinstance(error, KubernetesApiError) and error.status < 500 and error.status != 429:
                    _log.warning("an Event on %s was refused: %s", written.event.involved_object.name, error)
                    break
                await asyncio.sleep(max(backoff.next(), retry_after(error)))
            else:
                self.written += 1
                return
        self.dropped += 1

    async def _send(self, written: Written) -> None:
        event = written.event
        if written.known:
            changes = {"count": event.count, "lastTimestamp": event.last_timestamp, "message": event.message}
            try:
                await self._client.patch(EVENT, event.metadata.name, changes, namespace=event.metadata.namespace)
            except NotFound:  # events live for an hour only
                pass
            else:
                return
        with contextlib.suppress(AlreadyExists):  # an earlier attempt whose answer was lost
            await self._client.create(EVENT, event)
