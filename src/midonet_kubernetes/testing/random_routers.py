"""Random routers between two bridges: one, two that are linked or share a bridge, or three in a row; routes of all types."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from random import Random
from typing import Any

from midonet_kubernetes.testing.cluster_topology import put
from midonet_kubernetes.topology.change import Change

Filters = Callable[[float], dict[str, Any]]
"""The filters of something, by the probability of each."""

_SHAPES = ("one", "one", "linked", "linked", "in a row", "by a bridge", "apart", "both")
_NETWORKS = (("0.0.0.0", 0), ("10.244.0.0", 16), ("10.244.1.0", 24), ("10.244.2.0", 24), ("10.244.2.4", 31))  # noqa: S104 - a prefix


FAR = "10.9.0.0", 16
"""What some routes lead to by gateways behind the bridges."""


def gateway_of(bridge: int) -> str:
    """The address of the router port at a bridge, whose network is 10.244.<bridge>.0/24."""
    return f"10.244.{bridge}.1"


def router_mac(bridge: int) -> str:
    """The MAC of the router port at a bridge."""
    return f"02:00:00:00:0{bridge}:01"


def random_routers(random: Random, filters: Filters) -> Iterator[Change]:
    """Routers, their links to each other and to the bridges ``b1`` and ``b2``, and their routes.

    Args:
        random: where the choices come from.
        filters: of routers, ports and bridges between routers.
    """
    shape = random.choice(_SHAPES)
    names = {"one": ["r1"], "in a row": ["r1", "r2", "r3"]}.get(shape, ["r1", "r2"])
    owner = {1: names[0], 2: names[0] if shape == "both" else names[-1]}
    yield from (put("Router", name, **filters(0.2)) for name in names)
    for bridge, router in owner.items():
        yield from _at_bridge(bridge, router, filters, routed=len(names) == 1 or random.random() < 0.9)
        yield from _by_gateways(random, bridge, router)
    for number, (left, right) in enumerate(pairwise(names)):
        if shape == "apart":
            continue
        ends = [(left, f"x{number}a", f"169.254.{number}.1"), (right, f"x{number}b", f"169.254.{number}.2")]
        yield from _linked(random, number, ends, filters, by_bridge=shape == "by a bridge")
        for (router, port, _), (_, _, other) in (ends, ends[::-1]):
            yield from _routes_over(random, router, port, other, owner)
    for number in range(random.choice((0, 1, 1, 2)) if len(names) > 1 or random.random() < 0.3 else 0):
        (address, length), kind = random.choice(_NETWORKS), random.choice(("BlackHole", "Reject"))
        router, weight = random.choice(names), random.choice((0, 1, 100))
        yield _route(f"sink{number}", router, address, length, None, type=kind, weight=weight)


def _at_bridge(bridge: int, router: str, filters: Filters, *, routed: bool) -> Iterator[Change]:
    port, gateway = f"rp{bridge}", gateway_of(bridge)
    yield put("Port", f"lp{bridge}", type="Bridge", deviceId=f"b{bridge}", peerId=port, **filters(0.1))
    of_port = {"portSubnet": [f"{gateway}/24"], "portMac": router_mac(bridge)}
    yield put("Port", port, type="Router", deviceId=router, peerId=f"lp{bridge}", **of_port, **filters(0.1))
    if routed:
        yield _route(f"subnet{bridge}", router, f"10.244.{bridge}.0", 24, port)
    yield _route(f"local{bridge}", router, gateway, 32, port, type="Local")


def _by_gateways(random: Random, bridge: int, router: str) -> Iterator[Change]:
    """Routes to ``FAR`` by addresses of the bridge, which are often equally good."""
    for number in range(random.choice((0, 0, 0, 1, 2, 2, 3)) if bridge == 1 or random.random() < 0.2 else 0):
        gateway, weight = f"10.244.{bridge}.{3 + number}", random.choice((0, 0, 0, 1))
        address, length = FAR
        yield _route(f"far{bridge}-{number}", router, address, length, f"rp{bridge}", nextHopGateway=gateway, weight=weight)


def _linked(
    random: Random, number: int, ends: list[tuple[str, str, str]], filters: Filters, *, by_bridge: bool
) -> Iterator[Change]:
    (left, one, near), (right, other, far) = ends
    if by_bridge:
        yield put("Bridge", f"t{number}", **filters(0.3))
        for port in (one, other):
            yield put("Port", f"{port}t", type="Bridge", deviceId=f"t{number}", peerId=port, **filters(0.2))
    for router, port, address, peer in ((left, one, near, other), (right, other, far, one)):
        fields = filters(0.25) | ({} if random.random() < 0.97 else {"adminStateUp": False})
        fields |= {"portSubnet": [f"{address}/30"], "portMac": f"02:00:00:01:00:{number}{port[-1]}"}
        yield put("Port", port, type="Router", deviceId=router, peerId=f"{port}t" if by_bridge else peer, **fields)
        yield _route(f"local-{port}", router, address, 32, port, type="Local")


def _routes_over(random: Random, router: str, port: str, other: str, owner: dict[int, str]) -> Iterator[Change]:
    """Routes by ``port`` to what is behind the neighbour with address ``other``; some of them lead in a circle."""
    for bridge, home in owner.items():
        if home != router and random.random() < 0.9:
            weight = random.choice((0, 0, 1, 100))
            yield _route(f"to{bridge}-{port}", router, f"10.244.{bridge}.0", 24, port, nextHopGateway=other, weight=weight)
    if random.random() < 0.2:
        yield _route(f"default-{port}", router, "10.244.0.0", random.choice((0, 16, 27)), port, nextHopGateway=other)


def _route(id_: str, router: str, address: str, length: int, port: str | None, **fields: Any) -> Change:
    where = {"routerId": router, "dstNetworkAddr": address, "dstNetworkLength": length, "nextHopPort": port}
    return put("Route", id_, **{"type": "Normal"} | where | fields)
