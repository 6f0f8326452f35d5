"""Pods of a Node that is deleted go with it: no kubelet is left to confirm their end."""

from __future__ import annotations

from collections.abc import Iterable

from midonet_kubernetes.kubernetes_api.embedded import deletion
from midonet_kubernetes.kubernetes_api.embedded.controllers.controller import RegistryController, Subject
from midonet_kubernetes.kubernetes_api.embedded.kinds.pods import PODS
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Key


class OrphanedPods(RegistryController):
    """Deletes the Pods of deleted Nodes."""

    def affected(self, change: Change) -> Iterable[Subject]:
        """A Node that is gone."""
        if change.type == "DELETED" and change.now.key.resource == "nodes":
            yield (change.now.key.name,)

    def reconcile(self, subject: Subject) -> None:
        """Delete the Pods, unless the Node is back."""
        (node,) = subject
        if self.store.get(Key("nodes", "", node)) is not None:
            return
        for stored in self.store.all("pods"):
            if stored.fields["spec.nodeName"] == node:
                deletion.delete(self.registry, PODS, stored.key.namespace, stored.key.name, deletion.Options(grace=0))
