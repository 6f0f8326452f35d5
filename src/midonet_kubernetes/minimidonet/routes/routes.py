"""Routes of routers (rest-api 4.7)."""

from __future__ import annotations

from collections.abc import Iterator

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.call import Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.checks import MUST_MATCH_IPV4
from midonet_kubernetes.minimidonet.rest.declare import collection, item, nested, types
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.resource import Resource
from midonet_kubernetes.minimidonet.rest.verbs import create
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

_TYPES_OF_ROUTE = ("Normal", "BlackHole", "Reject", "Local", "Fip64")
_NEEDS_PORT = "This type of route requires a next hop port that is a port on the same router."


_read_type = coercion.choice(*_TYPES_OF_ROUTE, otherwise="This type of route is invalid.")


def _before_create(call: Call, store: Transaction, values: Object) -> None:
    """Attach the route: Normal ones to a port of the router in the path, others to a port or a router."""
    kind, port_id = values["type"], values.get("nextHopPort")
    named_router = values.pop("routerId", None)
    router = call.path["parent"]
    port = store.get("Port", port_id) if port_id is not None else None
    if kind == "Normal":
        if port is None or port["deviceId"] != router or port["type"] != "Router":
            raise bad_request(_NEEDS_PORT)
        values["routerId"] = router
    elif port_id is not None:
        owner = existing(store, "Port", port_id)
        if owner["type"] == "Router":  # at a bridge's port it belongs to no router
            values["routerId"] = owner["deviceId"]
    elif kind in {"BlackHole", "Reject"}:
        existing(store, "Router", router)
        values["routerId"] = router
    elif named_router is not None:
        existing(store, "Router", named_router)
        values["routerId"] = named_router


def _shape(_: Call, __: Transaction, shown: Object) -> None:
    if shown["routerId"] is None and shown["nextHopPort"] is None:
        # MidoNet stores such an orphan and answers its GET with 500.
        raise Refusal(404, f"Route {shown['id']} is missing both router ID and next hop port ID")
    shown["learned"] = False


ROUTE = Resource(
    kind="Route",
    collection="routes",
    fields=field.Fields(
        (
            field.uuid("id"),
            field.uuid("routerId"),
            field.uuid("nextHopPort"),
            field.text("attributes"),
            field.ipv4("dstNetworkAddr", required=True, message=MUST_MATCH_IPV4),
            field.number("dstNetworkLength", 0, 32),
            field.ipv4("srcNetworkAddr", required=True, message=MUST_MATCH_IPV4),
            field.number("srcNetworkLength", 0, 32),
            field.ipv4("nextHopGateway", message=MUST_MATCH_IPV4),
            field.ignored("learned", coercion.boolean),
            field.Field("type", _read_type, required=True),
            field.number("weight", 0),
        )
    ),
    links=Links(router="routers/{routerId}", uri="routes/{id}"),
    before_create=_before_create,
    shape=_shape,
)


def _in_order(store: Transaction, router: str) -> Iterator[Object]:
    """Those of the router itself, then those of its ports, port by port."""
    for _, route in store.found("Route", "routerId", router):
        if route.get("nextHopPort") is None:
            yield route
    for port in store.find("Port", "deviceId", router):
        for _, route in store.found("Route", "nextHopPort", port):
            yield route


def _list(call: Call, store: Transaction) -> Answer:
    router = call.path["parent"]
    existing(store, "Router", router)
    return Answer(200, [ROUTE.show(call, store, route) for route in _in_order(store, router)])


_TYPES = types("Route-v1")
ROUTES = (
    *collection("/routes", ROUTE, _TYPES),
    *item(ROUTE, _TYPES, replacing=False),
    *nested(
        ROUTE,
        _TYPES,
        "Router",
        "routers",
        "routerId",
        listing=_list,
        creating=create(ROUTE),
        listed_as=types("Route-v1", generic=False).collection,
    ),
)
