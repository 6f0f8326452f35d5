"""Writes Translations into the Kubernetes API: the smallest difference to what the watch has shown."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from midonet_kubernetes.controllers.shown import RETIRED, Shown, digest_of, retired
from midonet_kubernetes.controllers.shown_translations import ShownTranslations
from midonet_kubernetes.errors import AlreadyExists, Conflict, NotFound
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.events import EventRecorder, reference_to
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.model.kubernetes import Endpoints, Node, Pod, Service
from midonet_kubernetes.model.translation import GLOBAL_LABEL, Translation
from midonet_kubernetes.translate.outcome import Outcome

Owner = Node | Pod | Service | Endpoints


@dataclass(frozen=True, slots=True)
class Case:
    """An owner, and what it is to have.

    Args:
        owner: the object; None for global Translations.
        outcome: what it becomes.
        mine: whether a Translation of the owner is this controller's, by its name; others are not touched.
        predecessors: further owners (see ``ShownTranslations.of_owner``) whose Translations these ones replace.
    """

    owner: Owner | None
    outcome: Outcome
    mine: Callable[[str], bool]
    predecessors: tuple[str, ...] = ()


class Writer:
    """Writes what owners are to have.

    Args:
        client: of the Kubernetes API.
        translations: what the watch has shown.
        recorder: takes Events.
        fence: called before each write; raises when we may not write (any more).
        wrote: told the verb of each write.
    """

    def __init__(
        self,
        client: Client,
        translations: ShownTranslations,
        *,
        recorder: EventRecorder,
        fence: Callable[[], None],
        wrote: Callable[[str], None],
    ) -> None:
        self._client, self._translations, self._recorder = client, translations, recorder
        self._fence, self._wrote = fence, wrote

    async def apply(self, case: Case, since: float) -> int:
        """Write what is missing or different, then delete what is stale; how many writes that took.

        Args:
            case: the owner, and what it is to have.
            since: when the owner changed, by the loop's clock.

        Raises:
            ApiError: a write failed; what was written before it stays.
        """
        writes = 0
        for translation in case.outcome.translations:
            writes += await self._put(case, translation, since)
        if case.outcome.keep:
            return writes
        kept = {translation.metadata.key for translation in case.outcome.translations}
        for owner in (case.owner.metadata.uid if case.owner else GLOBAL_LABEL, *case.predecessors):
            for shown in self._translations.of_owner(owner):
                if shown.key not in kept and case.mine(shown.key.partition("/")[2]):
                    writes += await self._delete(case, shown)
        return writes

    async def _put(self, case: Case, translation: Translation, since: float) -> bool:
        key = translation.metadata.key
        shown = self._translations.get(key)
        if shown is None:
            if await self._create(case, translation, since):
                return True
            shown = self._translations.get(key)
        if shown is None or shown.deleting or shown.digest == digest_of(translation):
            return False  # one that is being deleted is made anew when it is gone: its end brings us back here
        await self._change(case, translation, shown, since)
        return True

    async def _create(self, case: Case, translation: Translation, since: float) -> bool:
        """Create it; False if somebody did, and it is known now."""
        self._fence()
        try:
            created = await self._client.create(TRANSLATION, translation)
        except AlreadyExists:
            metadata = translation.metadata
            there = await self._client.get(TRANSLATION, metadata.name, namespace=metadata.namespace)
            self._translations.wrote(there, since)
            return False
        self._translations.wrote(created, since)
        self._say(case, "create", "TranslationCreated", created.metadata.key)
        return True

    async def _change(self, case: Case, translation: Translation, shown: Shown, since: float) -> None:
        metadata = translation.metadata
        patch: dict[str, Any] = {
            "metadata": {
                "labels": metadata.labels,
                "ownerReferences": msgspec.to_builtins(metadata.owner_references),
                "finalizers": metadata.finalizers,
                "annotations": {RETIRED: retired(translation, shown) or None},
            },
            "resources": msgspec.to_builtins(translation.resources),
        }
        self._fence()
        changed = await self._client.patch(TRANSLATION, metadata.name, patch, namespace=metadata.namespace)
        self._translations.wrote(changed, since)
        self._say(case, "patch", "TranslationUpdated", metadata.key)

    async def _delete(self, case: Case, shown: Shown) -> bool:
        namespace, _, name = shown.key.partition("/")
        self._fence()
        try:
            await self._client.delete(TRANSLATION, name, namespace=namespace, uid=shown.uid)
        except (NotFound, Conflict):  # it is gone, or another one has its name, of which the watch will tell
            return False
        self._say(case, "delete", "TranslationDeleted", shown.key)
        return True

    def _say(self, case: Case, verb: str, reason: str, key: str) -> None:
        self._wrote(verb)
        if case.owner is not None:
            self._recorder.record(reference_to(case.owner), reason, f"Translation {key}")
