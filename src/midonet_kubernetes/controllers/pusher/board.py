"""Which Translations have work to do, and in what order they may: fed by the watch, no requests here.

Only what is not settled is remembered here; a Translation whose objects are all in MidoNet as wanted costs its claims.
"""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from midonet_kubernetes.controllers.packed import unpack
from midonet_kubernetes.controllers.pusher.claims import Claims
from midonet_kubernetes.controllers.pusher.wanted import Wanted, identity_of
from midonet_kubernetes.controllers.shown import Shown
from midonet_kubernetes.controllers.shown_translations import ShownTranslations
from midonet_kubernetes.kubernetes_api.queue import Priority, Queue
from midonet_kubernetes.model.translation import PushedResource, Translation

_TAKING_ALONG = frozenset({"Bridge", "Router", "Port", "Chain"})
_MOMENT = 2.0  # seconds


@dataclass(slots=True, eq=False)
class Work:
    """A Translation that is not settled.

    Args:
        key: of the Translation.
        shown: as last seen; as it was before it vanished, if ``gone``.
        translation: the whole of it, None if it has to be asked for.
        since: when the change began that is to be pushed, by the loop's clock.
        there: what is known to be in MidoNet of it, by identity.
        former: what it wanted before, by identity.
        retired: identities of what was deleted since the work began.
        compare: nothing is known of the rest: compare with MidoNet's lists before pushing.
        gone: the object vanished without our finalizer's leave.
        finished: it was deleted from MidoNet and its finalizer taken off; only its end is awaited.
        pushes: changes made in MidoNet since the work began.
        complaint: what was last told about it, so that it is not told again.
        parked_at: since when it waits for others, without progress; None if it does not.
    """

    key: str
    shown: Shown
    translation: Translation | None
    since: float
    there: dict[str, PushedResource] = field(default_factory=dict)
    former: dict[str, PushedResource] = field(default_factory=dict)
    retired: set[str] = field(default_factory=set)
    compare: bool = False
    gone: bool = False
    finished: bool = False
    pushes: int = 0
    complaint: str = ""
    parked_at: float | None = None

    @property
    def ending(self) -> bool:
        """It is to be deleted from MidoNet."""
        return self.gone or self.shown.deleting


