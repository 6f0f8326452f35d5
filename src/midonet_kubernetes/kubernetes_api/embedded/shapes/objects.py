"""What all objects have in common, and the kinds that say little more."""

from __future__ import annotations

from typing import Any

from midonet_kubernetes.model.kubernetes import Event, Object


class OwnerShape(Object, frozen=True):
    """An entry of ``metadata.ownerReferences``."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class MetadataShape(Object, frozen=True):
    """``metadata`` as a client may send it."""

    name: str = ""
    generate_name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: list[str] = []
    owner_references: list[OwnerShape] = []


class ObjectShape(Object, frozen=True):
    """Any object."""

    metadata: MetadataShape = MetadataShape()


class ConditionShape(Object, frozen=True):
    """A condition."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class ExpressionShape(Object, frozen=True):
    """One of ``matchExpressions``."""

    key: str = ""
    operator: str = ""
    values: list[str] = []


class SelectorShape(Object, frozen=True):
    """A label selector."""

    match_labels: dict[str, str] = {}
    match_expressions: list[ExpressionShape] = []


class NamespaceSpecShape(Object, frozen=True):
    """A Namespace's ``spec``."""

    finalizers: list[str] = []


class NamespaceStatusShape(Object, frozen=True):
    """A Namespace's ``status``."""

    phase: str = ""


class NamespaceShape(ObjectShape, frozen=True):
    """A Namespace."""

    spec: NamespaceSpecShape = NamespaceSpecShape()
    status: NamespaceStatusShape = NamespaceStatusShape()


class EventShape(Event, frozen=True):
    """An Event."""

    event_time: str | None = None
    series: dict[str, Any] = {}


class DataShape(ObjectShape, frozen=True):
    """A ConfigMap or a Secret."""

    data: dict[str, str] = {}
    binary_data: dict[str, str] = {}
    string_data: dict[str, str] = {}
    type: str = ""


class PolicySpecShape(Object, frozen=True):
    """A NetworkPolicy's ``spec``."""

    pod_selector: SelectorShape = SelectorShape()


class PolicyShape(ObjectShape, frozen=True):
    """A NetworkPolicy."""

    spec: PolicySpecShape = PolicySpecShape()


class SubjectShape(Object, frozen=True):
    """Who a binding is for."""

    kind: str = ""
    name: str = ""
    namespace: str = ""


class RoleReferenceShape(Object, frozen=True):
    """Which role is bound."""

    kind: str = ""
    name: str = ""


class BindingShape(ObjectShape, frozen=True):
    """A RoleBinding or ClusterRoleBinding."""

    role_ref: RoleReferenceShape = RoleReferenceShape()
    subjects: list[SubjectShape] = []
