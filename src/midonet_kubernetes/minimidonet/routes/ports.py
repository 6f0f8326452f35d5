"""Ports of bridges and routers (rest-api 4.5)."""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import Any

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.addresses import network_of, read_subnet
from midonet_kubernetes.minimidonet.rest.call import Answer, Call, Handler, existing, random_uuid
from midonet_kubernetes.minimidonet.rest.declare import collection, item, nested, types, view
from midonet_kubernetes.minimidonet.rest.field import Fields
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import bad_request, occupied
from midonet_kubernetes.minimidonet.rest.resource import Needs, Resource, read_object
from midonet_kubernetes.minimidonet.rest.verbs import create, show_all
from midonet_kubernetes.minimidonet.store.counters import take_number
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

_KINDS = {
    "Bridge": "Bridge",
    "ExteriorBridge": "Bridge",
    "InteriorBridge": "Bridge",
    "Router": "Router",
    "ExteriorRouter": "Router",
    "InteriorRouter": "Router",
    "Vxlan": "Vxlan",
}
_SET_ONCE = ("hostId", "interfaceName", "peerId")  # PUT can set them, not clear or change them

_COMMON = (
    field.uuid("id"),
    field.Field("type", coercion.text),
    field.uuid("deviceId"),
    field.flag("adminStateUp", default=True),
    field.uuid("inboundFilterId"),
    field.uuid("outboundFilterId"),
    field.Field("tunnelKey", coercion.integer(-(2**63), 2**63 - 1), null=0),
    field.uuid("vifId"),
    field.uuid("hostId"),
    field.text("interfaceName"),
    field.uuid("peerId"),
    field.uuids("inboundMirrorIds"),
    field.uuids("outboundMirrorIds"),
    field.uuids("postInFilterMirrorIds"),
    field.uuids("preOutFilterMirrorIds"),
    field.uuids("insertionIds"),
    field.uuid("qosPolicyId"),
    field.ignored("active", coercion.boolean),
)
_BRIDGE_PORT = Fields((*_COMMON, field.Field("vlanId", coercion.integer(-(2**15), 2**15 - 1), default=0, null=0)))
_ROUTER_PORT = Fields(
    (
        *_COMMON,
        field.Field("portSubnet", coercion.list_of(coercion.text)),
        field.ipv4("portAddress"),
        field.ipv4("networkAddress"),
        field.number("networkLength", 0, 32),
        field.text("portMac"),
        field.number("rtrPortVni", 0, 0xFFFFFF, default=None),
        field.Field("offRampVxlan", coercion.boolean),
        field.uuid("serviceContainerId"),
        field.ignored("bgpStatus", coercion.text),
    )
)
FIELDS = {"Bridge": _BRIDGE_PORT, "Router": _ROUTER_PORT}


def _read(given: Any) -> Object | None:
    """A port's body; ``type`` says which fields it has."""
    if not isinstance(given, dict):
        return read_object(_BRIDGE_PORT, given)
    kind = _KINDS.get(given["type"]) if isinstance(given.get("type"), str) else None
    if kind is None:
        raise bad_request("Could not resolve type id: type has to be Bridge or Router")
    return {**FIELDS.get(kind, _BRIDGE_PORT).read(given), "type": kind}


class _Port(Resource):
    """A port has the fields of its type."""

    def read(self, given: Any) -> Object | None:
        return _read(given)

    def show(self, call: Call, store: Transaction, object_: Object) -> dict[str, Any]:
        is_router_port = object_["type"] == "Router"
        shown = {**(_ROUTER_PORT if is_router_port else _BRIDGE_PORT).defaults, **object_}
        shown.pop("_bound", None)
        shown["active"] = _is_active(call, store, object_)
        if is_router_port:
            shown.update(_addresses(shown.get("portSubnet") or []))
            shown.update(serviceContainer=None, bgpStatus=None)
            _ROUTER_LINKS.add_to(shown, call.base)
        else:
            _BRIDGE_LINKS.add_to(shown, call.base)
        self.links.add_to(shown, call.base)
        return shown


def _addresses(subnets: list[str]) -> Object:
    """The legacy fields, from the first IPv4 entry."""
    for subnet in subnets:
        if ":" not in subnet:
            address, network, length = network_of(subnet)
            return {"portSubnet": subnets, "portAddress": address, "networkAddress": network, "networkLength": length}
    return {"portSubnet": subnets, "networkAddress": None, "networkLength": 0}


def _is_active(call: Call, store: Transaction, port: Object) -> bool:
    """Bound, the host's agent is there, and it reports the interface."""
    host, interface = port.get("hostId"), port.get("interfaceName")
    if host is None or interface is None or not call.is_alive(host):
        return False
    reported = (store.get("Host", host) or {}).get("_interfaces", ())
    return any(known.get("name") == interface for known in reported)


def _settle_addresses(values: Object) -> None:
    """Make ``portSubnet`` the one truth: with an entry it decides; else the legacy fields do."""
    address, length = values.pop("portAddress", None), values.pop("networkLength", 0)
    values.pop("networkAddress", None)
    given = values.get("portSubnet")
    if not given and address is not None:
        given = [f"{address}/{length}"]
    if given is not None:
        subnets = values["portSubnet"] = [read_subnet(subnet) for subnet in given]
        if address is not None and all(":" in subnet for subnet in subnets):
            values["portAddress"] = address  # shown, though of no use


def _claim_peer(store: Transaction, _: Object, peer: str) -> None:
    """A port has one peer; a port that is being made with itself as its peer has one already."""
    known = store.get("Port", peer)
    other = peer if known is None else known.get("peerId")
    if other is not None:
        raise occupied("Port", peer, "Port", other, "peer_id")


