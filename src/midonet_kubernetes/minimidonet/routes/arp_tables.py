"""The ARP table of a bridge: Ip4MacPair (rest-api 4.13)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest.declare import get, lacking, post, remove, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.routes.address_pairs import FIELDS, AddressPairs

ENTRY = Resource(kind="Ip4Mac", collection="bridges", fields=FIELDS, links=Links())
_PAIRS = AddressPairs(
    kind="Ip4Mac",
    holder="Bridge",
    holder_field="bridgeId",
    parameter="parent",
    key="ip",
    table=lambda call, entry: f"{call.base}/bridges/{entry['bridgeId']}/arp_table",
    absent="The specified bridge does not have the specified ARP table entry.",
)
_PATH = "/bridges/{parent:uuid}/arp_table"
_TYPES = types("IP4Mac-v1", generic=False)
_CREATED = types("IP4Mac-v1", json=False, generic=False)
ROUTES = (
    get(_PATH, _PAIRS.list, _TYPES.collection),
    post(_PATH, _PAIRS.create, _CREATED.item, ENTRY.read),
    get(_PATH + "/{entry}", _PAIRS.show, _TYPES.item),
    lacking("PUT", _PATH + "/{entry}", ENTRY.read),
    remove(_PATH + "/{entry}", _PAIRS.delete),
)
