"""The hosts of a tunnel zone (rest-api 4.2)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest import field
from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.coercion import uuid_in_uri
from midonet_kubernetes.minimidonet.rest.declare import collection, get, lacking, remove, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.rest.verbs import show_parts
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction


def _shape(_: Call, __: Transaction, shown: Object) -> None:
    del shown["id"]


TUNNEL_ZONE_HOST = Resource(
    kind="TunnelZoneHost",
    collection="tunnel_zones",
    fields=field.Fields(
        (
            field.uuid("tunnelZoneId"),
            field.uuid("hostId", required=True),
            field.ipv4("ipAddress", required=True),
        )
    ),
    links=Links(
        tunnelZone="tunnel_zones/{tunnelZoneId}",
        host="hosts/{hostId}",
        uri="tunnel_zones/{tunnelZoneId}/hosts/{hostId}",
    ),
    shape=_shape,
)


def _create(call: Call, store: Transaction) -> Answer:
    values = call.values()
    zone = call.path["parent"]
    TUNNEL_ZONE_HOST.fields.validate(values)
    existing(store, "TunnelZone", zone)
    host = values["hostId"]
    id_ = f"{zone}/{host}"
    if store.get("TunnelZoneHost", id_) is not None:
        raise Refusal(409, plain=True)
    existing(store, "Host", host)
    store.put("TunnelZoneHost", id_, {**values, "id": id_, "tunnelZoneId": zone})
    return Answer(201, location=f"{call.base}/tunnel_zones/{zone}/hosts/{host}")


def _host_id(call: Call) -> str:
    host = uuid_in_uri(call.path["host"])
    if host is None:
        raise bad_request(f"{call.path['host']} is not the id of a host")
    return host


def _show(call: Call, store: Transaction) -> Answer:
    zone, host = call.path["parent"], _host_id(call)
    existing(store, "TunnelZone", zone)
    member = store.get("TunnelZoneHost", f"{zone}/{host}")
    if member is None:
        raise Refusal(404, "Resource not found")
    return Answer(200, TUNNEL_ZONE_HOST.show(call, store, member))


def _delete(call: Call, store: Transaction) -> Answer:
    zone, host = call.path["parent"], _host_id(call)
    existing(store, "TunnelZone", zone)
    id_ = f"{zone}/{host}"
    if store.get("TunnelZoneHost", id_) is None:
        raise Refusal(404, plain=True)
    store.delete("TunnelZoneHost", id_)
    return NO_CONTENT


_TYPES = types("TunnelZoneHost-v1", "GreTunnelZoneHost-v1", json=False, generic=False)
_PATH = "/tunnel_zones/{parent:uuid}/hosts"
ROUTES = (
    *collection(
        _PATH,
        TUNNEL_ZONE_HOST,
        _TYPES,
        listing=show_parts(TUNNEL_ZONE_HOST, "TunnelZone", "tunnelZoneId"),
        creating=_create,
    ),
    get(_PATH + "/{host}", _show, _TYPES.item),
    lacking("PUT", _PATH + "/{host}", TUNNEL_ZONE_HOST.read),
    remove(_PATH + "/{host}", _delete),
)