def _before_create(store: Transaction, values: Object) -> None:
    values["tunnelKey"] = take_number(store, "tunnelKey", first=2)
    if values["type"] == "Router":
        _settle_addresses(values)
        if values.get("portMac") is None:
            values["portMac"] = "ac:ca:ba:" + secrets.token_bytes(3).hex(":")
    if values.get("hostId") is not None:
        values["_bound"] = take_number(store, "bound", first=1)


def _after_create(_: Call, store: Transaction, port: Object) -> None:
    if port["type"] == "Router" and "portSubnet" not in port:
        raise bad_request("A router port needs portSubnet or portAddress")
    if port.get("peerId") is not None:
        store.change("Port", port["peerId"], peerId=port["id"])
    for subnet in port.get("portSubnet", ()):
        if ":" not in subnet:
            _add_local_route(store, port, subnet.partition("/")[0])


def _add_local_route(store: Transaction, port: Object, address: str) -> None:
    id_ = random_uuid()
    route = {"id": id_, "type": "Local", "routerId": port["deviceId"], "nextHopPort": port["id"]}
    route |= {"srcNetworkAddr": "0.0.0.0", "dstNetworkAddr": address, "dstNetworkLength": 32}  # noqa: S104 - a prefix
    store.put("Route", id_, route)


def _before_replace(call: Call, store: Transaction, old: Object, values: Object) -> None:
    if values["type"] != old["type"]:
        raise bad_request(f"The port is a {old['type']} port and stays one")
    for name in _SET_ONCE:
        if old.get(name) is not None:
            values[name] = old[name]
    if values["type"] == "Router":
        _settle_addresses(values)
        if not call.quirks.mna_1251 and values.get("portMac") is None and "portMac" in old:
            values["portMac"] = old["portMac"]
    if values.get("hostId") is not None and old.get("hostId") is None:
        values["_bound"] = take_number(store, "bound", first=1)


def _after_replace(_: Call, store: Transaction, old: Object, values: Object) -> None:
    if values.get("peerId") is not None and old.get("peerId") is None:
        store.change("Port", values["peerId"], peerId=values["id"])


def _references(device: str) -> tuple[Needs, ...]:
    """What a port of a ``device`` (a kind) refers to: a bridge is looked up before filters, a router after them."""
    return (
        Needs("insertionIds", "L2Insertion"),
        Needs("serviceContainerId", "ServiceContainer"),
        *([Needs("deviceId", "Bridge")] if device == "Bridge" else []),
        Needs("peerId", "Port", _claim_peer),
        Needs("hostId", "Host"),
        Needs("inboundFilterId", "Chain"),
        Needs("outboundFilterId", "Chain"),
        *([Needs("deviceId", "Router")] if device == "Router" else []),
        Needs("inboundMirrorIds", "Mirror"),
        Needs("postInFilterMirrorIds", "Mirror"),
        Needs("outboundMirrorIds", "Mirror"),
        Needs("preOutFilterMirrorIds", "Mirror"),
        Needs("qosPolicyId", "QosPolicy"),
    )


PORT = _Port(
    kind="Port",
    collection="ports",
    fields=_ROUTER_PORT,
    links=Links(
        inboundFilter="chains/{inboundFilterId}",
        outboundFilter="chains/{outboundFilterId}",
        host="hosts/{hostId}",
        peer="ports/{peerId}",
        hostInterfacePort="hosts/{hostId}/ports/{id}",
        portGroups="ports/{id}/port_groups",
        link="ports/{id}/link",
        uri="ports/{id}",
    ),
    references=_references(""),
    kept=("deviceId", "tunnelKey", "insertionIds", "serviceContainerId", "_bound"),
    before_replace=_before_replace,
    after_replace=_after_replace,
    after_create=_after_create,
    delete_missing=404,
)
_BRIDGE_LINKS = Links(device="bridges/{deviceId}")
_ROUTER_LINKS = Links(device="routers/{deviceId}", peeringTable="routers/{deviceId}/ports/{id}/peering_table")


def _create_below(parent: str) -> Handler:
    def before_create(_: Call, store: Transaction, values: Object) -> None:
        if values["type"] != parent:
            raise bad_request("Not a bridge port." if parent == "Bridge" else "Not a router port.")
        _before_create(store, values)

    return create(replace(PORT, before_create=before_create, references=_references(parent)), "deviceId")


def _peers_of(parent: str) -> Handler:
    def handler(call: Call, store: Transaction) -> Answer:
        existing(store, parent, call.path["parent"])
        peers = [port.get("peerId") for _, port in store.found("Port", "deviceId", call.path["parent"])]
        found = [store.get("Port", peer) for peer in peers if peer is not None]
        return Answer(200, [PORT.show(call, store, peer) for peer in found if peer is not None])

    return handler


def _no_vxlan_ports(call: Call, store: Transaction) -> Answer:
    existing(store, "Bridge", call.path["parent"])
    return Answer(200, [])


_TYPES = types("Port-v3", "Port-v4")
_PEER_TYPES = types("Port-v3", "Port-v4", generic=False)
ROUTES = (
    *collection("/ports", PORT, _TYPES, listing=show_all(PORT)),
    *item(PORT, _TYPES),
    *nested(PORT, _TYPES, "Bridge", "bridges", "deviceId", creating=_create_below("Bridge")),
    *nested(PORT, _TYPES, "Router", "routers", "deviceId", creating=_create_below("Router")),
    *view("/bridges/{parent:uuid}/peer_ports", PORT, _peers_of("Bridge"), _PEER_TYPES.collection),
    *view("/routers/{parent:uuid}/peer_ports", PORT, _peers_of("Router"), _PEER_TYPES.collection),
    *view("/bridges/{parent:uuid}/vxlan_ports", PORT, _no_vxlan_ports, _PEER_TYPES.collection),
)