class Board:
    """All unsettled Translations.

    Args:
        queue: gets the keys that have something to do.
        translations: as last shown.
    """

    def __init__(self, queue: Queue[str], translations: ShownTranslations) -> None:
        self.claims = Claims()
        self.works: dict[str, Work] = {}
        self._queue, self._translations = queue, translations
        self._unpushed: dict[str, set[str]] = defaultdict(set)  # by family
        self._crowded: dict[str, set[str]] = defaultdict(set)  # by family: new members that need room which old ones take

    def forget_all(self) -> None:
        """Begin anew: somebody else may have pushed since."""
        self.claims = Claims()
        self.works.clear()
        self._unpushed.clear()
        self._crowded.clear()

    def start(self, shown: Shown, *, believed: bool, older: bool) -> None:
        """A Translation that is there when we begin.

        Args:
            shown: as last seen.
            believed: whether its status is to be believed.
            older: it is older than we are: what it wants may be in MidoNet.
        """
        self._claim(shown.key, None, shown)
        if shown.pushed and believed and not shown.deleting:
            return
        work = self._open(shown, None)
        work.compare = older and not shown.deleting
        self._plan(work, Priority.LOW)

    def change(self, key: str, before: Shown | None, now: Shown | None, full: Translation | None) -> None:
        """A Translation was shown.

        Args:
            key: of it.
            before: as it was shown before.
            now: as it is, None when it is gone.
            full: the whole of it as it is.
        """
        if before is not None and now is not None and _same_wish(before, now):
            if key in self.works:
                self.works[key].shown = now
            return
        if before is not None and (now is None or before.uid != now.uid):
            self._vanish(before)
            before = None
        if now is None:
            return
        self._claim(key, before, now)
        work = self.works.get(key)
        if work is None:
            work = self._open(now, full)
            if before is not None:
                work.there = _by_identity(before.entries)
        elif before is not None:
            work.former.update(_by_identity(before.entries))
        work.shown, work.translation, work.gone = now, full, False
        self._plan(work, Priority.NORMAL)

    def settle(self, work: Work) -> None:
        """MidoNet holds what the Translation wants, or nothing of it any more."""
        self.works.pop(work.key, None)
        self._translations.origin(work.key, 0.0)
        self._wake(self._leave_family(work))

    def give(self, work: Work, wanted: Wanted) -> None:
        """An object is in MidoNet as wanted."""
        work.there[wanted.identity] = wanted.pushed()
        work.retired.discard(wanted.identity)
        if wanted.gives:
            self._wake(self.claims.give(wanted.gives))

    def take(self, work: Work, identity: str) -> None:
        """An object is no longer in MidoNet."""
        work.there.pop(identity, None)
        work.retired.add(identity)

    def missing(self, work: Work, wanted: Wanted) -> str:
        """What ``wanted`` has to wait for, "" for nothing; then its key will be queued when that is there."""
        token = self.claims.missing(wanted.needs, work.key)
        if token:
            self.claims.wait(work.key, token)
        return token

    def unknown(self, wanted: Wanted) -> str:
        """Something that ``wanted`` needs and that no Translation wants so far, "" for nothing."""
        return next((token for identity, token in wanted.leans_on if self.is_free(identity)), "")

    def wait_for_any(self, work: Work, wanted: Wanted) -> None:
        """Something that ``wanted`` needs is not there, and nobody said that it would make it: queue the key if somebody does."""
        for token in wanted.needs:
            self.claims.wait(work.key, token)

    def siblings(self, work: Work) -> bool:
        """Whether others are to be pushed before ``work`` may go; then its key will be queued when they are.

        Others of its family; for a global one that is all, since anything may lean on it.
        """
        family = work.shown.family
        if family in self._crowded:
            return False
        waits_for = next(iter(self._unpushed), "") if work.shown.is_global else family
        if not self._unpushed.get(waits_for):
            return False
        self.claims.wait(work.key, f"family {waits_for}")
        return True

    def make_room(self, work: Work) -> None:
        """What ``work`` wants collides with an object of an older one: those of its family that are to go no longer wait.

        The key of ``work`` is queued whenever one of them is gone.
        """
        family = work.shown.family
        self._crowded[family].add(work.key)
        self._wake(self.claims.give(f"family {family}"))

    def left(self, work: Work) -> None:
        """Nothing of ``work`` is in MidoNet any more."""
        self._wake(self._crowded.get(work.shown.family, ()))

    def is_free(self, identity: str) -> bool:
        """Whether nobody wants an object."""
        return not self.claims.winner(identity)

    def lose(self, work: Work, deleted: PushedResource) -> None:
        """MidoNet deleted an object of ``work`` for us, and with it what it took along: others look at theirs again.

        They do so a moment later: if their owner is being deleted too, there is nothing to look at by then.
        """
        if deleted.kind not in _TAKING_ALONG:
            return
        for shown in self._translations.related(work.shown, deleted):
            other = self.works.get(shown.key) or self._open(shown, None)
            if not other.ending:
                other.there.clear()
                self._owe(other)
                self._queue.add_after(shown.key, _MOMENT)

    def unpushed(self) -> Counter[str]:
        """How many objects of each kind are not in MidoNet as wanted, or not known to be."""
        return Counter(
            entry.kind
            for work in self.works.values()
            if not work.ending
            for name, entry in _claimed(work.shown).items()
            if name not in work.there or work.there[name].digest != entry.digest
        )

    def doubt(self, shown: Shown, translation: Translation, wrong: Iterable[PushedResource], missing: Iterable[str]) -> None:
        """MidoNet does not hold all of a settled Translation: push it again.

        Args:
            shown: as last seen.
            translation: the whole of it.
            wrong: what MidoNet has otherwise; without digests.
            missing: identities of what it has not.
        """
        if shown.key not in self.works:
            work = self._open(shown, translation)
            work.there = _by_identity(shown.entries) | {identity_of(entry): entry for entry in wrong}
            for identity in missing:
                work.there.pop(identity, None)
            self._plan(work, Priority.NORMAL)

    def remember_former(self, work: Work) -> None:
        """What earlier wishes named and MidoNet may still hold is to be deleted, unless that was done already."""
        if not work.shown.left and not work.former:
            return
        wanted = {} if work.ending else _claimed(work.shown)
        for name, entry in (_by_identity(work.shown.left) | work.former).items():
            if name not in wanted and name not in work.retired:
                work.there.setdefault(name, entry)

    def _open(self, shown: Shown, translation: Translation | None) -> Work:
        now = asyncio.get_running_loop().time()
        work = self.works[shown.key] = Work(shown.key, shown, translation, self._translations.origin(shown.key, now))
        return work

    def _plan(self, work: Work, priority: Priority) -> None:
        if work.ending:
            work.former.update(_by_identity(work.shown.entries))
            self._wake(self._leave_family(work))
        else:
            self._owe(work)
        self._queue.add(work.key, priority)

    def _vanish(self, before: Shown) -> None:
        """The object is gone; unless we let it go, MidoNet may still hold what it wanted."""
        self._claim(before.key, before, None)
        work = self.works.get(before.key)
        if work is not None and work.finished:
            self.settle(work)
            return
        if work is None:
            work = self._open(before, None)
            work.there = _by_identity(before.entries)
        work.gone = True
        self._plan(work, Priority.NORMAL)

    def _claim(self, key: str, before: Shown | None, now: Shown | None) -> None:
        """Let go what is no longer wanted, claim what is; who gets an object back by that looks at it again."""
        old = _claimed(before)
        new = _claimed(now)
        for identity, entry in old.items():
            if identity in new:
                continue
            winner = self.claims.release(key, identity)
            self._wake(self.claims.withdraw(key, _token(entry)))
            if winner:
                self._look_again(winner, identity)
        for identity in new:
            self.claims.claim(key, identity)

    def _look_again(self, key: str, identity: str) -> None:
        work, shown = self.works.get(key), self._translations.get(key)
        if work is None and shown is not None:
            work = self._open(shown, None)
            work.there = _by_identity(shown.entries)
        if work is not None:
            work.there.pop(identity, None)
            self._plan(work, Priority.NORMAL)

    def _owe(self, work: Work) -> None:
        if work.shown.family:
            self._unpushed[work.shown.family].add(work.key)
        for entry in unpack(work.shown.entries):
            there = work.there.get(identity_of(entry))
            if there is None or there.digest != entry.digest:
                self.claims.owe(work.key, _token(entry))

    def _leave_family(self, work: Work) -> list[str]:
        family = work.shown.family
        members = self._unpushed.get(family)
        if members is None:
            return []
        members.discard(work.key)
        if members:
            return []
        del self._unpushed[family]
        self._crowded.pop(family, None)
        return self.claims.give(f"family {family}")

    def _wake(self, keys: Iterable[str]) -> None:
        for key in keys:
            self._queue.add(key)


def _by_identity(entries: bytes) -> dict[str, PushedResource]:
    return {identity_of(entry): entry for entry in unpack(entries)}


def _same_wish(before: Shown, now: Shown) -> bool:
    return (before.uid, before.generation, before.deleting, before.entries) == (
        now.uid,
        now.generation,
        now.deleting,
        now.entries,
    )


def _claimed(shown: Shown | None) -> dict[str, PushedResource]:
    if shown is None or shown.deleting:
        return {}
    return _by_identity(shown.entries)


def _token(entry: PushedResource) -> str:
    """As ``Wanted.gives``."""
    if entry.kind == "TunnelZoneHost":
        return f"host/{entry.id}"
    return "" if entry.kind in {"PortLink", "HostInterfacePort", "MACPort", "IPv4MACPair"} else entry.id
