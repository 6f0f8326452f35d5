"""The peering table of a router's port: the tunnel address behind a MAC address (rest-api 4.5; as an ARP table, 4.13)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest.declare import get, post, remove
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.media import JSON, Media, vendor
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.routes.address_pairs import FIELDS, AddressPairs

ENTRY = Resource(kind="MacIp", collection="routers", fields=FIELDS, links=Links())
_PAIRS = AddressPairs(
    kind="MacIp",
    holder="Port",
    holder_field="portId",
    parameter="port",
    key="mac",
    # By the router of the path: nobody asks whose the port is.
    table=lambda call, entry: f"{call.base}/routers/{call.path['parent']}/ports/{entry['portId']}/peering_table",
    absent="The specified port does not have the specified peering table entry.",
)
_PATH = "/routers/{parent:uuid}/ports/{port:uuid}/peering_table"
# MidoNet has one type for entries and lists of them.
_READ = Media((vendor("MacIp-v1"), JSON), generic=False)
_CREATED = Media((vendor("MacIp-v1"),), generic=False)
ROUTES = (
    get(_PATH, _PAIRS.list, _READ),
    post(_PATH, _PAIRS.create, _CREATED, ENTRY.read),
    get(_PATH + "/{entry}", _PAIRS.show, _READ),
    remove(_PATH + "/{entry}", _PAIRS.delete),
)
