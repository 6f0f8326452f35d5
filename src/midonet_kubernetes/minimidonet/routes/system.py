"""The root document, the system's state, tenants (rest-api 1.2, 2.3, 3)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote, quote_plus

from midonet_kubernetes.minimidonet.rest.call import Answer, Call
from midonet_kubernetes.minimidonet.rest.declare import get, post, remove, types
from midonet_kubernetes.minimidonet.rest.media import JSON, Media, vendor
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.route import Route
from midonet_kubernetes.minimidonet.store.transaction import Transaction

# Singular name, plural name and path; a name that is missing is not in the document.
_ENTRIES = (
    ("bgpNetwork", "", "bgp_networks"),
    ("bgpPeer", "", "bgp_peers"),
    ("bridge", "bridges", "bridges"),
    ("chain", "chains", "chains"),
    ("healthMonitor", "healthMonitors", "health_monitors"),
    ("host", "hosts", "hosts"),
    ("ipAddrGroup", "ipAddrGroups", "ip_addr_groups"),
    ("l2Insertion", "l2insertions", "l2insertions"),
    ("loadBalancer", "loadBalancers", "load_balancers"),
    ("mirror", "mirrors", "mirrors"),
    ("", "neutron", "neutron"),
    ("poolMember", "poolMembers", "pool_members"),
    ("pool", "pools", "pools"),
    ("portGroup", "portGroups", "port_groups"),
    ("port", "ports", "ports"),
    ("qosBwLimitRule", "", "qos_bw_limit_rules"),
    ("qosDscpRule", "", "qos_dscp_rules"),
    ("qosPolicy", "qosPolicies", "qos_policies"),
    ("router", "routers", "routers"),
    ("route", "", "routes"),
    ("rule", "", "rules"),
    ("serviceContainerGroup", "serviceContainerGroups", "service_container_groups"),
    ("serviceContainer", "serviceContainers", "service_containers"),
    ("", "systemState", "system_state"),
    ("tenant", "tenants", "tenants"),
    ("traceRequest", "traceRequests", "traces"),
    ("tunnelZone", "tunnelZones", "tunnel_zones"),
    ("vip", "vips", "vips"),
    ("vtep", "vteps", "vteps"),
)
_STATE = {"state": "ACTIVE", "availability": "READWRITE", "version": "5.0.0", "information": None}
_ADMIN = "admin"
# What may stand as it is in a path's segment and in the value of a query.
_SEGMENT, _QUERY = ":@!$&'()*+,;=", ":@/?!$'()*,;"
_NO_CHANGE = "Tenants cannot be created, updated or deleted via the REST API."


def _show_root(call: Call, _: Transaction) -> Answer:
    document: dict[str, Any] = {"uri": f"{call.base}/", "version": "v5.0"}
    for singular, plural, path in _ENTRIES:
        if plural:
            document[plural] = f"{call.base}/{path}"
        if singular:
            document[f"{singular}Template"] = f"{call.base}/{path}/{{id}}"
    return Answer(200, document)


def _refuse_root(_: Call, __: Transaction) -> Answer:
    raise bad_request("Nothing can be created here")


def _show_state(_: Call, __: Transaction) -> Answer:
    return Answer(200, _STATE)


def _tenant(call: Call, id_: str) -> dict[str, Any]:
    """A tenant as MidoNet's mock knows it: one it has, all others it makes up."""
    query = f"?tenant_id={quote_plus(id_, safe=_QUERY)}"
    return {
        "id": id_,
        "name": id_,
        "description": "Admin Tenant" if id_ == _ADMIN else id_,
        "enabled": True,
        "routers": f"{call.base}/routers{query}",
        "bridges": f"{call.base}/bridges{query}",
        "chains": f"{call.base}/chains{query}",
        "portGroups": f"{call.base}/port_groups{query}",
        "uri": f"{call.base}/tenants/{quote(id_, safe=_SEGMENT)}",
    }


def _list_tenants(call: Call, _: Transaction) -> Answer:
    return Answer(200, [_tenant(call, _ADMIN)])


def _show_tenant(call: Call, _: Transaction) -> Answer:
    return Answer(200, _tenant(call, call.path["id"]))


def _refuse_tenant(_: Call, __: Transaction) -> Answer:
    raise Refusal(405, _NO_CHANGE)


def _anything(_: Any) -> None:
    return None


_ROOT = Media((JSON, vendor("Application-v5")), generic=False, otherwise=405)
_STATE_TYPES = types("SystemState-v2", generic=False)
_TENANT = types("Tenant-v2", json=False, generic=False)
ROUTES = (
    get("/", _show_root, _ROOT),
    post("/", _refuse_root, types("Application-v5").item, _anything),
    get("/system_state", _show_state, _STATE_TYPES.item),
    get("/tenants", _list_tenants, _TENANT.collection),
    Route("POST", "/tenants", _refuse_tenant, consumes=_TENANT.item),
    get("/tenants/{id}", _show_tenant, _TENANT.item),
    Route("PUT", "/tenants/{id}", _refuse_tenant, consumes=_TENANT.item),
    remove("/tenants/{id}", _refuse_tenant),
)
