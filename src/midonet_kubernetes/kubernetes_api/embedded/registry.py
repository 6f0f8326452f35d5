"""What a write means: defaults, rules, generations, revisions, finalizers. The API and the controllers both go through here."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

import msgspec

from midonet_kubernetes.kubernetes_api.embedded import metadata, schema
from midonet_kubernetes.kubernetes_api.embedded.catalogue import Catalogue
from midonet_kubernetes.kubernetes_api.embedded.failures import (
    Cause,
    Failure,
    Json,
    already_exists,
    bad_request,
    conflict,
    forbidden,
    invalid,
    invalid_value,
    not_found,
)
from midonet_kubernetes.kubernetes_api.embedded.resource import Resource
from midonet_kubernetes.kubernetes_api.embedded.shapes.objects import ObjectShape
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Key, Store, Stored

_NOT_SPEC = ("apiVersion", "kind", "metadata", "status")


class Allocator(Protocol):
    """Gives an object numbers that no other object has."""

    def assign(self, body: Json, old: Json | None) -> list[Cause]:
        """Complete the object; what it asks for and cannot have is a cause."""
        ...


def utc_now() -> datetime:
    """The present time."""
    return datetime.now(UTC)


class Registry:
    """Creates, changes and removes objects of a store.

    Args:
        store: where they are kept.
        clock: the present time, for timestamps.
    """

    def __init__(self, store: Store, *, clock: Callable[[], datetime] = utc_now) -> None:
        self.store, self.clock = store, clock
        self.catalogue = Catalogue()
        self.allocators: dict[str, Allocator] = {}
        for definition in store.all("customresourcedefinitions.apiextensions.k8s.io"):
            self.catalogue.define(definition.body())
        store.subscribe(self._learn_definition)

    def _learn_definition(self, change: Change) -> None:
        if change.now.key.resource == "customresourcedefinitions.apiextensions.k8s.io":
            if change.type == "DELETED":
                self.catalogue.forget(change.now.key.name)
            else:
                self.catalogue.define(change.now.body())

    def get(self, resource: Resource, namespace: str, name: str) -> Stored:
        """The object.

        Raises:
            Failure: 404.
        """
        stored = self.store.get(Key(resource.id, namespace, name))
        if stored is None:
            raise not_found(resource.plural, resource.group, name)
        return stored

    def create(self, resource: Resource, namespace: str, body: Json, *, dry_run: bool = False, strict: bool = False) -> Stored:
        """Create an object; ``body`` is completed in place.

        Args:
            resource: what it is.
            namespace: where, empty for none.
            body: the object.
            dry_run: check everything and store nothing.
            strict: refuse fields that a custom resource's schema does not name, instead of dropping them.

        Raises:
            Failure: 400, 403, 404 (its namespace), 409, 422.
        """
        self._accept(resource, body, strict=strict)
        metadata.begin(resource, namespace, body, self.clock())
        if resource.schema is not None and resource.status:
            body.pop("status", None)
        self._complete(resource, body, None)
        name = body["metadata"]["name"]
        self._check_namespace(resource, namespace, name)
        key = Key(resource.id, namespace, name)
        if self.store.get(key) is not None:
            raise already_exists(resource.plural, resource.group, name)
        return _imagined(key, body) if dry_run else self.store.put(key, body)

    def _check_namespace(self, resource: Resource, namespace: str, name: str) -> None:
        if not resource.namespaced:
            return
        home = self.store.get(Key("namespaces", "", namespace))
        if home is None:
            raise not_found("namespaces", "", namespace)
        if home.fields["status.phase"] == "Terminating":
            why = f"unable to create new content in namespace {namespace} because it is being terminated"
            raise forbidden(resource.plural, resource.group, name, why)

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        edit: Callable[[Json], Json],
        *,
        status: bool = False,
        dry_run: bool = False,
        strict: bool = False,
    ) -> Stored:
        """Change an object.

        Args:
            resource: what it is.
            namespace: where, empty for none.
            name: its name.
            edit: the old object to the new one; it may change and return its argument.
            status: change ``status`` only; otherwise everything but that, for kinds that keep the two apart.
            dry_run: check everything and store nothing.
            strict: as for ``create``.

        Raises:
            Failure: 400, 404, 409 (its resourceVersion or uid is another), 422, and what ``edit`` raises.
        """
        before = self.get(resource, namespace, name)
        old = before.body()
        new = edit(before.body())
        self._accept(resource, new, strict=strict)
        _check_preconditions(resource, old["metadata"], new.get("metadata", {}))
        metadata.keep(resource, old, new)
        if status:
            kept = {} if resource.schema is not None else {"metadata": new["metadata"]}
            new = old | kept | {"status": new.get("status", {})}
            causes = list(metadata.check(resource, new["metadata"], old["metadata"]))
            causes += schema.check(resource.schema, new) if resource.schema is not None else []
            self._refuse(resource, new, causes)
        else:
            if resource.status:
                new.pop("status", None)
                if "status" in old:
                    new["status"] = old["status"]
            self._complete(resource, new, old)
        if new == old:
            return before
        if resource.generations and _spec_of(new) != _spec_of(old):
            new["metadata"] = new["metadata"] | {"generation": old["metadata"].get("generation", 0) + 1}
        if dry_run:
            return _imagined(before.key, new)
        return self.store.remove(before.key, new) if is_done(new) else self.store.put(before.key, new)

    def _accept(self, resource: Resource, body: Json, *, strict: bool) -> None:
        if resource.schema is not None:
            unknown = schema.normalise(resource.schema, body)
            if unknown and strict:
                listed = ", ".join(f'unknown field "{path}"' for path in unknown)
                raise self._unreadable(resource, f"strict decoding error: {listed}")
            metadata.without_nulls(body.get("metadata"))
        else:
            metadata.without_nulls(body)
        try:
            msgspec.convert(body, ObjectShape)
            msgspec.convert(body, resource.shape)
        except msgspec.ValidationError as error:
            raise self._unreadable(resource, str(error)) from error

    @staticmethod
    def _unreadable(resource: Resource, why: str) -> Failure:
        return bad_request(f'{resource.kind} in version "{resource.version}" cannot be handled as a {resource.kind}: {why}')

    def _complete(self, resource: Resource, body: Json, old: Json | None) -> None:
        resource.prepare(body, old)
        causes = list(metadata.check(resource, body["metadata"], old and old["metadata"]))
        causes += resource.validate(body, old)
        if resource.schema is not None:
            causes += schema.check(resource.schema, body)
        if not causes and resource.id in self.allocators:
            causes += self.allocators[resource.id].assign(body, old)
        self._refuse(resource, body, causes)

    @staticmethod
    def _refuse(resource: Resource, body: Json, causes: list[Cause]) -> None:
        if causes:
            raise invalid(resource.kind, resource.group, body["metadata"].get("name", ""), causes)


def is_done(body: Json) -> bool:
    """Whether an object that is being deleted has nothing left to wait for: no finalizer and no grace."""
    about = body["metadata"]
    waits = about.get("finalizers") or about.get("deletionGracePeriodSeconds")
    if body["kind"] == "Namespace":
        waits = waits or body.get("spec", {}).get("finalizers")
    return bool(about.get("deletionTimestamp")) and not waits


def _spec_of(body: Json) -> Json:
    return {name: value for name, value in body.items() if name not in _NOT_SPEC}


def _check_preconditions(resource: Resource, old: Json, new: Json) -> None:
    name = old["name"]
    given = new.get("resourceVersion")
    if given and given != old["resourceVersion"]:
        raise conflict(resource.plural, resource.group, name)
    if new.get("uid") and new["uid"] != old["uid"]:
        raise invalid(resource.kind, resource.group, name, [invalid_value("metadata.uid", new["uid"], "field is immutable")])


def _imagined(key: Key, body: Json) -> Stored:
    about = body["metadata"]
    return Stored(key, 0, about["uid"], about.get("labels", {}), {}, (), msgspec.json.encode(body))
