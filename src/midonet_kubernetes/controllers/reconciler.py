"""What all kinds share: a queue of keys, and for each key the look at what is and the step to what should be."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from typing import Protocol

from midonet_kubernetes.controllers.fence import NotLeading
from midonet_kubernetes.controllers.pace import Pace
from midonet_kubernetes.controllers.writer import Case, Owner, Writer
from midonet_kubernetes.errors import ApiError, Forbidden, Invalid
from midonet_kubernetes.kubernetes_api.client import retry_after
from midonet_kubernetes.kubernetes_api.events import EventRecorder, reference_to
from midonet_kubernetes.kubernetes_api.queue import Priority, Queue
from midonet_kubernetes.translate.outcome import Problem

# By controller. An API server does twice as much with 64 requests in flight as with one; Pods are most of what there is.
WORKERS = {"pod": 36, "node": 8, "service": 8, "endpoints": 8, "global": 4}

_log = logging.getLogger(__name__)


class Subject(Protocol):
    """The objects of one kind."""

    def all_keys(self) -> Iterable[str]:
        """All that there are."""
        ...

    def look(self, key: str) -> Case | None:
        """What one is to become now; None when there is no such object, or nothing may be done for it."""
        ...


class Reconciler:
    """Brings objects of one kind to what they should become, whatever happened to them.

    Args:
        name: of the controller.
        subject: the objects.
        writer: writes it.
        recorder: takes Events.
        done: told the result of each attempt, ``ok`` or ``error``.
    """

    def __init__(
        self,
        name: str,
        subject: Subject,
        *,
        writer: Writer,
        recorder: EventRecorder,
        done: Callable[[str, str], None],
    ) -> None:
        self.name = name
        self.queue: Queue[str] = Queue(shortest=0.1, longest=60.0)
        self.problems: dict[str, tuple[Problem, ...]] = {}
        self._subject, self._writer, self._recorder, self._done = subject, writer, recorder, done
        self._pace = Pace()
        self._since: dict[str, float] = {}  # when the objects that wait changed

    def add(self, key: str) -> None:
        """Look at an object, at once unless it changes without end."""
        now = asyncio.get_running_loop().time()
        self._since.setdefault(key, now)
        self.queue.add_after(key, self._pace.wait(key, now))

    async def run(self) -> None:
        """Begin with all objects, go on with those that change, until cancelled."""
        for key in self._subject.all_keys():
            self.queue.add(key, Priority.LOW)  # what changes now comes first
        async with asyncio.TaskGroup() as group:
            for _ in range(WORKERS[self.name]):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self._reconcile(key)
            except NotLeading:
                self.queue.add(key)
                await asyncio.sleep(0.1)  # we are about to be cancelled
            except ApiError as error:
                self._failed(key, error)
            except Exception:  # noqa: BLE001 - one odd object must not stop the others
                _log.exception("%s %s failed; it is tried again", self.name, key)
                self._failed(key, None)
            else:
                self.queue.forget(key)
                self._done(self.name, "ok")
            finally:
                self.queue.done(key)

    async def _reconcile(self, key: str) -> None:
        now = asyncio.get_running_loop().time()
        since = self._since.pop(key, now)
        case = self._subject.look(key)
        if case is None:
            self.problems.pop(key, None)
            return
        self._tell(key, case)
        try:
            if await self._writer.apply(case, since):
                self._pace.wrote(key, asyncio.get_running_loop().time())
        except (Invalid, Forbidden) as error:
            if case.owner is not None:
                message = f"the Kubernetes API does not take its Translation: {error}"
                self._recorder.record(reference_to(case.owner), "TranslationRefused", message, type="Warning")
            raise

    def _tell(self, key: str, case: Case) -> None:
        """An Event for each problem that is new."""
        before, now = self.problems.get(key, ()), case.outcome.problems
        if now:
            self.problems[key] = now
        else:
            self.problems.pop(key, None)
        for problem in now:
            if problem not in before and case.owner is not None:
                self._recorder.record(reference_to(case.owner), problem.reason, problem.message, type="Warning")

    def _failed(self, key: str, error: ApiError | None) -> None:
        self._done(self.name, "error")
        seconds = self.queue.retry(key, at_least=retry_after(error) if error else 0.0)
        if error is not None:
            _log.info("%s %s is tried again in %.1f s: %s", self.name, key, seconds, error)


def leaves(owner: Owner) -> bool:
    """Whether garbage collection is deleting what belongs to the object before the object itself (foreground deletion)."""
    metadata = owner.metadata
    return metadata.deletion_timestamp is not None and "foregroundDeletion" in metadata.finalizers
