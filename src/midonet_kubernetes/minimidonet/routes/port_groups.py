"""Port groups and their members (rest-api 4.15)."""

from __future__ import annotations

from typing import Any

from midonet_kubernetes.minimidonet.rest import field
from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.coercion import uuid_in_uri
from midonet_kubernetes.minimidonet.rest.declare import flat, get, lacking, post, put, remove, types, view
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.rest.verbs import delete, of_tenant, replace, show
from midonet_kubernetes.minimidonet.routes.ports import PORT
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction


def _shape(_: Call, __: Transaction, shown: Object) -> None:
    shown.pop("portIds", None)


PORT_GROUP = Resource(
    kind="PortGroup",
    collection="port_groups",
    fields=field.Fields((field.uuid("id"), field.text("tenantId"), field.text("name", low=0), field.flag("stateful"))),
    links=Links(ports="port_groups/{id}/ports", uri="port_groups/{id}"),
    kept=("portIds",),
    shape=_shape,
)
MEMBER = Resource(
    kind="PortGroupPort",
    collection="port_groups",
    fields=field.Fields((field.uuid("portGroupId"), field.uuid("portId", required=True))),
    links=Links(portGroup="port_groups/{portGroupId}", port="ports/{portId}", uri="port_groups/{portGroupId}/ports/{portId}"),
)


def _list_groups(call: Call, store: Transaction) -> Answer:
    groups = [group for _, group in store.all("PortGroup") if of_tenant(call, group)]
    if "port_id" in call.query:
        port = uuid_in_uri(call.query["port_id"])
        if port is None:
            raise bad_request("port_id has to be the id of a port")
        groups = [group for group in groups if port in group.get("portIds", ())]
    return Answer(200, [PORT_GROUP.show(call, store, group) for group in groups])


def _member(call: Call, store: Transaction, group: str, port: str) -> dict[str, Any]:
    return MEMBER.show(call, store, {"portGroupId": group, "portId": port})


def _add(call: Call, store: Transaction) -> Answer:
    values, group_id = call.values(), call.path["parent"]
    MEMBER.fields.validate(values)
    port = values["portId"]
    existing(store, "Port", port)
    group = existing(store, "PortGroup", group_id)
    members = group.get("portIds", [])
    if port in members:
        raise Refusal(409, plain=True)
    store.change("PortGroup", group_id, portIds=[*members, port])
    return Answer(201, location=f"{call.base}/port_groups/{group_id}/ports/{port}")


def _list_members(call: Call, store: Transaction) -> Answer:
    group_id = call.path["parent"]
    group = existing(store, "PortGroup", group_id)
    return Answer(200, [_member(call, store, group_id, port) for port in group.get("portIds", ())])


def _list_of_port(call: Call, store: Transaction) -> Answer:
    port = call.path["parent"]
    existing(store, "Port", port)
    return Answer(200, [_member(call, store, group, port) for group in store.find("PortGroup", "portIds", port)])


def _port_id(call: Call) -> str:
    port = uuid_in_uri(call.path["port"])
    if port is None:
        raise bad_request(f"{call.path['port']} is not the id of a port")
    return port


def _show_member(call: Call, store: Transaction) -> Answer:
    group_id, port = call.path["parent"], _port_id(call)
    existing(store, "Port", port)
    group = store.get("PortGroup", group_id) or {}  # MidoNet asks the port: whether the group is there does not matter
    if port not in group.get("portIds", ()):
        raise Refusal(404, "Resource not found")
    return Answer(200, _member(call, store, group_id, port))


def _remove(call: Call, store: Transaction) -> Answer:
    group_id, port = call.path["parent"], _port_id(call)
    group = existing(store, "PortGroup", group_id)
    if store.get("Port", port) is None:
        return NO_CONTENT
    members = group.get("portIds", [])
    if port not in members:
        raise Refusal(404, plain=True)
    store.change("PortGroup", group_id, portIds=[member for member in members if member != port] or None)
    return NO_CONTENT


_TYPES = types("PortGroup-v1")
_ITEM = types("PortGroup-v1", json=False)
_MEMBERS = types("PortGroupPort-v1", generic=False)
_OF_PORT = types("PortGroupPort-v1", json=False, generic=False)
_PATH = "/port_groups/{parent:uuid}/ports"
ROUTES = (
    *flat(PORT_GROUP, _TYPES, listing=_list_groups),
    get("/port_groups/{id}", show(PORT_GROUP), _ITEM.item),
    put("/port_groups/{id}", replace(PORT_GROUP), _TYPES.item, PORT_GROUP.read),
    remove("/port_groups/{id}", delete(PORT_GROUP)),
    get(_PATH, _list_members, _MEMBERS.collection),
    post(_PATH, _add, _MEMBERS.item, MEMBER.read),
    get(_PATH + "/{port}", _show_member, _MEMBERS.item),
    lacking("PUT", _PATH + "/{port}", MEMBER.read),
    remove(_PATH + "/{port}", _remove),
    # Its parts are ports in MidoNet's storage, so a DELETE of one deletes the port.
    *view("/ports/{parent:uuid}/port_groups", PORT, _list_of_port, _OF_PORT.collection, read=MEMBER.read),
)
