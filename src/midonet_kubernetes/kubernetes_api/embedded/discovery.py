"""Discovery documents, the version, and as much OpenAPI as kubectl needs to leave validation to the server."""

from __future__ import annotations

from collections.abc import Iterable

from midonet_kubernetes.kubernetes_api.embedded.catalogue import Catalogue
from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.resource import ALL_VERBS, Resource

VERSION: Json = {
    "major": "1",
    "minor": "35",
    "gitVersion": "v1.35.0-midonet-kube",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "none",
    "compiler": "none",
    "platform": "linux/any",
}
_REVIEWS = "authorization.k8s.io"
_STRATEGIES = ("application/json-patch+json", "application/merge-patch+json", "application/apply-patch+yaml")


def _groups(catalogue: Catalogue) -> dict[str, list[str]]:
    groups: dict[str, list[str]] = {_REVIEWS: ["v1"]}
    for resource in catalogue:
        versions = groups.setdefault(resource.group, [])
        if resource.version not in versions:
            versions.append(resource.version)
    return groups


def api_versions() -> Json:
    """``/api``."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": ""}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def api_groups(catalogue: Catalogue) -> Json:
    """``/apis``."""
    groups = [_group(name, versions) for name, versions in sorted(_groups(catalogue).items()) if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_group(catalogue: Catalogue, name: str) -> Json | None:
    """``/apis/GROUP``."""
    versions = _groups(catalogue).get(name)
    return None if not name or versions is None else {"kind": "APIGroup", "apiVersion": "v1", **_group(name, versions)}


def _group(name: str, versions: list[str]) -> Json:
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def api_resources(catalogue: Catalogue, group: str, version: str) -> Json | None:
    """``/api/v1`` and ``/apis/GROUP/VERSION``."""
    resources = [entry for r in catalogue if (r.group, r.version) == (group, version) for entry in _entries(r)]
    if (group, version) == (_REVIEWS, "v1"):
        kind = "SelfSubjectAccessReview"
        resources = [
            {"name": f"{kind.lower()}s", "singularName": kind.lower(), "namespaced": False, "kind": kind, "verbs": ["create"]}
        ]
    if not resources:
        return None
    name = f"{group}/{version}" if group else version
    return {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": resources}


def _entries(resource: Resource) -> Iterable[Json]:
    entry: Json = {
        "name": resource.plural,
        "singularName": resource.singular or resource.kind.lower(),
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(ALL_VERBS),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    yield entry
    part: Json = {"singularName": "", "namespaced": resource.namespaced, "verbs": ["get", "patch", "update"]}
    if resource.status:
        yield {**part, "name": f"{resource.plural}/status", "kind": resource.kind}
    if resource.scale is not None:
        yield {**part, "name": f"{resource.plural}/scale", "kind": "Scale", "group": "autoscaling", "version": "v1"}
    if resource.id == "pods":
        yield {**part, "name": "pods/binding", "kind": "Binding", "verbs": ["create"]}
        yield {**part, "name": "pods/eviction", "kind": "Eviction", "group": "policy", "version": "v1", "verbs": ["create"]}


def openapi_index(catalogue: Catalogue) -> Json:
    """``/openapi/v3``."""
    paths = {}
    for group, versions in _groups(catalogue).items():
        for version in versions:
            path = f"apis/{group}/{version}" if group else f"api/{version}"
            paths[path] = {"serverRelativeURL": f"/openapi/v3/{path}"}
    return {"paths": paths}


def openapi(catalogue: Catalogue, group: str, version: str) -> Json:
    """One document of ``/openapi/v3``: each kind's patch says that the server validates fields; custom kinds have schemas."""
    paths: Json = {}
    schemas: Json = {}
    for resource in catalogue:
        if (resource.group, resource.version) != (group, version):
            continue
        mark = {"group": group, "version": version, "kind": resource.kind}
        prefix = f"/apis/{group}/{version}" if group else f"/api/{version}"
        scope = "/namespaces/{namespace}" if resource.namespaced else ""
        patch = {
            "parameters": [{"name": name, "in": "query", "schema": {"type": "string"}} for name in ("dryRun", "fieldValidation")],
            "requestBody": {"content": {media: {} for media in _STRATEGIES}},
            "responses": {},
            "x-kubernetes-action": "patch",
            "x-kubernetes-group-version-kind": mark,
        }
        paths[f"{prefix}{scope}/{resource.plural}/{{name}}"] = {"patch": patch}
        schema = resource.schema or {"type": "object"}
        schemas[f"{resource.api_version.replace('/', '.')}.{resource.kind}"] = {
            **schema,
            "x-kubernetes-group-version-kind": [mark],
        }
    info = {"title": "Kubernetes", "version": VERSION["gitVersion"]}
    return {"openapi": "3.0.0", "info": info, "paths": paths, "components": {"schemas": schemas}}
