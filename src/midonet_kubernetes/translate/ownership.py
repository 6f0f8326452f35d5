"""Whose a Translation is: its name, its namespace, its label and its owner reference."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from midonet_kubernetes.model.bodies import Body, text
from midonet_kubernetes.model.kubernetes import Endpoints, Metadata, Node, OwnerReference, Pod, Service
from midonet_kubernetes.model.names import translation_name
from midonet_kubernetes.model.translation import FINALIZER, GLOBAL_LABEL, OWNER_LABEL, Resource, Translation

CLUSTER_NAMESPACE = "default"  # of Translations whose owner has no namespace
GLOBAL_NAMESPACE = "kube-system"  # of Translations without an owner


def resource(body: Body, parent: UUID | None = None) -> Resource:
    """``body`` as an entry of a Translation, under ``parent``."""
    return Resource(kind=body.kind, parent=str(parent) if parent else "", body=text(body))


@dataclass(frozen=True, slots=True)
class Owner:
    """The Kubernetes object that Translations are made for, or None for global ones."""

    object: Node | Pod | Service | Endpoints | None

    @property
    def name(self) -> str:
        """The owner's name, "" for nobody."""
        return self.object.metadata.name if self.object else ""

    def translation(self, kind: str, name: str, *resources: Resource) -> Translation:
        """The Translation for one key.

        Args:
            kind: the key's kind; it starts the Translation's name.
            name: the key's name, without the namespace.
            resources: in the order in which they are pushed.
        """
        if self.object is None:
            metadata = Metadata(
                name=translation_name(kind, name),
                namespace=GLOBAL_NAMESPACE,
                labels={GLOBAL_LABEL: ""},
                finalizers=[FINALIZER],
            )
        else:
            owner = self.object.metadata
            reference = OwnerReference(api_version=self.object.api_version, kind=self.object.kind, name=owner.name, uid=owner.uid)
            metadata = Metadata(
                name=translation_name(kind, name),
                namespace=owner.namespace or CLUSTER_NAMESPACE,
                labels={OWNER_LABEL: owner.uid},
                finalizers=[FINALIZER],
                owner_references=[reference],
            )
        return Translation(metadata=metadata, resources=list(resources))
