"""Namespaces get a default ServiceAccount, and are emptied before they go; so are the kinds that a definition defines."""

from __future__ import annotations

from collections.abc import Iterable

from midonet_kubernetes.kubernetes_api.embedded import deletion
from midonet_kubernetes.kubernetes_api.embedded.controllers.controller import RegistryController, Subject
from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.kinds.custom_resource_definitions import CLEANUP, DEFINITIONS
from midonet_kubernetes.kubernetes_api.embedded.kinds.nodes import NAMESPACES
from midonet_kubernetes.kubernetes_api.embedded.kinds.plain import SERVICE_ACCOUNTS
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Key, Stored
from midonet_kubernetes.kubernetes_api.embedded.subresources import finalize


class Namespaces(RegistryController):
    """Begins and ends Namespaces."""

    def affected(self, change: Change) -> Iterable[Subject]:
        """A Namespace, and that of something deleted."""
        key = change.now.key
        if key.resource == "namespaces" and change.type != "DELETED":
            yield (key.name,)
        elif key.namespace and change.type == "DELETED":
            yield (key.namespace,)

    def reconcile(self, subject: Subject) -> None:
        """Make the ServiceAccount, or delete what is in a Namespace that is being deleted."""
        (name,) = subject
        stored = self.store.get(Key("namespaces", "", name))
        if stored is None:
            return
        if stored.fields["status.phase"] != "Terminating":
            if self.store.get(Key("serviceaccounts", name, "default")) is None:
                self.registry.create(SERVICE_ACCOUNTS, name, {"metadata": {"name": "default"}})
            return
        contents = [piece for resource in self.store.resources() for piece in self.store.all(resource, name)]
        for piece in contents:
            _delete(self, piece)
        if not any(self.store.get(piece.key) for piece in contents):
            finalize(self.registry, NAMESPACES, name, [])


class Definitions(RegistryController):
    """Deletes the objects of a definition that is being deleted, and then lets it go."""

    def affected(self, change: Change) -> Iterable[Subject]:
        """A definition (its name is the id of what it defines), and that of something deleted."""
        key = change.now.key
        name = key.name if key.resource == DEFINITIONS.id else key.resource
        if change.type == "DELETED" or key.resource == DEFINITIONS.id:
            yield (name,)

    def reconcile(self, subject: Subject) -> None:
        """Delete its objects if it is being deleted."""
        (name,) = subject
        stored = self.store.get(Key(DEFINITIONS.id, "", name))
        if stored is None or "deletionTimestamp" not in stored.body()["metadata"]:
            return
        for piece in self.store.all(name):
            _delete(self, piece)
        if not self.store.all(name):
            self.registry.update(DEFINITIONS, "", name, _without_cleanup)


def _without_cleanup(body: Json) -> Json:
    body["metadata"]["finalizers"] = [name for name in body["metadata"].get("finalizers", []) if name != CLEANUP]
    return body


def _delete(controller: RegistryController, piece: Stored) -> None:
    resource = controller.registry.catalogue.stored_as(piece.key.resource)
    if resource is not None and controller.store.get(piece.key) is not None and b'"deletionTimestamp"' not in piece.raw:
        deletion.delete(controller.registry, resource, piece.key.namespace, piece.key.name, deletion.Options("Background"))
