"""Resources of MidoNet that minimidonet has none of: their lists are there, and empty (rest-api 11.2)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest.call import Answer, Call
from midonet_kubernetes.minimidonet.rest.declare import get, types
from midonet_kubernetes.minimidonet.store.transaction import Transaction

_NAMES = {
    "mirrors": "Mirror-v1",
    "qos_policies": "QosPolicy-v1",
    "l2insertions": "L2Insertion-v1",
    "vteps": "VTEP-v2",
    "traces": "TraceRequest-v1",
    "service_containers": "ServiceContainer-v1",
    "service_container_groups": "ServiceContainerGroup-v1",
}


def _nothing(_: Call, __: Transaction) -> Answer:
    return Answer(200, [])


ROUTES = tuple(get(f"/{path}", _nothing, types(name).collection) for path, name in _NAMES.items())
