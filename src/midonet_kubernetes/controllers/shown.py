"""What the watch has shown of each Translation, in few bytes: enough to tell whether it is as it should be.

The bodies are not kept. Who needs them gets them with the event, or asks the API server.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from sys import intern

import msgspec

from midonet_kubernetes.controllers.packed import pack, pack_id, unpack, unpack_id
from midonet_kubernetes.controllers.pusher.wanted import identity_of, is_told, read_all
from midonet_kubernetes.model.translation import FINALIZER, GLOBAL_LABEL, OWNER_LABEL, PUSHED, PushedResource, Translation

RETIRED = "midonet.org/retired"
"""Annotation: objects that ``resources`` no longer names and MidoNet may still hold (JSON, like ``status.pushed``).

It is written with the change that drops them, so that they cannot get lost, and means nothing any more once the condition
``Pushed`` is true at the object's generation.
"""

_DIGEST = 8  # bytes
_retired = msgspec.json.Decoder(list[PushedResource])


class Shown(msgspec.Struct, frozen=True, gc=False):
    """A Translation as last seen.

    Args:
        key: ``namespace/name``.
        revision: the resourceVersion of what was seen, as a number if it is one.
        packed: 8 bytes that are the digest of all that we write (resources, label, owner references, finalizer), then the uid.
        generation: of ``resources``.
        owner: uid of the owner as labelled, ``GLOBAL_LABEL`` for a global one.
        reference: kind, namespace and name of the owner, with slashes; "" for a global one.
        entries: the resources, packed, with their digests.
        left: what MidoNet may hold besides, packed: named by ``status.pushed`` or the annotation.
        pushed: the status says that MidoNet holds exactly this.
        deleting: it waits for its finalizers.
    """

    key: str
    revision: int | str
    packed: bytes
    generation: int
    owner: str
    reference: str
    entries: bytes
    left: bytes
    pushed: bool
    deleting: bool

    @property
    def metadata(self) -> Shown:
        """Itself: what an informer reads of a stored object."""
        return self

    @property
    def resource_version(self) -> str:
        """Of what was seen."""
        return str(self.revision)

    @property
    def uid(self) -> str:
        """Of the Translation."""
        return unpack_id(self.packed[_DIGEST:])

    @property
    def digest(self) -> bytes:
        """Of all that we write."""
        return self.packed[:_DIGEST]

    @property
    def is_global(self) -> bool:
        """It belongs to the cluster, not to an object."""
        return self.owner == GLOBAL_LABEL

    @property
    def family(self) -> str:
        """Translations of one family replace each other: those of a Service and of its Endpoints are one, the global ones too."""
        if self.is_global:
            return GLOBAL_LABEL
        kind, slash, name = self.reference.partition("/")
        return f"{'Service' if kind == 'Endpoints' else kind}{slash}{name}"


def digest_of(translation: Translation) -> bytes:
    """Of all that we write of a Translation."""
    metadata = translation.metadata
    ours = (metadata.labels.get(OWNER_LABEL), metadata.owner_references, FINALIZER in metadata.finalizers, translation.resources)
    return hashlib.sha256(msgspec.msgpack.encode(ours)).digest()[:_DIGEST]


def show(translation: Translation, before: Shown | None = None) -> Shown:
    """What to remember of a Translation.

    Args:
        translation: as it is.
        before: as it was shown before; spares reading the resources again while the generation is the same, and everything
            while the version is: our own writes are shown twice, by their answer and by the watch.
    """
    metadata, status = translation.metadata, translation.status
    revision = int(metadata.resource_version) if metadata.resource_version.isdecimal() else metadata.resource_version
    if before is not None and revision and (before.revision, before.uid) == (revision, metadata.uid):
        return before
    pushed = status.pushed if status else []
    told = pack(pushed)
    if before is not None and metadata.generation and (before.uid, before.generation) == (metadata.uid, metadata.generation):
        entries = before.entries
    elif is_told(translation.resources, pushed):
        entries = told
    else:
        entries = pack(entry.pushed() for entry in read_all(translation.resources)[0])
    condition = next((one for one in status.conditions if one.type == PUSHED), None) if status else None
    settled = condition is not None and condition.status == "True" and condition.observed_generation == metadata.generation
    left = b"" if settled and told == entries else told + pack(_annotated(metadata.annotations.get(RETIRED, "")))
    return Shown(
        key=metadata.key,
        revision=revision,
        packed=digest_of(translation) + pack_id(metadata.uid),
        generation=metadata.generation,
        owner=intern(_owner(metadata.labels)),
        reference=intern(_reference(translation)),
        entries=entries,
        left=left,
        pushed=settled and told == entries,
        deleting=metadata.deletion_timestamp is not None,
    )


def _owner(labels: Mapping[str, str]) -> str:
    return labels.get(OWNER_LABEL) or (GLOBAL_LABEL if GLOBAL_LABEL in labels else "")


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
