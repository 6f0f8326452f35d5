"""Load balancers, and the health monitors of their pools (rest-api 4.16)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.call import Call
from midonet_kubernetes.minimidonet.rest.declare import flat, item, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import bad_request
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

_NO_ROUTER_YET = (
    "A load balancer's router ID must be null at creation. To associate a router with a load balancer, "
    "first create the load balancer with null router ID and then update the router's load balancer ID."
)


def _router_of(store: Transaction, load_balancer: str) -> str | None:
    """The router that has the load balancer: the one place where this is kept."""
    routers = store.find("Router", "loadBalancerId", load_balancer)
    return routers[0] if routers else None


def _before_create(_: Call, __: Transaction, values: Object) -> None:
    if values.pop("routerId", None) is not None:
        raise bad_request(_NO_ROUTER_YET)


def _before_replace(_: Call, store: Transaction, old: Object, values: Object) -> None:
    if values.pop("routerId", None) != _router_of(store, old["id"]):
        raise bad_request("Router cannot be modified")


def _shape(_: Call, store: Transaction, shown: Object) -> None:
    shown["routerId"] = _router_of(store, shown["id"])


LOAD_BALANCER = Resource(
    kind="LoadBalancer",
    collection="load_balancers",
    fields=field.Fields((field.uuid("id"), field.uuid("routerId"), field.flag("adminStateUp", default=True))),
    links=Links(
        vips="load_balancers/{id}/vips",
        router="routers/{routerId}",
        pools="load_balancers/{id}/pools",
        uri="load_balancers/{id}",
    ),
    before_create=_before_create,
    before_replace=_before_replace,
    shape=_shape,
)


def _start_up(_: Call, __: Transaction, values: Object) -> None:
    values["adminStateUp"] = True  # whatever the body says; on PUT an absent value is false


HEALTH_MONITOR = Resource(
    kind="HealthMonitor",
    collection="health_monitors",
    fields=field.Fields(
        (
            field.uuid("id"),
            field.flag("adminStateUp"),
            field.Field("type", coercion.choice("TCP"), required=True),
            field.number("delay"),
            field.number("timeout"),
            field.number("maxRetries"),
        )
    ),
    links=Links(pools="health_monitors/{id}/pools", uri="health_monitors/{id}"),
    before_create=_start_up,
)

_LOAD_BALANCERS, _HEALTH_MONITORS = types("LoadBalancer-v1"), types("HealthMonitor-v1")
ROUTES = (
    *flat(LOAD_BALANCER, _LOAD_BALANCERS),
    *item(LOAD_BALANCER, _LOAD_BALANCERS),
    *flat(HEALTH_MONITOR, _HEALTH_MONITORS),
    *item(HEALTH_MONITOR, _HEALTH_MONITORS),
)
