"""CustomResourceDefinitions, and the resources that they define."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from midonet_kubernetes.kubernetes_api.embedded import jsonpath
from midonet_kubernetes.kubernetes_api.embedded.durations import since
from midonet_kubernetes.kubernetes_api.embedded.failures import Cause, Json, invalid_value, required, unsupported
from midonet_kubernetes.kubernetes_api.embedded.resource import AGE, Column, Resource, Scale
from midonet_kubernetes.kubernetes_api.embedded.schema import TYPES, pattern
from midonet_kubernetes.kubernetes_api.embedded.shapes.definitions import DefinitionShape

CLEANUP = "customresourcecleanup.apiextensions.k8s.io"  # the finalizer that keeps a definition until its objects are gone


def _prepare(body: Json, old: Json | None) -> None:
    spec = body.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind", "")
    names.setdefault("singular", kind.lower())
    names.setdefault("listKind", f"{kind}List")
    spec.setdefault("conversion", {"strategy": "None"})
    if old is None:
        finalizers = body["metadata"].setdefault("finalizers", [])
        if CLEANUP not in finalizers:
            finalizers.append(CLEANUP)
        body["status"] = {"conditions": [], "storedVersions": []}
    # kube-apiserver establishes a definition in a moment of its own; here nothing stands between its storage and serving it.
    status = body.setdefault("status", {})
    status["acceptedNames"] = names
    status["storedVersions"] = [version["name"] for version in spec.get("versions", []) if version.get("storage")]
    if not status.get("conditions"):
        moment = body["metadata"]["creationTimestamp"]
        status["conditions"] = [
            _condition("NamesAccepted", "NoConflicts", "no conflicts found", moment),
            _condition("Established", "InitialNamesAccepted", "the initial names have been accepted", moment),
        ]


def _condition(kind: str, reason: str, message: str, moment: str) -> Json:
    return {"type": kind, "status": "True", "reason": reason, "message": message, "lastTransitionTime": moment}


def _validate(body: Json, _old: Json | None) -> list[Cause]:
    spec, names = body["spec"], body["spec"]["names"]
    causes = [required(f"spec.names.{name}") for name in ("plural", "kind") if not names.get(name)]
    if not spec.get("group"):
        causes.append(required("spec.group"))
    if spec.get("scope") not in {"Cluster", "Namespaced"}:
        causes.append(unsupported("spec.scope", spec.get("scope", ""), ("Cluster", "Namespaced")))
    wanted = f"{names.get('plural', '')}.{spec.get('group', '')}"
    if body["metadata"]["name"] != wanted:
        causes.append(invalid_value("metadata.name", body["metadata"]["name"], 'must be spec.names.plural+"."+spec.group'))
    versions = spec.get("versions", [])
    if sum(1 for version in versions if version.get("storage")) != 1:
        causes.append(invalid_value("spec.versions", len(versions), "must have exactly one version marked as storage version"))
    for index, version in enumerate(versions):
        causes += _validate_version(version, f"spec.versions[{index}]")
    return causes


def _validate_version(version: Json, path: str) -> Iterable[Cause]:
    schema = version.get("schema", {}).get("openAPIV3Schema")
    if not isinstance(schema, dict):
        yield required(f"{path}.schema.openAPIV3Schema", "schemas are required")
    elif schema.get("type") != "object":
        yield invalid_value(f"{path}.schema.openAPIV3Schema.type", schema.get("type"), 'must be "object" at the root')
    else:
        yield from _validate_schema(schema, f"{path}.schema.openAPIV3Schema")
    for index, column in enumerate(version.get("additionalPrinterColumns", [])):
        where = f"{path}.additionalPrinterColumns[{index}]"
        yield from (required(f"{where}.{name}") for name in ("name", "type", "jsonPath") if not column.get(name))
        try:
            jsonpath.first(column.get("jsonPath", ".metadata"), {})
        except ValueError as error:
            yield invalid_value(f"{where}.jsonPath", column["jsonPath"], str(error))


def _validate_schema(schema: Json, path: str) -> Iterable[Cause]:
    kind = schema.get("type", "")
    if kind and kind not in TYPES:
        yield unsupported(f"{path}.type", kind, sorted(TYPES))
    try:
        pattern(schema.get("pattern", ""))
    except re.error as error:
        yield invalid_value(f"{path}.pattern", schema["pattern"], f"must be a valid regular expression, but isn't: {error}")
    for name, inner in schema.get("properties", {}).items():
        yield from _validate_schema(inner, f"{path}.properties[{name}]")
    for name in ("items", "additionalProperties"):
        if isinstance(schema.get(name), dict):
            yield from _validate_schema(schema[name], f"{path}.{name}")


DEFINITIONS = Resource(
    group="apiextensions.k8s.io",
    version="v1",
    kind="CustomResourceDefinition",
    plural="customresourcedefinitions",
    namespaced=False,
    short_names=("crd", "crds"),
    status=True,
    generations=True,
    shape=DefinitionShape,
    prepare=_prepare,
    validate=_validate,
    columns=(Column("Created At", lambda crd, _: crd["metadata"].get("creationTimestamp"), "date"),),
)


def defined_by(definition: Json) -> list[Resource]:
    """The resources of a definition, one for each served version."""
    spec, names = definition["spec"], definition["spec"]["names"]
    return [
        Resource(
            group=spec["group"],
            version=version["name"],
            kind=names["kind"],
            plural=names["plural"],
            singular=names["singular"],
            namespaced=spec["scope"] == "Namespaced",
            short_names=tuple(names.get("shortNames", ())),
            categories=tuple(names.get("categories", ())),
            status="status" in version.get("subresources", {}),
            scale=_scale(version.get("subresources", {}).get("scale")),
            generations=True,
            columns=tuple(map(_column, version.get("additionalPrinterColumns", []))) or (AGE,),
            schema=version["schema"]["openAPIV3Schema"],
        )
        for version in spec["versions"]
        if version.get("served")
    ]


def _scale(scale: Json | None) -> Scale | None:
    if scale is None:
        return None
    paths = (scale["specReplicasPath"], scale["statusReplicasPath"], scale.get("labelSelectorPath", ""))
    return Scale(*(path.removeprefix(".") for path in paths))


def _column(column: Json) -> Column:
    path, kind = column["jsonPath"], column["type"]
    return Column(column["name"], _cell(path, kind), kind, wide=column.get("priority", 0) > 0)


def _cell(path: str, kind: str) -> Callable[[Json, datetime], Any]:
    def cell(body: Json, now: datetime) -> Any:
        value = jsonpath.first(path, body)
        if value is None:
            return None
        if kind == "date":
            return since(value, now)
        if kind == "string" and not isinstance(value, str):
            return str(value).lower() if isinstance(value, bool) else str(value)
        return value

    return cell
