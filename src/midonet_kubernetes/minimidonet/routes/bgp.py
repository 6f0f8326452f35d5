"""BGP peers and networks of a router (rest-api 4.17)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.call import Call, existing
from midonet_kubernetes.minimidonet.rest.checks import MUST_MATCH_IPV4, between
from midonet_kubernetes.minimidonet.rest.declare import collection, item, nested, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import bad_request
from midonet_kubernetes.minimidonet.rest.resource import Needs, Resource
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction


def _before_create_peer(_: Call, store: Transaction, values: Object) -> None:
    """A router has one peer of an address and AS number, as far as POST goes: PUT may give it another one."""
    existing(store, "Router", values["routerId"])
    key = values["address"], values["asNumber"]
    if any((peer["address"], peer["asNumber"]) == key for _, peer in store.found("BgpPeer", "routerId", values["routerId"])):
        raise bad_request(f"A BGP peer with address {key[0]} and AS number {key[1]} already exists.")


class _OfRouter(Resource):
    """A part of a router that shows the router's link, not its id."""

    def show(self, call: Call, store: Transaction, object_: Object) -> Object:
        shown = super().show(call, store, object_)
        del shown["routerId"]
        return shown


BGP_PEER = _OfRouter(
    kind="BgpPeer",
    collection="bgp_peers",
    fields=field.Fields(
        (
            field.uuid("id"),
            field.Field("routerId", coercion.anything),
            field.number("asNumber", 1),
            field.ipv4("address", required=True, message=MUST_MATCH_IPV4),
            field.number("keepAlive", 5, 3600, default=None),
            field.number("holdTime", 5, 7200, default=None),
            field.number("connectRetry", 5, 3600, default=None),
            field.text("password"),
        )
    ),
    links=Links(router="routers/{routerId}", uri="bgp_peers/{id}"),
    kept=("routerId",),
    before_create=_before_create_peer,
)
BGP_NETWORK = _OfRouter(
    kind="BgpNetwork",
    collection="bgp_networks",
    fields=field.Fields(
        (
            field.uuid("id"),
            field.Field("routerId", coercion.anything),
            field.ipv4("subnetAddress", required=True, message=MUST_MATCH_IPV4),
            field.Field("subnetLength", coercion.byte, default=0, null=0, checks=(between(0, 32),)),
        )
    ),
    links=Links(router="routers/{routerId}", uri="bgp_networks/{id}"),
    references=(Needs("routerId", "Router"),),
)

_PEERS, _NETWORKS = types("BgpPeer-v1"), types("BgpNetwork-v1")
ROUTES = (
    *collection("/bgp_peers", BGP_PEER, _PEERS),
    *item(BGP_PEER, _PEERS),
    *nested(BGP_PEER, _PEERS, "Router", "routers", "routerId"),
    *collection("/bgp_networks", BGP_NETWORK, _NETWORKS),
    *item(BGP_NETWORK, _NETWORKS, replacing=False),
    *nested(BGP_NETWORK, _NETWORKS, "Router", "routers", "routerId"),
)
