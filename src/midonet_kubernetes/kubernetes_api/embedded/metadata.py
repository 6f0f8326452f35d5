"""``metadata``: what the server sets, what it keeps, and what is wrong with it."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from midonet_kubernetes.kubernetes_api.embedded import name_rules
from midonet_kubernetes.kubernetes_api.embedded.durations import timestamp
from midonet_kubernetes.kubernetes_api.embedded.failures import Cause, Json, bad_request, invalid_value, required
from midonet_kubernetes.kubernetes_api.embedded.resource import Resource

# No vowels, 0, 1 or 3, so that no bad words come up (k8s.io/apimachinery util/rand).
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
_SET_BY_SERVER = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "generation")
_LONGEST_GENERATED = 253 - 5
# Finalizers that need no domain in front.
_FINALIZERS = {"kubernetes", "orphan", "foregroundDeletion", "customresourcecleanup.apiextensions.k8s.io"}


def suffix() -> str:
    """Five random characters, as ``generateName`` appends them."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(5))


def without_nulls(value: Any) -> None:
    """Drop keys whose value is null, in place: the API takes null for absent."""
    if isinstance(value, dict):
        for name in [name for name, inner in value.items() if inner is None]:
            del value[name]
        for inner in value.values():
            without_nulls(inner)
    elif isinstance(value, list):
        for inner in value:
            without_nulls(inner)


def begin(resource: Resource, namespace: str, body: Json, now: datetime) -> None:
    """Set what a new object gets.

    Raises:
        Failure: 400, it names another namespace than the request, or a revision.
    """
    metadata = body.setdefault("metadata", {})
    _same_namespace(resource, namespace, metadata)
    if metadata.get("resourceVersion"):
        raise bad_request("resourceVersion should not be set on objects to be created")
    if not metadata.get("name") and metadata.get("generateName"):
        metadata["name"] = metadata["generateName"][:_LONGEST_GENERATED] + suffix()
    for name in (*_SET_BY_SERVER, "selfLink", "managedFields", "resourceVersion"):
        metadata.pop(name, None)
    metadata.setdefault("name", "")
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = timestamp(now)
    if resource.generations:
        metadata["generation"] = 1
    drop_empty(metadata)
    body["apiVersion"], body["kind"] = resource.api_version, resource.kind


def keep(resource: Resource, old: Json, new: Json) -> None:
    """Keep what a client cannot change.

    Raises:
        Failure: 400, the object is named differently.
    """
    before, metadata = old["metadata"], new.setdefault("metadata", {})
    _same_namespace(resource, before.get("namespace", ""), metadata)
    if metadata.setdefault("name", before["name"]) != before["name"]:
        raise bad_request(
            f"the name of the object ({metadata['name']}) does not match the name on the URL ({before['name']})",
        )
    for name in _SET_BY_SERVER:
        metadata.pop(name, None)
        if name in before:
            metadata[name] = before[name]
    metadata["resourceVersion"] = before["resourceVersion"]
    metadata.pop("managedFields", None)
    metadata.pop("selfLink", None)
    drop_empty(metadata)
    new["apiVersion"], new["kind"] = resource.api_version, resource.kind


def drop_empty(metadata: Json) -> None:
    """Drop what is empty: in Go an empty map or list is left out, so it is the same as none."""
    for name in ("labels", "annotations", "finalizers", "ownerReferences"):
        if name in metadata and not metadata[name]:
            del metadata[name]


def _same_namespace(resource: Resource, namespace: str, metadata: Json) -> None:
    given = metadata.get("namespace")
    if not resource.namespaced:
        metadata.pop("namespace", None)
    elif given and given != namespace:
        raise bad_request(f"the namespace of the provided object does not match the namespace sent on the request: {given}")
    else:
        metadata["namespace"] = namespace


def check(resource: Resource, metadata: Json, old: Json | None) -> Iterable[Cause]:
    """What is wrong with it."""
    name = metadata.get("name", "")
    if not name:
        yield required("metadata.name", "name or generateName is required")
    elif old is None:
        yield from (invalid_value("metadata.name", name, wrong) for wrong in resource.name_rule(name))
    for key, value in metadata.get("labels", {}).items():
        yield from (invalid_value("metadata.labels", key, wrong) for wrong in name_rules.qualified_key(key))
        yield from (invalid_value("metadata.labels", value, wrong) for wrong in name_rules.label_value(value))
    for key in metadata.get("annotations", {}):
        yield from (invalid_value("metadata.annotations", key, wrong) for wrong in name_rules.qualified_key(key.lower()))
    for index, finalizer in enumerate(metadata.get("finalizers", [])):
        yield from (invalid_value("metadata.finalizers", finalizer, wrong) for wrong in name_rules.qualified_key(finalizer))
        if resource.schema is None and "/" not in finalizer and finalizer not in _FINALIZERS:
            wrong = "name is neither a standard finalizer name nor is it fully qualified"
            yield invalid_value(f"metadata.finalizers[{index}]", finalizer, wrong)
    if old is not None and old.get("deletionTimestamp"):
        added = sorted(set(metadata.get("finalizers", [])) - set(old.get("finalizers", [])))
        if added:
            listed = ", ".join(f'"{name}"' for name in added)
            why = f"no new finalizers can be added if the object is being deleted, found new finalizers []string{{{listed}}}"
            yield Cause("metadata.finalizers", "FieldValueForbidden", f"Forbidden: {why}")
    controllers = [owner for owner in metadata.get("ownerReferences", []) if owner.get("controller")]
    if len(controllers) > 1:
        yield invalid_value("metadata.ownerReferences", len(controllers), "only one reference can have controller set to true")
