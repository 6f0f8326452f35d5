"""The ARP table of a bridge: Ip4MacPair (rest-api 4.13)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.addresses import parse_ipv4
from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.checks import MAC_FORMAT, MUST_MATCH_IPV4, is_loose_mac, is_mac
from midonet_kubernetes.minimidonet.rest.declare import get, lacking, post, remove, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.routes.mac_tables import identical_entry, item_name
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

ENTRY = Resource(
    kind="Ip4Mac",
    collection="bridges",
    fields=field.Fields(
        (
            field.ipv4("ip", required=True, message=MUST_MATCH_IPV4),
            field.Field("mac", coercion.text, required=True, checks=(is_mac,)),
        )
    ),
    links=Links(),
)


def _uri(call: Call, entry: Object) -> str:
    return f"{call.base}/bridges/{entry['bridgeId']}/arp_table/{item_name(entry['ip'], entry['mac'].replace(':', '-'))}"


def _show_entry(call: Call, entry: Object) -> Object:
    return {"ip": entry["ip"], "mac": entry["mac"], "uri": _uri(call, entry)}


def _create(call: Call, store: Transaction) -> Answer:
    values, bridge = call.values(), call.path["parent"]
    ENTRY.fields.validate(values)
    existing(store, "Bridge", bridge)
    id_ = f"{bridge}/{values['ip']}/{values['mac']}"
    if store.get("Ip4Mac", id_) is not None:
        raise identical_entry(mna_1315=call.quirks.mna_1315)
    entry = {**values, "id": id_, "bridgeId": bridge}
    store.put("Ip4Mac", id_, entry)
    return Answer(201, location=_uri(call, entry))


def _list(call: Call, store: Transaction) -> Answer:
    bridge = call.path["parent"]
    existing(store, "Bridge", bridge)
    effective: dict[str, Object] = {}
    for _, entry in store.found("Ip4Mac", "bridgeId", bridge):
        effective.setdefault(entry["ip"], entry)
    return Answer(200, [_show_entry(call, entry) for entry in effective.values()])


def pair_in_path(call: Call) -> tuple[str, str]:
    """The addresses that the path's ``entry`` names.

    Raises:
        Refusal: 400, it names none.
    """
    text, _, dashed = call.path["entry"].partition("_")
    ip = parse_ipv4(text)
    if ip is None:
        raise bad_request("is not a valid IP address")
    mac = dashed.replace("-", ":")
    if is_loose_mac(mac) is not None:
        raise bad_request(MAC_FORMAT)
    return ip, mac


def _find(call: Call) -> str:
    """The id that the path names."""
    ip, mac = pair_in_path(call)
    return f"{call.path['parent']}/{ip}/{mac}"


def _show(call: Call, store: Transaction) -> Answer:
    id_ = _find(call)
    existing(store, "Bridge", call.path["parent"])
    entry = store.get("Ip4Mac", id_)
    if entry is None:
        raise Refusal(404, "The specified bridge does not have the specified ARP table entry.")
    return Answer(200, _show_entry(call, entry))


def _delete(call: Call, store: Transaction) -> Answer:
    store.remove("Ip4Mac", _find(call))
    return NO_CONTENT


_PATH = "/bridges/{parent:uuid}/arp_table"
_TYPES = types("IP4Mac-v1", generic=False)
_CREATED = types("IP4Mac-v1", json=False, generic=False)
ROUTES = (
    get(_PATH, _list, _TYPES.collection),
    post(_PATH, _create, _CREATED.item, ENTRY.read),
    get(_PATH + "/{entry}", _show, _TYPES.item),
    lacking("PUT", _PATH + "/{entry}", ENTRY.read),
    remove(_PATH + "/{entry}", _delete),
)
