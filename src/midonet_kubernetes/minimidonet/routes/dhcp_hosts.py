"""The hosts of a DHCP subnet (rest-api 11.2): MAC addresses with what they are given. Kept inside their subnet."""

from __future__ import annotations

import re
from typing import Any

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.addresses import read_ip
from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.checks import MAC_FORMAT
from midonet_kubernetes.minimidonet.rest.coercion import mismatch
from midonet_kubernetes.minimidonet.rest.declare import get, post, put, remove, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.routes.dhcp import name_of, no_subnet, subnet_id
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

_MAC = re.compile(r"[0-9a-fA-F]{1,2}(?::[0-9a-fA-F]{1,2}){5}")


def _read_ip(given: Any) -> str:
    return read_ip(coercion.text(given))


def _read_option(given: Any) -> Object:
    if not isinstance(given, dict):
        raise mismatch(given, "an option")
    named = {name: given.get(name) for name in ("optName", "optValue")}
    return {name: None if value is None else coercion.text(value) for name, value in named.items()}


HOST = Resource(
    kind="DhcpHost",
    collection="bridges",
    fields=field.Fields(
        (
            field.Field("macAddr", coercion.text),
            field.Field("ipAddr", _read_ip),
            field.text("name"),
            field.Field("extraDhcpOpts", coercion.list_of(_read_option), default=[], null=[]),
        )
    ),
    links=Links(),
)


def _subnet(call: Call, store: Transaction) -> Object:
    bridge = call.path["parent"]
    existing(store, "Bridge", bridge)
    subnet = store.get("DhcpSubnet", subnet_id(call))
    if subnet is None:
        raise no_subnet(bridge, subnet_id(call).partition("/")[2].replace("_", "/"))
    return subnet


def _checked_mac(given: object) -> str:
    if not isinstance(given, str) or _MAC.fullmatch(given) is None:
        raise bad_request(f"{MAC_FORMAT} but was {given}.")
    return given


def _key(mac: str) -> str:
    """MAC addresses that are equal have one key."""
    return ":".join(f"{int(part, 16):02x}" for part in mac.split(":"))


def _hosts(subnet: Object) -> list[Object]:
    hosts: list[Object] = subnet.get("hosts", [])
    return hosts


def _uri(call: Call, subnet: Object, mac: str) -> str:
    return f"{call.base}/bridges/{subnet['bridgeId']}/dhcp/{name_of(subnet)}/hosts/{mac}"


def _show_host(call: Call, subnet: Object, host: Object) -> Object:
    return {**HOST.fields.defaults, **host, "uri": _uri(call, subnet, host["macAddr"])}


def _create(call: Call, store: Transaction) -> Answer:
    values = call.values()
    subnet = _subnet(call, store)
    mac = _checked_mac(values.get("macAddr"))
    if any(_key(host["macAddr"]) == _key(mac) for host in _hosts(subnet)):
        raise Refusal(
            409,
            f"Subnet {name_of(subnet, '/')} on bridge {subnet['bridgeId']} already has a host with MAC address {mac}.",
        )
    store.change("DhcpSubnet", subnet["id"], hosts=[*_hosts(subnet), values])
    return Answer(201, location=_uri(call, subnet, mac))


def _list(call: Call, store: Transaction) -> Answer:
    subnet = _subnet(call, store)
    return Answer(200, [_show_host(call, subnet, host) for host in _hosts(subnet)])


def _find(call: Call, store: Transaction) -> tuple[Object, Object]:
    """Subnet and host of the path. A missing host is told as a missing subnet, as MidoNet does."""
    subnet, wanted = _subnet(call, store), _key(_checked_mac(call.path["mac"]))
    for host in _hosts(subnet):
        if _key(host["macAddr"]) == wanted:
            return subnet, host
    raise no_subnet(subnet["bridgeId"], name_of(subnet, "/"))


def _show(call: Call, store: Transaction) -> Answer:
    return Answer(200, _show_host(call, *_find(call, store)))


def _replace(call: Call, store: Transaction) -> Answer:
    subnet, old = _find(call, store)
    values = call.values()
    values["macAddr"] = _checked_mac(values.get("macAddr"))
    hosts = [values if host is old else host for host in _hosts(subnet)]
    store.change("DhcpSubnet", subnet["id"], hosts=hosts)
    return NO_CONTENT


def _delete(call: Call, store: Transaction) -> Answer:
    subnet, old = _find(call, store)
    store.change("DhcpSubnet", subnet["id"], hosts=[host for host in _hosts(subnet) if host is not old] or None)
    return NO_CONTENT


_TYPES = types("DhcpHost-v2", generic=False)
_LISTED = types("DhcpHost-v2", json=False, generic=False)
_PATH = "/bridges/{parent:uuid}/dhcp/{subnet}/hosts"
ROUTES = (
    get(_PATH, _list, _LISTED.collection),
    post(_PATH, _create, _TYPES.item, HOST.read),
    get(_PATH + "/{mac}", _show, _TYPES.item),
    put(_PATH + "/{mac}", _replace, _TYPES.item, HOST.read),
    remove(_PATH + "/{mac}", _delete),
)
