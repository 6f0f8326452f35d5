"""The MAC tables of a bridge, one for each VLAN (rest-api 4.12)."""

from __future__ import annotations

from collections.abc import Iterator

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.checks import is_loose_mac, is_mac
from midonet_kubernetes.minimidonet.rest.declare import get, lacking, post, remove, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

_BAD_MAC = "MAC address must consist of six pairs of hex digits separated by hyphens, e.g., 12-34-56-78-9a-bc."
_read_vlan = coercion.integer(-(2**15), 2**15 - 1)

ENTRY = Resource(
    kind="MacPort",
    collection="bridges",
    fields=field.Fields(
        (
            field.Field("macAddr", coercion.text, required=True, checks=(is_mac,)),
            field.uuid("portId", required=True),
            field.Field("vlanId", _read_vlan, default=0, null=0),
        )
    ),
    links=Links(),
)


def item_name(key: str, other: str) -> str:
    """The last segment of an entry's URI."""
    return f"{key}_{other}"


def _uri(call: Call, entry: Object) -> str:
    vlan = entry.get("vlanId", 0)
    vlans = f"/vlans/{vlan}" if vlan else ""
    name = item_name(entry["macAddr"].replace(":", "-"), entry["portId"])
    return f"{call.base}/bridges/{entry['bridgeId']}{vlans}/mac_table/{name}"


def _show_entry(call: Call, entry: Object) -> Object:
    shown = {"macAddr": entry["macAddr"], "portId": entry["portId"], "vlanId": entry.get("vlanId", 0)}
    return {**shown, "uri": _uri(call, entry)}


def _vlan(call: Call) -> int | None:
    """The VLAN of the path, if it has one."""
    text = call.path.get("vlan")
    if text is None:
        return None
    try:
        return int(_read_vlan(text) or 0)
    except Refusal:
        raise Refusal(404, plain=True) from None


def _need_table(store: Transaction, bridge: str, vlan: int) -> None:
    if store.get("MacTable", f"{bridge}/{vlan}") is None:
        raise Refusal(404, f"The specified bridge has no ports assigned to VLAN {vlan}.")


def _create(call: Call, store: Transaction) -> Answer:
    values, bridge = call.values(), call.path["parent"]
    ENTRY.fields.validate(values)
    path_vlan = _vlan(call)
    vlan = values.get("vlanId", 0) if path_vlan is None else path_vlan
    port = existing(store, "Port", values["portId"])
    if port["type"] != "Bridge" or port["deviceId"] != bridge:
        raise bad_request("The port must belong to the bridge that owns the MAC table.")
    if port.get("vlanId", 0) not in {0, vlan}:
        raise bad_request(f"The specified port handles traffic only for VLAN {port['vlanId']}.")
    id_ = f"{bridge}/{vlan}/{values['macAddr']}/{values['portId']}"
    if store.get("MacPort", id_) is not None:
        raise _again(call)
    entry = {"id": id_, "bridgeId": bridge, "macAddr": values["macAddr"], "portId": values["portId"]}
    if vlan:
        entry["vlanId"] = vlan
    store.put("MacPort", id_, entry)
    if store.get("MacTable", f"{bridge}/{vlan}") is None:
        store.put("MacTable", f"{bridge}/{vlan}", {"bridgeId": bridge})
    return Answer(201, location=_uri(call, entry))


def _again(call: Call) -> Refusal:
    """The same entry once more (MNA-1315: an exception that MidoNet does not catch)."""
    return identical_entry(mna_1315=call.quirks.mna_1315)


def identical_entry(*, mna_1315: bool) -> Refusal:
    """The answer to an entry of a table that is there already."""
    return Refusal(500, page=True) if mna_1315 else Refusal(409, "The table has this entry already.")


def _effective(store: Transaction, bridge: str, vlan: int | None) -> Iterator[Object]:
    """One entry for each MAC and VLAN, the first that was made."""
    seen: set[tuple[int, str]] = set()
    for _, entry in store.found("MacPort", "bridgeId", bridge):
        key = entry.get("vlanId", 0), entry["macAddr"]
        if key not in seen and vlan in {None, key[0]}:
            seen.add(key)
            yield entry


def _list(call: Call, store: Transaction) -> Answer:
    bridge, vlan = call.path["parent"], _vlan(call)
    if vlan is not None:
        _need_table(store, bridge, vlan)
    return Answer(200, [_show_entry(call, entry) for entry in _effective(store, bridge, vlan)])


def _find(call: Call, store: Transaction) -> str:
    """The id that the path names."""
    bridge, vlan = call.path["parent"], _vlan(call) or 0
    dashed, _, port = call.path["entry"].partition("_")
    mac = dashed.replace("-", ":")
    if is_loose_mac(mac) is not None:
        raise bad_request(_BAD_MAC)
    port_id = coercion.uuid_in_uri(port)
    if port_id is None:
        raise bad_request("After the MAC address and an underscore has to come the id of a port.")
    _need_table(store, bridge, vlan)
    return f"{bridge}/{vlan}/{mac}/{port_id}"


def _show(call: Call, store: Transaction) -> Answer:
    entry = store.get("MacPort", _find(call, store))
    if entry is None:
        raise Refusal(404, "The specified bridge does not have the specified MAC-port mapping.")
    return Answer(200, _show_entry(call, entry))


def _delete(call: Call, store: Transaction) -> Answer:
    store.remove("MacPort", _find(call, store))
    return NO_CONTENT


_TYPES = types("MacPort-v2", generic=False)
_PATHS = ("/bridges/{parent:uuid}/mac_table", "/bridges/{parent:uuid}/vlans/{vlan}/mac_table")
ROUTES = tuple(
    route
    for path in _PATHS
    for route in (
        get(path, _list, _TYPES.collection),
        post(path, _create, _TYPES.item, ENTRY.read),
        get(path + "/{entry}", _show, _TYPES.item),
        lacking("PUT", path + "/{entry}", ENTRY.read),
        remove(path + "/{entry}", _delete),
    )
)
