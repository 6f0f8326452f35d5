"""The peering table of a router's port: the tunnel address behind a MAC address (rest-api 4.5; as an ARP table, 4.13)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.declare import get, post, remove
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.media import JSON, Media, vendor
from midonet_kubernetes.minimidonet.rest.refusal import Refusal
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.routes import arp_tables
from midonet_kubernetes.minimidonet.routes.arp_tables import pair_in_path
from midonet_kubernetes.minimidonet.routes.mac_tables import identical_entry, item_name
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

ENTRY = Resource(kind="MacIp", collection="routers", fields=arp_tables.ENTRY.fields, links=Links())


def _uri(call: Call, entry: Object) -> str:
    """The URI, by the router of the path: nobody asks whose the port is."""
    table = f"{call.base}/routers/{call.path['parent']}/ports/{entry['portId']}/peering_table"
    return f"{table}/{item_name(entry['ip'], entry['mac'].replace(':', '-'))}"


def _show_entry(call: Call, entry: Object) -> Object:
    return {"ip": entry["ip"], "mac": entry["mac"], "uri": _uri(call, entry)}


def _create(call: Call, store: Transaction) -> Answer:
    values, port = call.values(), call.path["port"]
    ENTRY.fields.validate(values)
    existing(store, "Port", port)
    id_ = f"{port}/{values['mac']}/{values['ip']}"
    if store.get("MacIp", id_) is not None:
        raise identical_entry(mna_1315=call.quirks.mna_1315)
    entry = {**values, "id": id_, "portId": port}
    store.put("MacIp", id_, entry)
    return Answer(201, location=_uri(call, entry))


def _list(call: Call, store: Transaction) -> Answer:
    port = call.path["port"]
    existing(store, "Port", port)
    effective: dict[str, Object] = {}
    for _, entry in store.found("MacIp", "portId", port):
        effective.setdefault(entry["mac"], entry)
    return Answer(200, [_show_entry(call, entry) for entry in effective.values()])


def _find(call: Call) -> str:
    """The id that the path names."""
    ip, mac = pair_in_path(call)
    return f"{call.path['port']}/{mac}/{ip}"


def _show(call: Call, store: Transaction) -> Answer:
    id_ = _find(call)
    existing(store, "Port", call.path["port"])
    entry = store.get("MacIp", id_)
    if entry is None:
        raise Refusal(404, "The specified port does not have the specified peering table entry.")
    return Answer(200, _show_entry(call, entry))


def _delete(call: Call, store: Transaction) -> Answer:
    store.remove("MacIp", _find(call))
    return NO_CONTENT


_PATH = "/routers/{parent:uuid}/ports/{port:uuid}/peering_table"
# MidoNet has one type for entries and lists of them.
_READ = Media((vendor("MacIp-v1"), JSON), generic=False)
_CREATED = Media((vendor("MacIp-v1"),), generic=False)
ROUTES = (
    get(_PATH, _list, _READ),
    post(_PATH, _create, _CREATED, ENTRY.read),
    get(_PATH + "/{entry}", _show, _READ),
    remove(_PATH + "/{entry}", _delete),
)
