"""Load balancers of routers (rest-api 4.16). No host's kernel is programmed from them, so they are no kinds of the stream."""

from __future__ import annotations

from msgspec import Struct

from midonet_kubernetes.model.wire import camel


class LoadBalancer(Struct, frozen=True, kw_only=True, rename=camel):
    """A load balancer; a router names it."""

    id: str
    admin_state_up: bool = True


class Pool(Struct, frozen=True, kw_only=True, rename=camel):
    """A pool of members; without a health monitor they count as active."""

    id: str
    admin_state_up: bool = True
    load_balancer_id: str | None = None
    health_monitor_id: str | None = None


class PoolMember(Struct, frozen=True, kw_only=True, rename=camel):
    """A member; ``status`` is ``ACTIVE`` or ``INACTIVE``."""

    id: str
    pool_id: str
    address: str
    protocol_port: int = 0
    weight: int = 1
    admin_state_up: bool = True
    status: str = "ACTIVE"


class Vip(Struct, frozen=True, kw_only=True, rename=camel):
    """An address and TCP port that a pool answers; ``session_persistence`` is ``SOURCE_IP`` or None."""

    id: str
    pool_id: str
    address: str
    protocol_port: int
    admin_state_up: bool = True
    session_persistence: str | None = None
