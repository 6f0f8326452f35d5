"""Groups of IP addresses (rest-api 4.14). Messages call them IPAddrGroup."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.addresses import read_ip
from midonet_kubernetes.minimidonet.rest.call import NO_CONTENT, Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.declare import flat, get, item, lacking, post, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.media import Media, vendor
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.rest.route import Route
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.tables import Tables
from midonet_kubernetes.minimidonet.store.transaction import Transaction


def _read_ports(given: Any) -> list[Any]:
    """``ipAddrPorts``: only an empty list can be read (rest-api 11.2)."""
    if given != []:
        raise bad_request("ipAddrPorts cannot be set directly: add addresses to the group")
    return []


def _shape(_: Call, __: Transaction, shown: Object) -> None:
    shown["ipAddrPorts"] = [{"ipAddress": address, "portIds": []} for address in shown.pop("addrs", ())]


IP_ADDR_GROUP = Resource(
    kind="IpAddrGroup",
    collection="ip_addr_groups",
    fields=field.Fields(
        (
            field.uuid("id"),
            field.text("name", low=1, required=True),
            field.ignored("ipAddrPorts", _read_ports),
            field.uuid("inboundChainId"),
            field.uuid("outboundChainId"),
            field.uuids("ruleIds"),
        )
    ),
    links=Links(addrs="ip_addr_groups/{id}/ip_addrs", uri="ip_addr_groups/{id}"),
    shape=_shape,
)
_VERSIONS = ("4", "6")


def _read_address(given: Any) -> Object | None:
    """``version`` says which kind of address the body is, though nobody compares them."""
    if given is None:
        return None
    if not isinstance(given, dict):
        raise coercion.mismatch(given, "an object")
    version = given.get("version")
    text = str(version) if isinstance(version, int | str) and not isinstance(version, bool) else ""
    if text not in _VERSIONS:
        raise bad_request("Could not resolve type id: version has to be 4 or 6")
    address, group = given.get("addr"), given.get("ipAddrGroupId")
    if group is not None:
        coercion.uuid(group)  # not looked at any further
    return {"version": text, "addr": None if address is None else coercion.text(address)}


def _uri(call: Call, group: str, version: str | int, address: str) -> str:
    return f"{call.base}/ip_addr_groups/{group}/versions/{version}/ip_addrs/{quote(address, safe='')}"


def _show_address(call: Call, group: str, address: str) -> dict[str, Any]:
    version = 6 if ":" in address else 4
    return {
        "version": version,
        "addr": address,
        "ipAddrGroupId": group,
        "ipAddrGroup": f"{call.base}/ip_addr_groups/{group}",
        "uri": _uri(call, group, version, address),
    }


def _add(call: Call, store: Transaction) -> Answer:
    values, group_id = call.values(), call.path["parent"]
    if values["addr"] is None:
        raise bad_request("addr has to be an IP address")
    address = read_ip(values["addr"])
    addresses = existing(store, "IpAddrGroup", group_id).get("addrs", [])
    if address in addresses:
        raise Refusal(409, f"IP address group already contains IP {address}.")
    store.change("IpAddrGroup", group_id, addrs=[*addresses, address])
    return Answer(201, location=_uri(call, group_id, values["version"], values["addr"]))


def _list(call: Call, store: Transaction) -> Answer:
    group_id = call.path["parent"]
    group = existing(store, "IpAddrGroup", group_id)
    return Answer(200, [_show_address(call, group_id, address) for address in group.get("addrs", ())])


def _check_version(call: Call, _: Tables) -> None:
    """The version of the path is looked at, but not compared with the address."""
    try:
        version = int(call.path["version"])
    except ValueError:
        raise Refusal(404, plain=True) from None
    if version not in {4, 6}:
        raise bad_request(f"Invalid IP version: {version}")


def _show(call: Call, store: Transaction) -> Answer:
    group_id, address = call.path["parent"], read_ip(call.path["address"])
    group = existing(store, "IpAddrGroup", group_id)
    if address not in group.get("addrs", ()):
        raise Refusal(404, f"The IP address group does not contain the specified address {call.path['address']}")
    return Answer(200, _show_address(call, group_id, address))


def _remove(call: Call, store: Transaction) -> Answer:
    group_id, address = call.path["parent"], read_ip(call.path["address"])
    addresses = existing(store, "IpAddrGroup", group_id).get("addrs", [])
    if address in addresses:
        store.change("IpAddrGroup", group_id, addrs=[other for other in addresses if other != address] or None)
    return NO_CONTENT


_NAME = "IpAddrGroupAddr-v1"
_TYPES = types("IpAddrGroup-v1", json=False)
_ADDRESS = types(_NAME, json=False, generic=False)
# Another type falls through to the verb that every resource inherits, which is not supported: 405.
_ADDED = Media((vendor(_NAME),), generic=False, otherwise=405)
_LISTED = Media((vendor(f"collection.{_NAME}"),), generic=False, otherwise=405)
_PATH = "/ip_addr_groups/{parent:uuid}/ip_addrs"
_VERSION_PATH = "/ip_addr_groups/{parent:uuid}/versions/{version}/ip_addrs"
_ITEM = _VERSION_PATH + "/{address}"
ROUTES = (
    *flat(IP_ADDR_GROUP, _TYPES),
    *item(IP_ADDR_GROUP, _TYPES, replacing=False),
    get(_PATH, _list, _LISTED),
    post(_PATH, _add, _ADDED, _read_address),
    lacking("GET", _PATH + "/{id}"),
    lacking("PUT", _PATH + "/{id}", _read_address),
    lacking("DELETE", _PATH + "/{id}"),
    lacking("GET", _VERSION_PATH, locator=_check_version),
    lacking("POST", _VERSION_PATH, _read_address, locator=_check_version),
    Route("GET", _ITEM, _show, _ADDRESS.item, locator=_check_version),
    lacking("PUT", _ITEM, _read_address, locator=_check_version),
    Route("DELETE", _ITEM, _remove, locator=_check_version),
)
