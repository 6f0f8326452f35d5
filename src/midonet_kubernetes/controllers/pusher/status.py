"""What is written back into Translations: the last pushed set and the condition ``Pushed``.

Statuses follow behind. They are written when there is little else to do, the latest for each Translation only, and
nothing here relies on one having been written.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import msgspec

from midonet_kubernetes.controllers.fence import NotLeading
from midonet_kubernetes.errors import ApiError, Invalid, NotFound
from midonet_kubernetes.kubernetes_api.backoff import Backoff
from midonet_kubernetes.kubernetes_api.client import Client, retry_after
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.model.translation import PUSHED, Condition, PushedResource, TranslationStatus

SETTLE_SECONDS = 1.0  # a status waits so long for a newer one to take its place
BUSY_SECONDS = 120.0  # and so much longer while there is something to create or to push, which a full load takes
WRITERS = 8

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Report:
    """What to say of a Translation.

    Args:
        generation: of the Translation that it is about.
        pushed: what is known to be in MidoNet, what is being retired included.
        reason: ``Pushed``, ``Waiting`` or ``Failed``.
        message: for people.
    """

    generation: int
    pushed: tuple[PushedResource, ...]
    reason: str
    message: str = ""

    def status(self) -> TranslationStatus:
        """As it is written."""
        condition = Condition(
            type=PUSHED,
            status="True" if self.reason == PUSHED else "False",
            reason=self.reason,
            message=self.message,
            observed_generation=self.generation,
            last_transition_time=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        )
        return TranslationStatus(resources_pushed=len(self.pushed), pushed=list(self.pushed), conditions=[condition])


class StatusWriter:
    """Writes the latest report on each Translation, some time.

    Args:
        client: of the Kubernetes API.
        fence: called before each write; raises when we may not write (any more).
        busy: whether there is something more important to do.
    """

    def __init__(self, client: Client, fence: Callable[[], None], busy: Callable[[], bool]) -> None:
        self._client, self._fence, self._busy = client, fence, busy
        self._reports: OrderedDict[str, Report] = OrderedDict()
        self._due: dict[str, float] = {}
        self._something = asyncio.Event()

    def report(self, key: str, report: Report) -> None:
        """Have it written; it takes the place of one that waits."""
        now = asyncio.get_running_loop().time()
        self._due.setdefault(key, now + SETTLE_SECONDS)
        self._reports[key] = report
        self._something.set()

    def forget(self, key: str) -> None:
        """The Translation is gone."""
        self._reports.pop(key, None)
        self._due.pop(key, None)

    @property
    def depth(self) -> int:
        """Reports that wait."""
        return len(self._reports)

    async def run(self) -> None:
        """Write until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(WRITERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        backoff = Backoff()
        while True:
            key = await self._next()
            report = self._reports.pop(key)
            del self._due[key]
            try:
                self._fence()
                await self._write(key, report)
            except NotFound:
                continue
            except Invalid as error:
                _log.warning("the status of %s is not acceptable and is not written: %s", key, error)
            except (ApiError, NotLeading) as error:
                self._reports.setdefault(key, report)
                self._due.setdefault(key, asyncio.get_running_loop().time())
                _log.debug("the status of %s is written later: %s", key, error)
                await asyncio.sleep(max(backoff.next(), retry_after(error) if isinstance(error, ApiError) else 0.0))
            else:
                backoff.reset()

    async def _next(self) -> str:
        loop = asyncio.get_running_loop()
        while True:
            if not self._reports:
                self._something.clear()
                await self._something.wait()
                continue
            key = next(iter(self._reports))
            early = self._due[key] + (BUSY_SECONDS if self._busy() else 0.0) - loop.time()
            if early < 0.001:
                return key
            await asyncio.sleep(min(early, SETTLE_SECONDS))

    async def _write(self, key: str, report: Report) -> None:
        namespace, _, name = key.partition("/")
        patch = {"status": {**_absent(), **msgspec.to_builtins(report.status())}}
        await self._client.patch(TRANSLATION, name, patch, namespace=namespace, subresource="status")


def _absent() -> dict[str, None]:
    """Fields that a Struct leaves out when empty must be removed by name in a merge patch."""
    return dict.fromkeys(("resourcesPushed", "pushed", "conditions"))
