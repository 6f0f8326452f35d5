"""The verbs that most resources share, as handlers made from a declaration (rest-api 1.5, 1.8)."""

from __future__ import annotations

from collections.abc import Callable

from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, Handler, existing, random_uuid
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, missing, taken
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

Filter = Callable[[Call, Object], bool]


def unsupported(_: Call, __: Transaction) -> Answer:
    """405: every resource inherits all verbs, and refuses those that it lacks."""
    raise Refusal(405, plain=True)


def show(resource: Resource) -> Handler:
    """GET of an item."""

    def handler(call: Call, store: Transaction) -> Answer:
        return Answer(200, resource.show(call, store, existing(store, resource.kind, call.path["id"])))

    return handler


def show_all(resource: Resource, wanted: Filter | None = None) -> Handler:
    """GET of the flat collection."""

    def handler(call: Call, store: Transaction) -> Answer:
        objects = (object_ for _, object_ in store.all(resource.kind) if wanted is None or wanted(call, object_))
        return Answer(200, [resource.show(call, store, object_) for object_ in objects])

    return handler


def show_parts(resource: Resource, parent: str, field: str) -> Handler:
    """GET of a nested collection: the objects whose ``field`` refers to the path's ``parent``."""

    def handler(call: Call, store: Transaction) -> Answer:
        existing(store, parent, call.path["parent"])
        found = store.found(resource.kind, field, call.path["parent"])
        return Answer(200, [resource.show(call, store, object_) for _, object_ in found])

    return handler


def of_tenant(call: Call, object_: Object) -> bool:
    """The query parameter ``tenant_id``."""
    wanted = call.query.get("tenant_id")
    return wanted is None or object_.get("tenantId") == wanted


def check_references(store: Transaction, resource: Resource, values: Object, old: Object) -> None:
    """Refuse references to what is not there or has no room, as far as they are not those of ``old``.

    Raises:
        Refusal: 404, 409.
    """
    for field, kind, claim in resource.references:
        value = values.get(field)
        if value is None or value == old.get(field):
            continue
        for id_ in value if isinstance(value, list) else (value,):
            if store.get(kind, id_) is None and (kind, id_) != (resource.kind, values["id"]):
                raise missing(kind, id_)
            if claim is not None:
                claim(store, values, id_)


def create(resource: Resource, parent: str | None = None) -> Handler:
    """POST to a collection; ``parent`` is the field that takes the id of the path's parent."""

    def handler(call: Call, store: Transaction) -> Answer:
        values = call.values()
        if parent is not None:
            values[parent] = call.path["parent"]
        if values.get("id") is None and not resource.needs_id:
            values["id"] = random_uuid()
        resource.fields.validate(values)
        id_ = values["id"]
        resource.before_create(call, store, values)
        check_references(store, resource, values, {})
        if store.get(resource.kind, id_) is not None:
            raise taken(resource.kind, id_)
        store.put(resource.kind, id_, values)
        resource.after_create(call, store, values)
        return Answer(201, location=resource.uri(call, id_))

    return handler


def replace(resource: Resource) -> Handler:
    """PUT of an item: everything but ``kept`` is as the body says, absent is default."""

    def handler(call: Call, store: Transaction) -> Answer:
        old = existing(store, resource.kind, call.path["id"])
        values = call.values()
        values["id"] = old["id"]
        resource.fields.validate(values)
        for field in resource.kept:
            values.pop(field, None)
            if field in old:
                values[field] = old[field]
        resource.before_replace(call, store, old, values)
        check_references(store, resource, values, old)
        store.put(resource.kind, old["id"], values)
        resource.after_replace(call, store, old, values)
        return NO_CONTENT

    return handler


def delete(resource: Resource, *, nested: bool = False) -> Handler:
    """DELETE of an item. Nested, the parent in the path does not matter, nothing is missed and nothing stands in the way."""

    def handler(call: Call, store: Transaction) -> Answer:
        id_ = call.path["id"]
        object_ = store.get(resource.kind, id_)
        if object_ is None:
            if resource.delete_missing == 404 and not nested:
                raise missing(resource.kind, id_)
            return NO_CONTENT
        if not nested:
            resource.before_delete(call, store, object_)
        store.delete(resource.kind, id_)
        return NO_CONTENT

    return handler
