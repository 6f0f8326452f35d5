"""What the watch has shown of each Translation, in few bytes: enough to tell whether it is as it should be.

The bodies are not kept. Who needs them gets them with the event, or asks the API server.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable
from typing import cast

import msgspec

from midonet_kubernetes.controllers.packed import pack, pack_id, unpack
from midonet_kubernetes.controllers.pusher.wanted import identity_of, read_all
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.informer import Informer
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.model.translation import FINALIZER, OWNER_LABEL, PUSHED, PushedResource, Translation

RETIRED = "midonet.org/retired"
"""Annotation: objects that ``resources`` no longer names and MidoNet may still hold (JSON, like ``status.pushed``).

It is written with the change that drops them, so that they cannot get lost, and means nothing any more once the condition
``Pushed`` is true at the object's generation.
"""

_OWNER = "owner"
_retired = msgspec.json.Decoder(list[PushedResource])

Listener = Callable[[str, "Shown | None", "Shown | None", Translation | None], None]
"""Called with key, what was shown before, what is now, and the whole Translation as it is now."""


class Shown(msgspec.Struct, frozen=True, gc=False):
    """A Translation as last seen.

    Args:
        key: ``namespace/name``.
        resource_version: of what was seen.
        uid: of the Translation.
        generation: of ``resources``.
        owner: uid of the owner as labelled, "" for a global one.
        reference: kind, namespace and name of the owner, with slashes; "" for a global one.
        digest: of all that we write: resources, label, owner references, finalizer.
        entries: the resources, packed, with their digests.
        left: what MidoNet may hold besides, packed: named by ``status.pushed`` or the annotation.
        pushed: the status says that MidoNet holds exactly this.
        deleting: it waits for its finalizers.
    """

    key: str
    resource_version: str
    uid: str
    generation: int
    owner: str
    reference: str
    digest: bytes
    entries: bytes
    left: bytes
    pushed: bool
    deleting: bool

    @property
    def metadata(self) -> Shown:
        """Itself: what an informer reads of a stored object."""
        return self

    @property
    def family(self) -> str:
        """Translations of one family replace each other: those of a Service and of its Endpoints are one."""
        kind, slash, name = self.reference.partition("/")
        return f"{'Service' if kind == 'Endpoints' else kind}{slash}{name}"


def digest_of(translation: Translation) -> bytes:
    """Of all that we write of a Translation."""
    metadata = translation.metadata
    ours = (metadata.labels.get(OWNER_LABEL), metadata.owner_references, FINALIZER in metadata.finalizers, translation.resources)
    return hashlib.sha256(msgspec.msgpack.encode(ours)).digest()[:8]


def show(translation: Translation) -> Shown:
    """What to remember of a Translation."""
    metadata, status = translation.metadata, translation.status
    wanted, _ = read_all(translation.resources)
    entries = pack(entry.pushed() for entry in wanted)
    condition = next((one for one in status.conditions if one.type == PUSHED), None) if status else None
    told = pack(status.pushed) if status else b""
    settled = condition is not None and condition.status == "True" and condition.observed_generation == metadata.generation
    left = b"" if settled and told == entries else told + pack(_annotated(metadata.annotations.get(RETIRED, "")))
    return Shown(
        key=metadata.key,
        resource_version=metadata.resource_version,
        uid=metadata.uid,
        generation=metadata.generation,
        owner=metadata.labels.get(OWNER_LABEL, ""),
        reference=_reference(translation),
        digest=digest_of(translation),
        entries=entries,
        left=left,
        pushed=settled and told == entries,
        deleting=metadata.deletion_timestamp is not None,
    )


def _reference(translation: Translation) -> str:
    owners = translation.metadata.owner_references
    return f"{owners[0].kind}/{translation.metadata.namespace}/{owners[0].name}" if owners else ""


def _annotated(text: str) -> Iterable[PushedResource]:
    try:
        return _retired.decode(text) if text else ()
    except msgspec.DecodeError:  # edited by a person
        return ()


def retired(translation: Translation, before: Shown) -> str:
    """The annotation ``RETIRED`` for a change of what was shown before into ``translation``; "" for none needed."""
    named = {entry.identity for entry in read_all(translation.resources)[0]}
    left = [
        PushedResource(kind=entry.kind, id=entry.id, parent=entry.parent)
        for entry in unpack(before.left + before.entries)
        if identity_of(entry) not in named
    ]
    return msgspec.json.encode(list(dict.fromkeys(left))).decode() if left else ""


class ShownTranslations:
    """All Translations as last seen, and word of every change.

    Args:
        client: of the API server.
    """

    def __init__(self, client: Client) -> None:
        self._full: dict[str, Translation] = {}
        self._written: dict[str, Shown] = {}  # answers to our own writes that the watch has not shown yet
        self.wanted: Counter[str] = Counter()  # objects that Translations want, by kind
        self._listeners: list[Listener] = []
        self._meddled: list[Callable[[Shown], None]] = []
        self.informer = Informer(client, TRANSLATION, trim=self._trim, indexers={_OWNER: _owners_of_kept})
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
            owner: its uid, or ``Endpoints/NAMESPACE/NAME``.
        """
        keys = {shown.key for shown in cast("list[Shown]", self.informer.by_index(_OWNER, owner))}
        keys |= {key for key, shown in self._written.items() if owner in _owners(shown)}
        found = [shown for key in sorted(keys) if (shown := self.get(key)) is not None]
        return [shown for shown in found if not shown.deleting and owner in _owners(shown)]

    def related(self, shown: Shown, entry: PushedResource) -> list[Shown]:
        """Translations that may lose objects when MidoNet deletes one of another's, since it deletes along (rest-api 5).

        Those of the same owner; and when it is a bridge or a router, all that have something under it.
        """
        found = {one.key: one for one in self.of_owner(shown.owner)} if shown.owner else {}
        if entry.kind in {"Bridge", "Router"}:
            mark = pack_id(entry.id)
            found |= {one.key: one for one in self.all() if mark in one.entries}
        found.pop(shown.key, None)
        return [one for one in found.values() if not one.deleting]

    def wrote(self, translation: Translation) -> None:
        """Remember the answer to a write of ours, so that it is not repeated before the watch shows it."""
        shown = show(translation)
        if not _newer(cast("Shown | None", self.informer.get(shown.key)), shown):
            self._written[shown.key] = shown

    def _trim(self, translation: Translation) -> Translation:
        shown = show(translation)
        self._full[shown.key] = translation
        return cast("Translation", shown)

    def _count(self, before: Shown | None, now: Shown | None) -> None:
        if before is None or now is None or before.entries != now.entries or before.deleting != now.deleting:
            self.wanted.subtract(_kinds(before))
            self.wanted.update(_kinds(now))

    def _changed(self, key: str, old: Translation | None, new: Translation | None) -> None:
        before, now = cast("Shown | None", old), cast("Shown | None", new)
        full = self._full.pop(key, None)
        written = self._written.get(key)
        if written is not None and (now is None or _newer(now, written)):
            del self._written[key]
        self._count(before, now)
        for listener in self._listeners:
            listener(key, before, now, full)
        meddled_with = before if now is None else now
        ours = now is not None and now.digest in _digests(before, written)
        if meddled_with is not None and not ours and self.informer.synced.is_set():
            for meddled in self._meddled:
                meddled(meddled_with)


def _kinds(shown: Shown | None) -> Counter[str]:
    return Counter(entry.kind for entry in unpack(shown.entries)) if shown and not shown.deleting else Counter()


def _digests(*seen: Shown | None) -> set[bytes]:
    return {one.digest for one in seen if one is not None}


def _owners(shown: Shown) -> list[str]:
    named = [shown.reference] if shown.reference.startswith("Endpoints/") else []
    return [shown.owner, *named] if shown.owner else named


def _owners_of_kept(kept: Translation) -> list[str]:
    return _owners(cast("Shown", kept))


def _newer(one: Shown | None, other: Shown) -> bool:
    """Whether ``one`` is later than, or as late as, ``other``. Versions are numbers since Kubernetes 1.35, and were before."""
    if one is None:
        return False
    if one.resource_version.isdecimal() and other.resource_version.isdecimal():
        return int(one.resource_version) >= int(other.resource_version)
    return one.resource_version == other.resource_version
