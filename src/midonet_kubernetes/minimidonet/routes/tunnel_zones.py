"""Tunnel zones (rest-api 4.1)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest import field
from midonet_kubernetes.minimidonet.rest.call import Call
from midonet_kubernetes.minimidonet.rest.declare import flat, item, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction


def _check_name(store: Transaction, name: str, *, besides: str = "") -> None:
    if any(zone.get("name") == name for id_, zone in store.all("TunnelZone") if id_ != besides):
        raise Refusal(409, "Tunnel zone name already exists.")


def _before_create(_: Call, store: Transaction, values: Object) -> None:
    _check_name(store, values["name"])


def _before_replace(call: Call, store: Transaction, old: Object, values: Object) -> None:
    # MNA-1293: MidoNet does not leave out the zone itself, so that keeping its name is a clash.
    _check_name(store, values["name"], besides="" if call.quirks.mna_1293 else old["id"])


TUNNEL_ZONE = Resource(
    kind="TunnelZone",
    collection="tunnel_zones",
    fields=field.Fields(
        (
            field.uuid("id"),
            field.text("name", low=1, required=True),
            field.choice("type", "gre", "vxlan", "vtep", required=True),
        )
    ),
    links=Links(hosts="tunnel_zones/{id}/hosts", uri="tunnel_zones/{id}"),
    before_create=_before_create,
    before_replace=_before_replace,
)

_TYPES = types("TunnelZone-v1")
ROUTES = (*flat(TUNNEL_ZONE, _TYPES), *item(TUNNEL_ZONE, _TYPES))
