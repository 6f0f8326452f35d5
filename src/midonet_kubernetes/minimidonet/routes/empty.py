"""Resources of MidoNet that minimidonet has none of: their lists are there, and empty (rest-api 11.2)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest.call import Answer, Call, Handler
from midonet_kubernetes.minimidonet.rest.declare import get, types
from midonet_kubernetes.minimidonet.rest.refusal import missing
from midonet_kubernetes.minimidonet.store.transaction import Transaction

# Path, kind in messages, media type.
_NAMES = (
    ("mirrors", "Mirror", "Mirror-v1"),
    ("qos_policies", "QosPolicy", "QOSPolicy-v1"),
    ("l2insertions", "L2Insertion", "L2Insertion-v1"),
    ("vteps", "Vtep", "VTEP-v2"),
    ("traces", "TraceRequest", "TraceRequest-v1"),
    ("service_containers", "ServiceContainer", "ServiceContainer-v1"),
    ("service_container_groups", "ServiceContainerGroup", "ServiceContainerGroup-v1"),
)


def _nothing(_: Call, __: Transaction) -> Answer:
    return Answer(200, [])


def _show(kind: str) -> Handler:
    def handler(call: Call, _: Transaction) -> Answer:
        raise missing(kind, call.path["id"])

    return handler


ROUTES = tuple(
    route
    for path, kind, name in _NAMES
    for route in (
        get(f"/{path}", _nothing, types(name).collection),
        get(f"/{path}/{{id}}", _show(kind), types(name).item),
    )
)
