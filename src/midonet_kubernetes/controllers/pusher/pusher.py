"""The loop that makes MidoNet hold what Translations want: many at once, each in its order, the smallest change."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from midonet_kubernetes.controllers.fence import NotLeading
from midonet_kubernetes.controllers.packed import unpack
from midonet_kubernetes.controllers.pusher import stock
from midonet_kubernetes.controllers.pusher.board import Board, Work
from midonet_kubernetes.controllers.pusher.midonet import Editor, NotYet, Occupied
from midonet_kubernetes.controllers.pusher.outage import Outage
from midonet_kubernetes.controllers.pusher.plan import Action, Step, plan, retire
from midonet_kubernetes.controllers.pusher.status import Report, StatusWriter
from midonet_kubernetes.controllers.pusher.survey import Survey
from midonet_kubernetes.controllers.pusher.wanted import Wanted, identity_of, read_all
from midonet_kubernetes.controllers.shown import Shown
from midonet_kubernetes.controllers.shown_translations import ShownTranslations
from midonet_kubernetes.errors import ApiError, MidonetApiError, MidonetKubeError, NotFound, Unreachable
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.events import EventRecorder
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.kubernetes_api.queue import Queue
from midonet_kubernetes.model.kubernetes import ObjectReference
from midonet_kubernetes.model.translation import FINALIZER, GROUP, KIND, PUSHED, VERSION, Translation

WORKERS = 32
PATIENCE = 120.0  # seconds after which a Translation no longer waits for others: what they owe may be there nevertheless
HOPE = 30.0  # seconds after which it no longer waits for what no Translation makes so far: somebody else may have made it
_WARNING = "Warning"

_log = logging.getLogger(__name__)


class _FinalizerStays(MidonetKubeError):
    """The Kubernetes API did not take the finalizer off."""


class Pusher:
    """Pushes while we lead.

    Args:
        translations: what the watch shows.
        kubernetes: the Kubernetes API.
        editor: makes changes in MidoNet.
        survey: reads MidoNet's lists, for what is older than we are.
        outage: who waits while MidoNet does not answer.
        recorder: takes Events.
        fence: called before each write; raises when we may not write (any more).
        busy: whether there is something more important to do than to write statuses.
        pushed: told of each Translation that is in MidoNet now, and of the seconds that this took.
        look_soon: called when something was deleted that anything may refer to: everything is to be verified.
    """

    def __init__(
        self,
        translations: ShownTranslations,
        *,
        kubernetes: Client,
        editor: Editor,
        survey: Survey,
        outage: Outage,
        recorder: EventRecorder,
        fence: Callable[[], None],
        busy: Callable[[], bool],
        pushed: Callable[[str, float], None],
        look_soon: Callable[[], None],
    ) -> None:
        self._translations, self._kubernetes, self._editor = translations, kubernetes, editor
        self._outage, self._recorder = outage, recorder
        self._fence, self._pushed, self._look_soon = fence, pushed, look_soon
        self._survey = survey
        self.queue: Queue[str] = Queue(shortest=0.5, longest=60.0)
        self.board = Board(self.queue, translations)
        self.statuses = StatusWriter(kubernetes, fence, busy)
        self._following = False
        self._uncompared = 0  # Translations that are to be compared before they are pushed, at most

    async def run(self) -> None:
        """Push until cancelled."""
        await self._translations.informer.synced.wait()
        self.board.forget_all()
        older = {shown.key for shown in self._translations.all()}
        try:
            believed = await stock.believable(self._kubernetes, self._editor, self._outage)
            known = self._translations.all()
            for shown in known:
                self.board.start(shown, believed=believed, older=shown.key in older)
            self._following = True
            self._uncompared = sum(work.compare for work in self.board.works.values())
            await stock.bring_bodies(self._kubernetes, self.board, len(known))
            async with asyncio.TaskGroup() as group:
                group.create_task(self.statuses.run())
                for _ in range(WORKERS):
                    group.create_task(self._work())
        finally:
            self._following = False
            await self._survey.forget()

    def changed(self, key: str, before: Shown | None, now: Shown | None, full: Translation | None) -> None:
        """What ``ShownTranslations`` tells."""
        if self._following:
            self.board.change(key, before, now, full)
            if now is None:
                self.statuses.forget(key)

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self._outage.wait()
                work = self.board.works.get(key)
                if work is not None and not work.finished:
                    await self._attempt(work)
            except NotLeading:
                self.queue.add(key)
                await asyncio.sleep(0.1)  # we are about to be cancelled
            except Exception:  # noqa: BLE001 - one odd Translation must not stop the others
                _log.exception("pushing %s failed; it is tried again", key)
                self.queue.retry(key)
            finally:
                self.queue.done(key)

    async def _attempt(self, work: Work) -> None:
        try:
            await (self._delete(work) if work.ending else self._push(work))
        except Unreachable as error:
            self._outage.begin(error)
            self.queue.retry(work.key)
        except NotYet as error:
            self._later(work, "Waiting", str(error))
        except MidonetApiError as error:
            if (error.status == 401 or error.status >= 500) and await self._outage.check(error):
                self.queue.add(work.key)
                return
            reason = "TranslationDeletionError" if work.ending else "TranslationUpdateError"
            self._complain(work, reason, str(error))
            self._later(work, "Failed", str(error))
        except _FinalizerStays as error:
            self._complain(work, "TranslationDeletionFinalizerError", str(error))
            self.queue.retry(work.key)

    async def _push(self, work: Work) -> None:
        shown, translation = work.shown, work.translation
        if translation is None:
            translation = await self._fetch(work)
            if translation is None:
                return
        listed, wrong = read_all(translation.resources)
        wanted = [entry for entry in listed if self.board.claims.winner(entry.identity) == work.key]
        if work.compare:
            await self._compare(work, wanted)
        self.board.remember_former(work)
        for step in plan(wanted, work.there, self.board.is_free):
            if work.shown is not shown and work.shown.generation != shown.generation:
                self.queue.add(work.key)  # it changed meanwhile
                return
            if step.wanted is not None and self._must_wait(work, step.wanted):
                return
            await self._take(work, step)
        if work.shown.generation == shown.generation:
            self._settled(work, "; ".join(wrong))
        else:
            self.queue.add(work.key)

    async def _fetch(self, work: Work) -> Translation | None:
        """The whole Translation, of which the watch's copy was not kept; None if what it shows is to be awaited."""
        namespace, _, name = work.key.partition("/")
        try:
            translation = await self._kubernetes.get(TRANSLATION, name, namespace=namespace)
        except NotFound:
            return None
        except ApiError as error:
            self._later(work, "Waiting", f"the Translation could not be read: {error}")
            return None
        if translation.metadata.generation != work.shown.generation:
            return None
        work.translation = translation
        return translation

    async def _compare(self, work: Work, wanted: list[Wanted]) -> None:
        for entry in wanted:
            found = await self._survey.look(entry)
            if found is not None:
                work.there[entry.identity] = found
                if found.digest:
                    self.board.give(work, entry)
        work.compare = False
        self._uncompared -= 1
        if not self._uncompared:
            await self._survey.forget()

    def _must_wait(self, work: Work, wanted: Wanted) -> bool:
        token = self.board.missing(work, wanted)
        if token and self._park(work):
            self._later(work, "Waiting", f"{wanted.kind.name} {wanted.id} waits for {token}, which another Translation makes")
            return True
        unknown = self.board.unknown(wanted)
        if unknown and self._park(work, HOPE):
            self.board.wait_for_any(work, wanted)
            self._later(work, "Waiting", f"{wanted.kind.name} {wanted.id} waits for {unknown}, which no Translation makes so far")
            return True
        return False

    def _park(self, work: Work, patience: float = PATIENCE) -> bool:
        """Wait for others; False when that has lasted too long."""
        now = asyncio.get_running_loop().time()
        work.parked_at = work.parked_at or now
        return now - work.parked_at < patience

    async def _take(self, work: Work, step: Step) -> None:
        name = step.wanted.identity if step.wanted else identity_of(step.old) if step.old else ""
        try:
            await self._editor.take(step)
        except MidonetApiError as error:
            if step.action in {Action.CREATE, Action.RECREATE}:
                work.there.pop(name, None)
            if step.wanted is not None and isinstance(error, NotYet):
                self.board.wait_for_any(work, step.wanted)
                if isinstance(error, Occupied):
                    self.board.make_room(work)
            raise
        except Unreachable:
            if step.action is not Action.RETIRE:
                work.there.pop(name, None)  # whether it is there is not known
            raise
        work.pushes, work.parked_at = work.pushes + 1, None
        if step.old is not None:
            self.board.lose(work, step.old)
            if not work.shown.reference:
                self._look_soon()
        if step.wanted is not None:
            self.board.give(work, step.wanted)
        else:
            self.board.take(work, name)

    def _settled(self, work: Work, wrong: str) -> None:
        self.queue.forget(work.key)
        if wrong:
            self._complain(work, "TranslationUpdateError", wrong)
        elif work.pushes:
            self._record(work, "TranslationUpdatePushed", "MidoNet holds what it wants")
        if work.pushes:
            self._pushed(work.key, asyncio.get_running_loop().time() - work.since)
        if wrong or not work.shown.pushed or work.pushes:
            pushed = tuple(work.there.values()) if wrong else tuple(unpack(work.shown.entries))
            self.statuses.report(work.key, Report(work.shown.generation, pushed, "Failed" if wrong else PUSHED, wrong))
        self.board.settle(work)

    async def _delete(self, work: Work) -> None:
        if not work.gone and self.board.siblings(work) and self._park(work):
            self.queue.retry(work.key)
            return
        shown, was_there = work.shown, not work.gone
        self.board.remember_former(work)
        for step in retire(list(work.there.values()), self.board.is_free):
            await self._take(work, step)
        self.board.left(work)
        if was_there:
            await self._take_finalizer_off(work)
            self._record(work, "TranslationDeletionPushed", "MidoNet holds nothing of it any more")
        if work.shown.uid != shown.uid:  # another one has taken its name and place
            return
        self.queue.forget(work.key)
        self.statuses.forget(work.key)
        work.finished, work.translation = True, None
        if work.gone:
            self.board.settle(work)

    async def _take_finalizer_off(self, work: Work) -> None:
        namespace, _, name = work.key.partition("/")
        try:
            current = await self._kubernetes.get(TRANSLATION, name, namespace=namespace)
            if current.metadata.uid != work.shown.uid or FINALIZER not in current.metadata.finalizers:
                return
            left = [finalizer for finalizer in current.metadata.finalizers if finalizer != FINALIZER]
            patch = {"metadata": {"finalizers": left, "resourceVersion": current.metadata.resource_version}}
            self._fence()
            await self._kubernetes.patch(TRANSLATION, name, patch, namespace=namespace)
        except NotFound:
            return
        except ApiError as error:
            raise _FinalizerStays(f"the finalizer could not be taken off: {error}") from error

    def _later(self, work: Work, reason: str, message: str) -> None:
        """Try again later. What stays so for long is told in the status."""
        self.queue.retry(work.key)
        if self.queue.failures(work.key) > 2:
            there = tuple(entry for entry in work.there.values() if entry.digest)
            self.statuses.report(work.key, Report(work.shown.generation, there, reason, message))

    def _complain(self, work: Work, reason: str, message: str) -> None:
        if work.complaint != message:
            work.complaint = message
            self._record(work, reason, message, _WARNING)

    def _record(self, work: Work, reason: str, message: str, type_: str = "Normal") -> None:
        namespace, _, name = work.key.partition("/")
        about = ObjectReference(api_version=f"{GROUP}/{VERSION}", kind=KIND, namespace=namespace, name=name, uid=work.shown.uid)
        self._recorder.record(about, reason, message, type=type_)
