"""DHCPv6 subnets of a bridge and their hosts (rest-api 11.2, 11.4): as for IPv4, with less of everything."""

from __future__ import annotations

import re
from typing import Any

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.addresses import parse_ip, read_ip, split_subnet
from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, existing, random_uuid
from midonet_kubernetes.minimidonet.rest.checks import matches
from midonet_kubernetes.minimidonet.rest.declare import get, post, put, remove, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.routes.dhcp import no_subnet
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

_KIND = "DhcpV6Subnet"


_is_ipv6 = matches(re.compile(r"(?:[0-9A-Fa-f]{1,4}:){7}[0-9A-Fa-f]{1,4}"), "is an invalid IPv6 format")  # all eight groups


def _read_ip(given: Any) -> str:
    return read_ip(coercion.text(given))


SUBNET = Resource(
    kind=_KIND,
    collection="bridges",
    fields=field.Fields(
        (
            field.Field("prefix", coercion.text, required=True, checks=(_is_ipv6,)),
            field.number("prefixLength", 0, 128),
        )
    ),
    links=Links(),
)
HOST = Resource(
    kind="DhcpV6Host",
    collection="bridges",
    fields=field.Fields((field.text("clientId"), field.Field("fixedAddress", _read_ip), field.text("name"))),
    links=Links(),
)


def _name(subnet: Object, separator: str = "_") -> str:
    return f"{subnet['prefix']}{separator}{subnet.get('prefixLength', 0)}"


def _uri(call: Call, subnet: Object) -> str:
    return f"{call.base}/bridges/{subnet['bridgeId']}/dhcpV6/{_name(subnet)}"


def _show_subnet(call: Call, subnet: Object) -> Object:
    uri = _uri(call, subnet)
    return {"prefix": subnet["prefix"], "prefixLength": subnet.get("prefixLength", 0), "hosts": f"{uri}/hostsV6", "uri": uri}


def _wanted(call: Call) -> tuple[str, int]:
    """Prefix and length of the path.

    Raises:
        Refusal: 400, the path names none.
    """
    prefix, length = split_subnet(call.path["subnet"], "_", 128)
    parsed = parse_ip(prefix)
    if parsed is None or ":" not in parsed:
        raise bad_request(f"{call.path['subnet']} is not an IPv6 prefix and a length joined by an underscore")
    return parsed, length


def _find(call: Call, store: Transaction) -> Object | None:
    bridge, wanted = call.path["parent"], _wanted(call)
    existing(store, "Bridge", bridge)
    for _, subnet in store.found(_KIND, "bridgeId", bridge):
        if (subnet["prefix"], subnet.get("prefixLength", 0)) == wanted:
            return subnet
    return None


def _existing(call: Call, store: Transaction, name: str) -> Object:
    """The subnet; ``name`` is what a refusal calls it."""
    subnet = _find(call, store)
    if subnet is None:
        raise no_subnet(call.path["parent"], name)
    return subnet


def _of_hosts(call: Call, store: Transaction) -> Object:
    """The subnet, for a change of its hosts."""
    prefix, length = _wanted(call)
    return _existing(call, store, f"{prefix}/{length}")


def _shown(call: Call, store: Transaction) -> Object:
    """The subnet, for a GET: what is missing is an empty 404."""
    subnet = _find(call, store)
    if subnet is None:
        raise Refusal(404, plain=True)
    return subnet


def _create(call: Call, store: Transaction) -> Answer:
    values, bridge = call.values(), call.path["parent"]
    SUBNET.fields.validate(values)
    existing(store, "Bridge", bridge)
    id_ = random_uuid()
    subnet = {**values, "id": id_, "bridgeId": bridge, "prefix": read_ip(values["prefix"])}
    store.put(_KIND, id_, subnet)
    return Answer(201, location=_uri(call, subnet))


def _list(call: Call, store: Transaction) -> Answer:
    bridge = call.path["parent"]
    existing(store, "Bridge", bridge)
    return Answer(200, [_show_subnet(call, subnet) for _, subnet in store.found(_KIND, "bridgeId", bridge)])


def _show(call: Call, store: Transaction) -> Answer:
    return Answer(200, _show_subnet(call, _shown(call, store)))


