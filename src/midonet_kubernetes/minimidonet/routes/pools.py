"""Pools of a load balancer, their members and VIPs (rest-api 4.16)."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest import coercion, field
from midonet_kubernetes.minimidonet.rest.call import Answer, Call, existing
from midonet_kubernetes.minimidonet.rest.coercion import uuid_in_uri
from midonet_kubernetes.minimidonet.rest.declare import collection, flat, get, item, located, nested, put, remove, types, view
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.resource import Needs, Resource
from midonet_kubernetes.minimidonet.rest.verbs import create, delete, replace, show, show_all, show_parts
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

_PENDING = "The mapping between the health monitor and the pool is being processed (PENDING_CREATE)."
_HIDDEN_PENDING = "_pending"
_STATUS = coercion.choice("ACTIVE", "INACTIVE", "MONITORED", "NO_MONITOR")


def _refuse_pending(pool: Object) -> None:
    """MidoNet waits for an agent's health monitor to confirm; none ever does here (nor after the monitor is deleted)."""
    if _HIDDEN_PENDING in pool:
        raise Refusal(503, _PENDING, headers={"retryafter": "3"})


def _mark_pending(values: Object) -> None:
    if values.get("healthMonitorId") is not None:
        values[_HIDDEN_PENDING] = True


def _before_create(_: Call, __: Transaction, values: Object) -> None:
    _mark_pending(values)


def _before_replace(_: Call, __: Transaction, old: Object, values: Object) -> None:
    _refuse_pending(old)
    _mark_pending(values)


def _before_delete(_: Call, __: Transaction, pool: Object) -> None:
    _refuse_pending(pool)


def _shape(_: Call, __: Transaction, shown: Object) -> None:
    shown.pop(_HIDDEN_PENDING, None)
    shown.update(protocol="TCP", status="ACTIVE")


POOL = Resource(
    kind="Pool",
    collection="pools",
    fields=field.Fields(
        (
            field.uuid("id"),
            field.flag("adminStateUp", default=True),
            field.uuid("healthMonitorId"),
            field.uuid("loadBalancerId"),
            field.choice("lbMethod", "ROUND_ROBIN", required=True),
            field.ignored("protocol", coercion.choice("TCP")),
            field.ignored("status", _STATUS),
        )
    ),
    links=Links(
        vips="pools/{id}/vips",
        healthMonitor="health_monitors/{healthMonitorId}",
        loadBalancer="load_balancers/{loadBalancerId}",
        poolMembers="pools/{id}/pool_members",
        uri="pools/{id}",
    ),
    references=(Needs("loadBalancerId", "LoadBalancer"), Needs("healthMonitorId", "HealthMonitor")),
    before_create=_before_create,
    before_replace=_before_replace,
    before_delete=_before_delete,
    shape=_shape,
)


def _start_member(_: Call, __: Transaction, values: Object) -> None:
    values["adminStateUp"] = True  # whatever the body says; on PUT an absent value is false


def _shape_member(_: Call, __: Transaction, shown: Object) -> None:
    shown["status"] = "ACTIVE"


POOL_MEMBER = Resource(
    kind="PoolMember",
    collection="pool_members",
    fields=field.Fields(
        (
            field.uuid("id"),
            field.flag("adminStateUp"),
            field.uuid("poolId", required=True),
            field.ipv4("address", required=True, message="is not a valid IP address"),
            field.number("protocolPort", 0, 65535),
            field.number("weight", 1, default=1),
            field.ignored("status", _STATUS),
        )
    ),
    links=Links(pool="pools/{poolId}", uri="pool_members/{id}"),
    references=(Needs("poolId", "Pool"),),
    kept=("address", "protocolPort"),
    before_create=_start_member,
    shape=_shape_member,
)


def _check_pool(store: Transaction, values: Object) -> None:
    if store.get("Pool", values["poolId"]) is None:
        raise bad_request(None)  # 400, unlike a member's 404 (rest-api 11.1)


def _before_create_vip(_: Call, store: Transaction, values: Object) -> None:
    _check_pool(store, values)


def _before_replace_vip(_: Call, store: Transaction, __: Object, values: Object) -> None:
    _check_pool(store, values)


def _shape_vip(_: Call, store: Transaction, shown: Object) -> None:
    shown["loadBalancerId"] = (store.get("Pool", shown["poolId"]) or {}).get("loadBalancerId")


VIP = Resource(
    kind="Vip",
    collection="vips",
    fields=field.Fields(
        (
            field.uuid("id"),
            field.flag("adminStateUp", default=True),
            field.ignored("loadBalancerId", coercion.uuid),
            field.uuid("poolId", required=True),
            field.ipv4("address", required=True),
            field.number("protocolPort", 0, 65535),
            field.choice("sessionPersistence", "SOURCE_IP"),
        )
    ),
    links=Links(loadBalancer="load_balancers/{loadBalancerId}", pool="pools/{poolId}", uri="vips/{id}"),
    before_create=_before_create_vip,
    before_replace=_before_replace_vip,
    shape=_shape_vip,
)


def _list_vips_of_load_balancer(call: Call, store: Transaction) -> Answer:
    load_balancer = call.path["parent"]
    existing(store, "LoadBalancer", load_balancer)
    pools = store.find("Pool", "loadBalancerId", load_balancer)
    vips = [vip for pool in pools for _, vip in store.found("Vip", "poolId", pool)]
    return Answer(200, [VIP.show(call, store, vip) for vip in vips])


def _list_pools(call: Call, store: Transaction) -> Answer:
    if "hm_id" not in call.query:
        return show_all(POOL)(call, store)
    monitor = uuid_in_uri(call.query["hm_id"])
    if monitor is None:
        raise bad_request("hm_id has to be the id of a health monitor")
    return Answer(200, [POOL.show(call, store, pool) for _, pool in store.found("Pool", "healthMonitorId", monitor)])


_POOL_IS_THERE = located("Pool")
_POOLS, _MEMBERS = types("Pool-v1"), types("PoolMember-v1")
_VIPS, _VIP_READ = types("VIP-v1"), types("VIP-v1", generic=False)
ROUTES = (
    *flat(POOL, _POOLS, listing=_list_pools),
    *item(POOL, _POOLS),
    *nested(POOL, _POOLS, "LoadBalancer", "load_balancers", "loadBalancerId"),
    *view("/health_monitors/{parent:uuid}/pools", POOL, show_parts(POOL, "HealthMonitor", "healthMonitorId"), _POOLS.collection),
    *flat(POOL_MEMBER, _MEMBERS),
    *item(POOL_MEMBER, _MEMBERS),
    *nested(POOL_MEMBER, _MEMBERS, "Pool", "pools", "poolId", locator=_POOL_IS_THERE),
    *nested(POOL_MEMBER, _MEMBERS, "Pool", "load_balancers/{loadBalancer:uuid}/pools", "poolId"),
    get("/vips", show_all(VIP), _VIP_READ.collection),
    collection("/vips", VIP, _VIPS, creating=create(VIP))[1],
    get("/vips/{id}", show(VIP), _VIP_READ.item),
    put("/vips/{id}", replace(VIP), _VIPS.item, VIP.read),
    remove("/vips/{id}", delete(VIP)),
    *nested(VIP, _VIPS, "Pool", "pools", "poolId", listed_as=_VIP_READ.collection, locator=_POOL_IS_THERE),
    *view("/load_balancers/{parent:uuid}/vips", VIP, _list_vips_of_load_balancer, _VIP_READ.collection),
)
