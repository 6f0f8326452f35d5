"""Resources of MidoNet that minimidonet has none of: their lists are there, and empty (rest-api 11.2)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest.call import Answer, Call, existing
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


def _nothing_of_bridge(call: Call, store: Transaction) -> Answer:
    existing(store, "Bridge", call.path["parent"])
    return Answer(200, [])


ROUTES = (
    *(get(f"/{path}", _nothing, types(name).collection) for path, name in _NAMES.items()),
    get("/bridges/{parent:uuid}/vxlan_ports", _nothing_of_bridge, types("Port-v3", "Port-v4", generic=False).collection),
)
