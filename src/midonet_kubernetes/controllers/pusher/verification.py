"""Does MidoNet hold what it is said to? Asked when we begin to lead, and again every few minutes."""

from __future__ import annotations

import asyncio
import logging
import random as _random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from midonet_kubernetes.controllers.pusher.board import Board
from midonet_kubernetes.controllers.pusher.midonet import Editor
from midonet_kubernetes.controllers.pusher.normal import parent_of, same
from midonet_kubernetes.controllers.pusher.outage import Outage
from midonet_kubernetes.controllers.pusher.survey import Survey
from midonet_kubernetes.controllers.pusher.wanted import Wanted, read_all
from midonet_kubernetes.controllers.shown_translations import ShownTranslations
from midonet_kubernetes.errors import ApiError
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.model.translation import PushedResource, Translation

FIRST_SECONDS, EVERY_SECONDS = 60.0, 600.0  # after the start, and between two looks; both give or take a fifth
SOON_SECONDS = 5.0
BETWEEN_REQUESTS = 0.02  # seconds; MidoNet answers some 50 requests a second and has other things to do

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Drift:
    """What a look at MidoNet found.

    Args:
        checked: objects that were compared.
        found: kind and id of each that was missing or different, and is being put right.
    """

    checked: int = 0
    found: list[tuple[str, str]] = field(default_factory=list)


class Verification:
    """Compares MidoNet's lists with what settled Translations want.

    Args:
        translations: what the watch shows.
        kubernetes: the Kubernetes API; the bodies come from there, in pages.
        board: gets what has to be pushed again.
        editor: reads single objects, to be sure.
        survey: makes a new look at MidoNet's lists.
        outage: when MidoNet does not answer.
        verified: told what each look found.
    """

    def __init__(
        self,
        translations: ShownTranslations,
        *,
        kubernetes: Client,
        board: Board,
        editor: Editor,
        survey: Callable[[Callable[[], Awaitable[None]]], Survey],
        outage: Outage,
        verified: Callable[[Drift], None],
    ) -> None:
        self._translations, self._kubernetes, self._board, self._editor = translations, kubernetes, board, editor
        self._survey, self._outage, self._verified = survey, outage, verified
        self._one_at_a_time = asyncio.Lock()
        self._asked = asyncio.Event()

    async def run(self) -> None:
        """Verify now and then until cancelled."""
        seconds = FIRST_SECONDS
        while True:
            await self._until_asked(seconds * (0.8 + 0.4 * _random.random()))  # noqa: S311 - only jitter
            seconds = EVERY_SECONDS
            await self._outage.wait()
            try:
                drift = await self.verify()
            except ApiError as error:
                _log.info("MidoNet could not be compared with what is wanted; that is done later: %s", error)
                continue
            except Exception:  # noqa: BLE001 - an odd answer must not stop the program
                _log.exception("MidoNet could not be compared with what is wanted; that is done later")
                continue
            if drift.found:
                _log.warning("%d of %d MidoNet objects were not as wanted and are put right", len(drift.found), drift.checked)

    def soon(self) -> None:
        """Look in a few seconds."""
        self._asked.set()

    async def _until_asked(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._asked.wait()
            await asyncio.sleep(SOON_SECONDS)
        except TimeoutError:
            pass
        self._asked.clear()

    async def verify(self) -> Drift:
        """One look at everything.

        Raises:
            ApiError: one of the APIs could not be read to the end; what was found before is being put right.
        """
        drift = Drift()
        async with self._one_at_a_time:
            survey = self._survey(_pause)
            try:
                async for page in self._kubernetes.pages(TRANSLATION):
                    for translation in page.objects:
                        await self._check(translation, survey, drift)
            finally:
                await survey.forget()
        self._verified(drift)
        return drift

    async def _check(self, translation: Translation, survey: Survey, drift: Drift) -> None:
        key, wrong, missing = translation.metadata.key, list[PushedResource](), list[str]()
        if not self._is_settled(translation):
            return
        for wanted in read_all(translation.resources)[0]:
            if self._board.claims.winner(wanted.identity) != key:
                continue
            drift.checked += 1
            found = await survey.look(wanted)
            if found is not None and found.digest:
                continue
            found = await self._look_closely(wanted)  # the list may be older than the last push
            if found is None:
                missing.append(wanted.identity)
            elif not found.digest:
                wrong.append(found)
            else:
                continue
            if self._is_settled(translation):
                drift.found.append((wanted.kind.name, wanted.id))
        shown = self._translations.get(key)
        if (wrong or missing) and shown is not None and self._is_settled(translation):
            self._board.doubt(shown, translation, wrong, missing)

    def _is_settled(self, translation: Translation) -> bool:
        shown = self._translations.get(translation.metadata.key)
        return (
            shown is not None
            and not shown.deleting
            and shown.generation == translation.metadata.generation
            and shown.key not in self._board.works
        )

    async def _look_closely(self, wanted: Wanted) -> PushedResource | None:
        actual = await self._editor.read(wanted)
        if actual is None:
            return None
        if same(wanted, actual):
            return wanted.pushed()
        parent = parent_of(wanted.kind.name, actual, wanted.parent)
        return PushedResource(kind=wanted.kind.name, id=wanted.id, parent=parent)


async def _pause() -> None:
    await asyncio.sleep(BETWEEN_REQUESTS)
