"""CustomResourceDefinitions."""

from __future__ import annotations

from typing import Any

from msgspec import field

from midonet_kubernetes.kubernetes_api.embedded.shapes.objects import ObjectShape
from midonet_kubernetes.model.kubernetes import Object


class SchemaShape(Object, frozen=True):
    """A structural schema."""

    type: str = ""
    properties: dict[str, SchemaShape] = {}
    items: SchemaShape | None = None
    additional_properties: bool | SchemaShape = True
    required: list[str] = []
    enum: list[Any] = []
    pattern: str = ""
    minimum: float = 0
    maximum: float = 0
    min_length: int = 0
    max_length: int = 0
    min_items: int = 0
    max_items: int = 0
    nullable: bool = False
    int_or_string: bool = field(default=False, name="x-kubernetes-int-or-string")
    preserve_unknown_fields: bool = field(default=False, name="x-kubernetes-preserve-unknown-fields")


class ValidationShape(Object, frozen=True):
    """The schema of a version of a definition."""

    schema: SchemaShape | None = field(default=None, name="openAPIV3Schema")


class ScaleShape(Object, frozen=True):
    """Where a custom resource keeps its numbers."""

    spec_replicas_path: str
    status_replicas_path: str
    label_selector_path: str = ""


class SubresourcesShape(Object, frozen=True):
    """The subresources of a custom resource."""

    status: dict[str, Any] | None = None
    scale: ScaleShape | None = None


class ColumnShape(Object, frozen=True):
    """A printer column."""

    name: str = ""
    type: str = ""
    json_path: str = ""
    priority: int = 0


class VersionShape(Object, frozen=True):
    """A version of a definition."""

    name: str
    served: bool = False
    storage: bool = False
    schema: ValidationShape = ValidationShape()
    subresources: SubresourcesShape = SubresourcesShape()
    additional_printer_columns: list[ColumnShape] = []


class NamesShape(Object, frozen=True):
    """What a custom resource is called."""

    plural: str = ""
    singular: str = ""
    kind: str = ""
    list_kind: str = ""
    short_names: list[str] = []
    categories: list[str] = []


class DefinitionSpecShape(Object, frozen=True):
    """A definition's ``spec``."""

    group: str = ""
    scope: str = ""
    names: NamesShape = NamesShape()
    versions: list[VersionShape] = []


class DefinitionShape(ObjectShape, frozen=True):
    """A CustomResourceDefinition."""

    spec: DefinitionSpecShape = DefinitionSpecShape()
