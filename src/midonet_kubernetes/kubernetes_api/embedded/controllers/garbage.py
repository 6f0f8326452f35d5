"""Garbage collection: what belongs to something that is gone goes too; foreground and orphaning deletions come to an end."""

from __future__ import annotations

from collections.abc import Iterable

from midonet_kubernetes.kubernetes_api.embedded import deletion
from midonet_kubernetes.kubernetes_api.embedded.controllers.controller import RegistryController, Subject
from midonet_kubernetes.kubernetes_api.embedded.deletion import FOREGROUND, ORPHAN
from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Key, Stored

_OBJECT, _OWNER = "object", "owner"


class Garbage(RegistryController):
    """Deletes what no living object owns. Both directions are indexed, so each deletion costs its dependents only."""

    def affected(self, change: Change) -> Iterable[Subject]:
        """An object with owners; the owner that waits for it; the dependents of one that is gone."""
        now = change.now
        if change.type == "DELETED":
            yield from ((_OBJECT, *dependent.key) for dependent in self.store.dependents(now.uid))
        elif now.owners:
            yield (_OBJECT, *now.key)
        yield from ((_OWNER, uid) for uid in (now.uid, *now.owners) if self._is_terminating(uid))

    def _is_terminating(self, uid: str) -> bool:
        stored = self.store.by_uid(uid)
        return stored is not None and b'"deletionTimestamp"' in stored.raw

    def reconcile(self, subject: Subject) -> None:
        """Delete an object without owners, or finish an owner's deletion."""
        kind, *rest = subject
        if kind == _OWNER:
            owner = self.store.by_uid(rest[0])
            if owner is not None:
                self._finish(owner)
            return
        stored = self.store.get(Key(*rest))
        if stored is not None and stored.owners:
            self._collect(stored)

    def _collect(self, stored: Stored) -> None:
        gone = {uid for uid in stored.owners if not self._lives(uid, stored.key.namespace)}
        if len(gone) == len(stored.owners):
            self._delete(stored, "")
        elif gone:
            self._drop_owners(stored, gone)

    def _lives(self, uid: str, namespace: str) -> bool:
        """An owner is in the same namespace or in none."""
        owner = self.store.by_uid(uid)
        return owner is not None and owner.key.namespace in {"", namespace}

    def _finish(self, owner: Stored) -> None:
        about = owner.body()["metadata"]
        finalizers = about.get("finalizers", [])
        if "deletionTimestamp" not in about:
            return
        if ORPHAN in finalizers:
            for dependent in self.store.dependents(owner.uid):
                self._drop_owners(dependent, {owner.uid})
            self._drop_finalizer(owner, ORPHAN)
        elif FOREGROUND in finalizers:
            for dependent in self.store.dependents(owner.uid):
                if b'"deletionTimestamp"' not in dependent.raw:
                    self._delete(dependent, "Foreground" if self.store.dependents(dependent.uid) else "Background")
            if not any(_blocks(dependent, owner.uid) for dependent in self.store.dependents(owner.uid)):
                self._drop_finalizer(owner, FOREGROUND)

    def _delete(self, stored: Stored, propagation: str) -> None:
        resource = self.registry.catalogue.stored_as(stored.key.resource)
        if resource is not None and b'"deletionTimestamp"' not in stored.raw:
            options = deletion.Options(propagation, uid=stored.uid)
            deletion.delete(self.registry, resource, stored.key.namespace, stored.key.name, options)

    def _drop_owners(self, stored: Stored, uids: set[str]) -> None:
        def edit(body: Json) -> Json:
            references = [owner for owner in body["metadata"]["ownerReferences"] if owner["uid"] not in uids]
            body["metadata"]["ownerReferences"] = references
            return body

        resource = self.registry.catalogue.stored_as(stored.key.resource)
        if resource is not None:
            self.registry.update(resource, stored.key.namespace, stored.key.name, edit)

    def _drop_finalizer(self, stored: Stored, finalizer: str) -> None:
        def edit(body: Json) -> Json:
            body["metadata"]["finalizers"] = [name for name in body["metadata"]["finalizers"] if name != finalizer]
            return body

        resource = self.registry.catalogue.stored_as(stored.key.resource)
        if resource is not None:
            self.registry.update(resource, stored.key.namespace, stored.key.name, edit)


def _blocks(dependent: Stored, uid: str) -> bool:
    references = dependent.body()["metadata"].get("ownerReferences", [])
    return any(owner["uid"] == uid and owner.get("blockOwnerDeletion") for owner in references)
