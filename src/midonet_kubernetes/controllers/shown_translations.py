"""All Translations as the watch has shown them: the index by which no list of Translations is ever needed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import cast

from midonet_kubernetes.controllers.packed import kinds, pack_id
from midonet_kubernetes.controllers.shown import Shown, show
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.informer import Informer
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.kubernetes_api.store import Store
from midonet_kubernetes.model.names import version_in
from midonet_kubernetes.model.translation import PushedResource, Translation

_OWNER = "owner"

Listener = Callable[[str, Shown | None, Shown | None, Translation | None], None]
"""Called with key, what was shown before, what is now, and the whole Translation as it is now."""


class _ByOwnKey(Store[Translation]):
    """A store whose keys are the ones that its objects hold, so that each is in memory once."""

    def put(self, key: str, object_: Translation) -> Translation | None:
        """Keep an object."""
        own = cast("Shown", object_).key
        assert own == key
        return super().put(own, object_)


class ShownTranslations:
    """All Translations as last seen, and word of every change.

    Args:
        client: of the API server.
    """

    def __init__(self, client: Client) -> None:
        self._full: dict[str, Translation] = {}
        self._written: Store[Shown] = Store({_OWNER: _owners})  # answers to our own writes that the watch has not shown yet
        self._origins: dict[str, float] = {}  # when the objects changed because of which we wrote, until it is asked for
        self.wanted: Counter[str] = Counter()  # objects that Translations want, by kind
        self._listeners: list[Listener] = []
        self._meddled: list[Callable[[Shown], None]] = []
        self._owned: dict[str, tuple[str, ...]] = {}  # by owner; some 100,000 owners have three Translations each
        self.informer = Informer(client, TRANSLATION, trim=self._trim, streamed=True)
        self.informer.store = _ByOwnKey()
        self.informer.add_handler(self._changed)

    def listen(self, listener: Listener) -> None:
        """Be told of every change; to be called before the informer runs."""
        self._listeners.append(listener)

    def listen_to_others(self, listener: Callable[[Shown], None]) -> None:
        """Be told of Translations that somebody else changed, and of those that are gone; to be called as above."""
        self._meddled.append(listener)

    def get(self, key: str) -> Shown | None:
        """The Translation as last seen, our own writes included."""
        seen = cast("Shown | None", self.informer.get(key))
        written = self._written.get(key)
        return written if written is not None and not _newer(seen, written) else seen

    def all(self) -> list[Shown]:
        """All that the watch has shown."""
        return list(cast("Iterable[Shown]", self.informer.store.values()))

    def of_owner(self, owner: str) -> list[Shown]:
        """The Translations of an owner that are not being deleted yet.

        Args:
            owner: its uid, ``Endpoints/NAMESPACE/NAME``, or ``GLOBAL_LABEL``.
        """
        keys = set(self._owned.get(owner, ()))
        keys |= {shown.key for shown in self._written.by_index(_OWNER, owner)}
        found = [shown for key in sorted(keys) if (shown := self.get(key)) is not None]
        return [shown for shown in found if not shown.deleting and owner in _owners(shown)]

    def related(self, shown: Shown, entry: PushedResource) -> list[Shown]:
        """Translations that may lose objects when MidoNet deletes one of another's, since it deletes along (rest-api 5).

        Those of the same owner and version (another version has other ids for everything); and when it is a bridge or a
        router, all that have something under it.
        """
        version = version_in(shown.key)
        siblings = self.of_owner(shown.owner) if shown.reference else []
        found = {one.key: one for one in siblings if version_in(one.key) == version}
        if entry.kind in {"Bridge", "Router"}:
            mark = pack_id(entry.id)
            found |= {one.key: one for one in self.all() if mark in one.entries}
        found.pop(shown.key, None)
        return [one for one in found.values() if not one.deleting]

    def origin(self, key: str, otherwise: float) -> float:
        """When the object changed because of which we wrote a Translation, by the loop's clock; asked once."""
        return self._origins.pop(key, otherwise)

    def wrote(self, translation: Translation, since: float) -> None:
        """Remember the answer to a write of ours, so that it is not repeated before the watch shows it.

        Args:
            translation: as answered.
            since: when the object changed because of which we wrote, by the loop's clock.
        """
        if self._listeners:
            self._origins[translation.metadata.key] = since
        key = translation.metadata.key
        seen = cast("Shown | None", self.informer.get(key))
        shown = show(translation, self._written.get(key) or seen)
        if not _newer(seen, shown):
            self._written.put(key, shown)

    def _trim(self, translation: Translation) -> Translation:
        key = translation.metadata.key
        shown = show(translation, self._written.get(key) or cast("Shown | None", self.informer.get(key)))
        self._full[key] = translation
        return cast("Translation", shown)

    def _count(self, before: Shown | None, now: Shown | None) -> None:
        if before is None or now is None or before.entries != now.entries or before.deleting != now.deleting:
            for kind in _kinds(before):
                self.wanted[kind] -= 1
            for kind in _kinds(now):
                self.wanted[kind] += 1

    def _file(self, before: Shown | None, now: Shown | None) -> None:
        old, new = _owners(before) if before else [], _owners(now) if now else []
        if before is not None and old != new:
            for owner in old:
                left = tuple(key for key in self._owned.get(owner, ()) if key != before.key)
                if left:
                    self._owned[owner] = left
                else:
                    self._owned.pop(owner, None)
        if now is not None and old != new:
            for owner in new:
                self._owned[owner] = (*self._owned.get(owner, ()), now.key)

    def _changed(self, key: str, old: Translation | None, new: Translation | None) -> None:
        before, now = cast("Shown | None", old), cast("Shown | None", new)
        full = self._full.pop(key, None)
        if now is None:
            self._origins.pop(key, None)
        written = self._written.get(key)
        if written is not None and (now is None or _newer(now, written)):
            self._written.remove(key)
        self._count(before, now)
        self._file(before, now)
        for listener in self._listeners:
            listener(key, before, now, full)
        meddled_with = before if now is None else now
        ours = now is not None and now.digest in _digests(before, written)
        if meddled_with is not None and not ours and self.informer.synced.is_set():
            for meddled in self._meddled:
                meddled(meddled_with)


def _kinds(shown: Shown | None) -> Iterable[str]:
    return kinds(shown.entries) if shown and not shown.deleting else ()


def _digests(*seen: Shown | None) -> set[bytes]:
    return {one.digest for one in seen if one is not None}


def _owners(shown: Shown) -> list[str]:
    named = [shown.reference] if shown.reference.startswith("Endpoints/") else []
    return [shown.owner, *named] if shown.owner else named


def _newer(one: Shown | None, other: Shown) -> bool:
    """Whether ``one`` is later than, or as late as, ``other``. Versions are numbers since Kubernetes 1.35, and were before."""
    if one is None:
        return False
    if isinstance(one.revision, int) and isinstance(other.revision, int):
        return one.revision >= other.revision
    return one.revision == other.revision
