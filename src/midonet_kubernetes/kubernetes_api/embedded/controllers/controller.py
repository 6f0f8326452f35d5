"""What a controller is."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol

from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Store, Stored

Subject = tuple[str, ...]


class Controller(Protocol):
    """Level-based: ``reconcile`` compares what is wanted with what is there, whatever happened before."""

    def affected(self, change: Change) -> Iterable[Subject]:
        """What has to be looked at again after a change; may keep indexes of its own. Called for every change, in order."""
        ...

    def reconcile(self, subject: Subject) -> None:
        """Make it as it should be.

        Raises:
            Failure: it cannot be done now; it is tried again later.
        """
        ...


class RegistryController:
    """A controller that acts through a registry."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry

    @property
    def store(self) -> Store:
        """The objects."""
        return self.registry.store


def controlled(store: Store, uid: str, resource_id: str) -> list[Stored]:
    """The objects of a resource that an owner has."""
    return [stored for stored in store.dependents(uid) if stored.key.resource == resource_id]
