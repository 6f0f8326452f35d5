"""Routers (rest-api 4.3)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest import field
from midonet_kubernetes.minimidonet.rest.call import Call
from midonet_kubernetes.minimidonet.rest.declare import flat, item, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, occupied
from midonet_kubernetes.minimidonet.rest.resource import Needs, Resource
from midonet_kubernetes.minimidonet.rest.verbs import of_tenant, show_all
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction


def _claim_load_balancer(store: Transaction, _: Object, load_balancer: str) -> None:
    """A load balancer serves one router."""
    for router in store.find("Router", "loadBalancerId", load_balancer):
        raise occupied("LoadBalancer", load_balancer, "Router", router, "router_id")


def _before_delete(_: Call, __: Transaction, router: Object) -> None:
    attached = router.get("loadBalancerId")
    if attached is not None:
        # MidoNet prints the referrer's id twice.
        raise Refusal(
            409,
            f"Cannot delete the Router with ID {attached} because it is still referenced by the LoadBalancer with ID {attached}.",
        )


ROUTER = Resource(
    kind="Router",
    collection="routers",
    fields=field.Fields(
        (
            field.uuid("id"),
            field.text("tenantId"),
            field.text("name", low=0),
            field.flag("adminStateUp", default=True),
            field.uuid("inboundFilterId"),
            field.uuid("outboundFilterId"),
            field.uuid("loadBalancerId"),
            field.number("asNumber"),
            field.uuids("inboundMirrorIds"),
            field.uuids("outboundMirrorIds"),
            field.uuid("localRedirectChainId"),
            field.uuid("forwardChainId"),
        )
    ),
    links=Links(
        loadBalancer="load_balancers/{loadBalancerId}",
        inboundFilter="chains/{inboundFilterId}",
        outboundFilter="chains/{outboundFilterId}",
        localRedirectChain="chains/{localRedirectChainId}",
        forwardChain="chains/{forwardChainId}",
        peerPorts="routers/{id}/peer_ports",
        ports="routers/{id}/ports",
        routes="routers/{id}/routes",
        bgpNetworks="routers/{id}/bgp_networks",
        bgpPeers="routers/{id}/bgp_peers",
        uri="routers/{id}",
    ),
    references=(
        Needs("inboundFilterId", "Chain"),
        Needs("outboundFilterId", "Chain"),
        Needs("localRedirectChainId", "Chain"),
        Needs("inboundMirrorIds", "Mirror"),
        Needs("outboundMirrorIds", "Mirror"),
        Needs("loadBalancerId", "LoadBalancer", _claim_load_balancer),
    ),
    before_delete=_before_delete,
)

_TYPES = types("Router-v3")
ROUTES = (*flat(ROUTER, _TYPES, listing=show_all(ROUTER, of_tenant)), *item(ROUTER, _TYPES))