def _replace(call: Call, store: Transaction) -> Answer:
    old, values = _existing(call, store, call.path["subnet"]), call.values()
    prefix = read_ip(values.get("prefix") or "")  # nothing else is validated
    if ":" not in prefix:
        raise bad_request("A subnet needs an IPv6 prefix")
    kept: Object = {name: old[name] for name in ("id", "bridgeId", "hosts") if name in old}
    store.put(_KIND, old["id"], {**values, **kept, "prefix": prefix})
    return NO_CONTENT


def _delete(call: Call, store: Transaction) -> Answer:
    store.delete(_KIND, _existing(call, store, call.path["subnet"])["id"])
    return NO_CONTENT


def _hosts(subnet: Object) -> list[Object]:
    hosts: list[Object] = subnet.get("hosts", [])
    return hosts


def _host_uri(call: Call, subnet: Object, client: str) -> str:
    return f"{_uri(call, subnet)}/hostsV6/{client.replace(':', '-')}"


def _show_host(call: Call, subnet: Object, host: Object) -> Object:
    return {**HOST.fields.defaults, **host, "uri": _host_uri(call, subnet, host["clientId"])}


def _create_host(call: Call, store: Transaction) -> Answer:
    values = call.values()
    subnet, client = _of_hosts(call, store), values.get("clientId")
    if client is None:
        raise bad_request("A host needs a clientId")
    if any(host["clientId"] == client for host in _hosts(subnet)):
        where = f"Subnet {_name(subnet, '/')} on bridge {subnet['bridgeId']}"
        raise Refusal(409, f"{where} already has a host with MAC address {values.get('fixedAddress')}.")
    store.change(_KIND, subnet["id"], hosts=[*_hosts(subnet), values])
    return Answer(201, location=_host_uri(call, subnet, client))


def _list_hosts(call: Call, store: Transaction) -> Answer:
    subnet = _shown(call, store)
    return Answer(200, [_show_host(call, subnet, host) for host in _hosts(subnet)])


def _find_host(call: Call, subnet: Object) -> Object | None:
    client = call.path["client"].replace("-", ":")
    return next((host for host in _hosts(subnet) if host["clientId"] == client), None)


def _show_one_host(call: Call, store: Transaction) -> Answer:
    subnet = _shown(call, store)
    host = _find_host(call, subnet)
    if host is None:
        raise Refusal(404, plain=True)
    return Answer(200, _show_host(call, subnet, host))


def _existing_host(call: Call, store: Transaction) -> tuple[Object, Object]:
    """Subnet and host; a missing host is told as a missing subnet, as MidoNet does."""
    subnet = _of_hosts(call, store)
    host = _find_host(call, subnet)
    if host is None:
        raise no_subnet(subnet["bridgeId"], _name(subnet, "/"))
    return subnet, host


def _replace_host(call: Call, store: Transaction) -> Answer:
    subnet, old = _existing_host(call, store)
    values = call.values()
    values.setdefault("clientId", old["clientId"])
    store.change(_KIND, subnet["id"], hosts=[values if host is old else host for host in _hosts(subnet)])
    return NO_CONTENT


def _delete_host(call: Call, store: Transaction) -> Answer:
    subnet, old = _existing_host(call, store)
    store.change(_KIND, subnet["id"], hosts=[host for host in _hosts(subnet) if host is not old] or None)
    return NO_CONTENT


_SUBNET, _HOST = types("DhcpV6Subnet-v1", generic=False), types("DhcpV6Host-v1", generic=False)
_SUBNETS = types("DhcpV6Subnet-v1", json=False, generic=False)
_HOSTS = types("DhcpV6Host-v1", json=False, generic=False)
_PATH = "/bridges/{parent:uuid}/dhcpV6"
_HOST_PATH = _PATH + "/{subnet}/hostsV6"
ROUTES = (
    get(_PATH, _list, _SUBNETS.collection),
    post(_PATH, _create, types("DhcpV6Subnet-v1").item, SUBNET.read),
    get(_PATH + "/{subnet}", _show, _SUBNET.item),
    put(_PATH + "/{subnet}", _replace, _SUBNET.item, SUBNET.read),
    remove(_PATH + "/{subnet}", _delete),
    get(_HOST_PATH, _list_hosts, _HOSTS.collection),
    post(_HOST_PATH, _create_host, _HOST.item, HOST.read),
    get(_HOST_PATH + "/{client}", _show_one_host, _HOST.item),
    put(_HOST_PATH + "/{client}", _replace_host, _HOST.item, HOST.read),
    remove(_HOST_PATH + "/{client}", _delete_host),
)
