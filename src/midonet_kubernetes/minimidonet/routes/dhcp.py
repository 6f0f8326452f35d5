"""DHCP subnets of a bridge and their hosts (rest-api 11.2). A subnet has no id: prefix and length as sent are its name."""

from __future__ import annotations

from typing import Any

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.addresses import parse_ipv4, read_ip, split_subnet
from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.coercion import mismatch
from midonet_kubernetes.minimidonet.rest.declare import get, post, put, remove, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

_IPV4 = "is an invalid IPv4 format"
_integer = coercion.integer()


def _read_address(given: Any) -> str:
    """An address that validation passes over, of either family."""
    return read_ip(coercion.text(given))


def _read_route(given: Any) -> Object:
    if not isinstance(given, dict):
        raise mismatch(given, "a route")
    prefix, length, gateway = (given.get(name) for name in ("destinationPrefix", "destinationLength", "gatewayAddr"))
    read_length = 0 if length is None else _integer(length) or 0
    has_prefix = prefix is not None and coercion.text(prefix) != ""
    return {
        "destinationPrefix": _read_address(prefix) if has_prefix else None,
        "destinationLength": read_length if has_prefix else 0,  # a length without its prefix is lost
        "gatewayAddr": None if gateway is None else _read_address(gateway),
    }


SUBNET = Resource(
    kind="DhcpSubnet",
    collection="bridges",
    fields=field.Fields(
        (
            field.ipv4("subnetPrefix", required=True, message=_IPV4),
            field.number("subnetLength", 0, 32),
            field.ipv4("defaultGateway", message=_IPV4),
            field.ipv4("serverAddr", message=_IPV4),
            field.Field("dnsServerAddrs", coercion.list_of(_read_address)),
            field.number("interfaceMTU", 0, 65536, default=None),
            field.Field("opt121Routes", coercion.list_of(_read_route), default=[], null=[]),
            field.Field("enabled", coercion.boolean, default=True, null=True),
        )
    ),
    links=Links(),
)


def name_of(subnet: Object, separator: str = "_") -> str:
    """Prefix and length, as in paths."""
    return f"{subnet['subnetPrefix']}{separator}{subnet.get('subnetLength', 0)}"


def _show_subnet(call: Call, subnet: Object) -> Object:
    shown = {**SUBNET.fields.defaults, **subnet}
    for name in ("id", "bridgeId", "hosts"):
        shown.pop(name, None)
    shown["dnsServerAddrs"] = shown["dnsServerAddrs"] or None
    uri = f"{call.base}/bridges/{subnet['bridgeId']}/dhcp/{name_of(subnet)}"
    return {**shown, "hosts": f"{uri}/hosts", "uri": uri}


def subnet_id(call: Call) -> str:
    """The id of the subnet in the path.

    Raises:
        Refusal: 400, the path names none.
    """
    prefix, length = split_subnet(call.path["subnet"], "_", 32)
    address = parse_ipv4(prefix)
    if address is None:
        raise bad_request(f"{call.path['subnet']} is not an IPv4 prefix and a length joined by an underscore")
    return f"{call.path['parent']}/{address}_{length}"


def _create(call: Call, store: Transaction) -> Answer:
    values, bridge = call.values(), call.path["parent"]
    SUBNET.fields.validate(values)
    existing(store, "Bridge", bridge)
    id_ = f"{bridge}/{name_of(values)}"
    if store.get("DhcpSubnet", id_) is not None:
        raise Refusal(409, f"The specified DHCP subnet({name_of(values, '/')}) already exists on this bridge.")
    store.put("DhcpSubnet", id_, {**values, "id": id_, "bridgeId": bridge})
    return Answer(201, location=f"{call.base}/bridges/{bridge}/dhcp/{name_of(values)}")


def _list(call: Call, store: Transaction) -> Answer:
    bridge = call.path["parent"]
    existing(store, "Bridge", bridge)
    return Answer(200, [_show_subnet(call, subnet) for _, subnet in store.found("DhcpSubnet", "bridgeId", bridge)])


def _show(call: Call, store: Transaction) -> Answer:
    id_ = subnet_id(call)
    existing(store, "Bridge", call.path["parent"])
    subnet = store.get("DhcpSubnet", id_)
    if subnet is None:
        raise Refusal(404, plain=True)
    return Answer(200, _show_subnet(call, subnet))


def _existing(call: Call, store: Transaction) -> Object:
    bridge = call.path["parent"]
    existing(store, "Bridge", bridge)
    subnet = store.get("DhcpSubnet", subnet_id(call))
    if subnet is None:
        raise no_subnet(bridge, call.path["subnet"])
    return subnet


def no_subnet(bridge: str, name: str) -> Refusal:
    """404 for a subnet that is not there."""
    return Refusal(404, f"Network {bridge} does not have a subnet with address {name}.")


def _replace(call: Call, store: Transaction) -> Answer:
    """Nothing is validated, hosts stay, and another prefix in the body moves the subnet."""
    old = _existing(call, store)
    values = call.values()
    if values.get("subnetPrefix") is None:
        raise bad_request("A subnet needs a subnetPrefix")
    for name in ("subnetPrefix", "defaultGateway", "serverAddr"):
        if values.get(name) is not None:
            values[name] = _read_address(values[name])
    new = f"{old['bridgeId']}/{name_of(values)}"
    if new != old["id"] and store.get("DhcpSubnet", new) is not None:
        raise Refusal(409, f"The specified DHCP subnet({name_of(values, '/')}) already exists on this bridge.")
    kept: Object = {name: old[name] for name in ("bridgeId", "hosts") if name in old}
    if new != old["id"]:
        store.remove("DhcpSubnet", old["id"])
    store.put("DhcpSubnet", new, {**values, **kept, "id": new})
    return NO_CONTENT


def _delete(call: Call, store: Transaction) -> Answer:
    store.delete("DhcpSubnet", _existing(call, store)["id"])
    return NO_CONTENT


_CREATED, _ITEM = types("DhcpSubnet-v2"), types("DhcpSubnet-v2", generic=False)
_LISTED = types("DhcpSubnet-v2", json=False, generic=False)
_PATH = "/bridges/{parent:uuid}/dhcp"
ROUTES = (
    get(_PATH, _list, _LISTED.collection),
    post(_PATH, _create, _CREATED.item, SUBNET.read),
    get(_PATH + "/{subnet}", _show, _ITEM.item),
    put(_PATH + "/{subnet}", _replace, _ITEM.item, SUBNET.read),
    remove(_PATH + "/{subnet}", _delete),
)
