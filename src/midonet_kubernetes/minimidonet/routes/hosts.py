"""Hosts and their interfaces (rest-api 4.10). What an agent reports comes in by the extensions, not here."""

from __future__ import annotations

from typing import Any

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.call import Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.coercion import mismatch
from midonet_kubernetes.minimidonet.rest.declare import flat, get, lacking, put, remove, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request, missing
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.rest.verbs import show
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

# The four that PUT changes, with the start of its text when one is null.
_WEIGHTS = {
    "floodingProxyWeight": "Flooding proxy weight",
    "containerWeight": "Container weight",
    "containerLimit": "Container limit",
    "enforceContainerLimit": "Enforce container limit",
}
_REPORTED = ("addresses", "hostInterfaces")
INTERFACES = "_interfaces"  # hidden: what one host reports of them is of no interest to the others


def _before_create(_: Call, __: Transaction, values: Object) -> None:
    for name in _REPORTED:
        values.pop(name, None)


def _shape(call: Call, _: Transaction, shown: Object) -> None:
    id_ = shown["id"]
    shown["alive"] = call.is_alive(id_)
    shown["addresses"] = shown["addresses"] or []
    shown["hostInterfaces"] = [_interface(call, id_, known) for known in shown.pop(INTERFACES, ())]


def _interface(call: Call, host: str, known: Object) -> dict[str, Any]:
    return {**_INTERFACE, **known, "hostId": host, "uri": f"{call.base}/hosts/{host}/interfaces/{known['name']}"}


def _read_interface(given: Any) -> Object:
    """An interface in a body: nobody keeps it, but it has to be an object."""
    if not isinstance(given, dict):
        raise mismatch(given, "an interface")
    return {}


_INTERFACE: Object = {
    "hostId": None,
    "name": None,
    "mac": None,
    "mtu": 0,
    "type": "Unknown",
    "endpoint": "UNKNOWN",
    "portType": None,
    "addresses": [],
    "status": 0,
}

HOST = Resource(
    kind="Host",
    collection="hosts",
    fields=field.Fields(
        (
            field.uuid("id", required=True),
            field.text("name"),
            field.Field("addresses", coercion.list_of(coercion.text)),
            field.Field("hostInterfaces", coercion.list_of(_read_interface)),
            field.ignored("alive", coercion.boolean),
            field.number("floodingProxyWeight", 0, 65535, default=1, null=1),
            field.number("containerWeight", 0, default=1, null=1),
            field.number("containerLimit", -1, default=-1, null=-1),
            field.flag("enforceContainerLimit"),
        )
    ),
    links=Links(interfaces="hosts/{id}/interfaces", ports="hosts/{id}/ports", uri="hosts/{id}"),
    before_create=_before_create,
    shape=_shape,
    delete_missing=404,
    needs_id=True,
)


def _read_weights(given: Any) -> Object | None:
    """A PUT's body: absent counts as null here, whatever POST's default is."""
    values = HOST.read(given)
    if values is not None:
        for name in _WEIGHTS:
            if given.get(name) is not None and name not in values:
                values[name] = HOST.fields.defaults[name]
    return values


def _replace(call: Call, store: Transaction) -> Answer:
    host = existing(store, "Host", call.path["id"])
    values = call.values()
    for name, text in _WEIGHTS.items():
        if values.get(name) is None:
            raise bad_request(f"{text} must not be null.")
    store.change("Host", host["id"], **{name: values[name] for name in _WEIGHTS})
    return Answer(200)


def _delete(call: Call, store: Transaction) -> Answer:
    id_ = call.path["id"]
    if store.get("Host", id_) is None:
        raise missing("Host", id_)
    if call.is_alive(id_):
        raise Refusal(403, f"Cannot delete host {id_} because it is active.")
    if bindings := len(store.find("Port", "hostId", id_)):
        raise Refusal(403, f"Cannot delete host {id_} because it has {bindings} binding(s).")
    store.delete("Host", id_)
    return Answer(200)


def _known_interfaces(call: Call, store: Transaction) -> list[dict[str, Any]]:
    host = call.path["parent"]
    reported = (store.get("Host", host) or {}).get(INTERFACES, ())
    return [_interface(call, host, known) for known in reported]


def _list_interfaces(call: Call, store: Transaction) -> Answer:
    return Answer(200, _known_interfaces(call, store))


def _show_interface(call: Call, store: Transaction) -> Answer:
    for known in _known_interfaces(call, store):
        if known["name"] == call.path["name"]:
            return Answer(200, known)
    raise Refusal(404, "Interface not found")


_TYPES = types("Host-v3")
_INTERFACE_TYPES = types("Interface-v1", generic=False)
ROUTES = (
    *flat(HOST, _TYPES),
    get("/hosts/{id}", show(HOST), _TYPES.item),
    put("/hosts/{id}", _replace, types("Host-v3", generic=False).item, _read_weights),
    remove("/hosts/{id}", _delete),
    get("/hosts/{parent:uuid}/interfaces", _list_interfaces, _INTERFACE_TYPES.collection),
    lacking("POST", "/hosts/{parent:uuid}/interfaces", _read_interface),
    get("/hosts/{parent:uuid}/interfaces/{name}", _show_interface, _INTERFACE_TYPES.item),
    lacking("PUT", "/hosts/{parent:uuid}/interfaces/{name}", _read_interface),
    lacking("DELETE", "/hosts/{parent:uuid}/interfaces/{name}"),
)
