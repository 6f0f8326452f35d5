"""The objects of one host's view, typed, with the indices that the compiler asks."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable
from collections.abc import Set as AbstractSet
from typing import Any, cast

import msgspec

from midonet_kubernetes.model.midonet import (
    KINDS,
    Bridge,
    BridgeHome,
    Ip4Mac,
    IpAddrGroup,
    MacPort,
    Port,
    PortGroup,
    Route,
    Router,
    Rule,
    TunnelZoneHost,
)
from midonet_kubernetes.topology.change import Change
from midonet_kubernetes.topology.passes.exact_jumps import ServiceKey, exact_key
from midonet_kubernetes.topology.passes.selection import ALL_PASSES, Pass


class Objects:
    """Objects by id and by what they belong to. Written by ``take`` only.

    Args:
        passes: whether EXACT_JUMPS is among them decides whether there are any exact jumps.
    """

    def __init__(self, passes: AbstractSet[Pass] = ALL_PASSES) -> None:
        self._knows_exact_jumps = Pass.EXACT_JUMPS in passes
        self._kinds: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        self._parts: defaultdict[tuple[str, Hashable], dict[str, Any]] = defaultdict(dict)  # (index, owner) -> id -> object
        self._exact_keys: dict[str, tuple[Rule, ServiceKey | None]] = {}
        self._plain_rules: Counter[str] = Counter()  # by chain: rules that are no exact jumps
        self.bridges = cast("dict[str, Bridge]", self._kinds["Bridge"])
        self.homes = cast("dict[str, BridgeHome]", self._kinds["BridgeHome"])
        self.groups = cast("dict[str, IpAddrGroup]", self._kinds["IpAddrGroup"])
        self.ports = cast("dict[str, Port]", self._kinds["Port"])
        self.routers = cast("dict[str, Router]", self._kinds["Router"])
        self.port_groups = cast("dict[str, PortGroup]", self._kinds["PortGroup"])

    def take(self, change: Change) -> Any | None:
        """Take in one change.

        Returns:
            The object as it is now; None: not there.

        Raises:
            msgspec.ValidationError: it does not look like an object of its kind; it now counts as not there.
        """
        kind = self._kinds[change.kind]
        old = kind.pop(change.id, None)
        if old is not None:
            self._index(old, adding=False)
        if change.object is None:
            return None
        new: Any = msgspec.convert(change.object, KINDS[change.kind])
        kind[change.id] = new
        self._index(new, adding=True)
        return new

    def get(self, kind: str, id_: str) -> Any | None:
        """An object."""
        return self._kinds[kind].get(id_)

    def ids(self) -> list[tuple[str, str]]:
        """Kind and id of every object."""
        return [(kind, id_) for kind, objects in self._kinds.items() for id_ in objects]

    def ports_of(self, device: str) -> list[Port]:
        """The ports of a bridge or router, by id."""
        return self._sorted("ports", device)

    def ports_on(self, host: str) -> list[Port]:
        """The bridge ports that are bound on a host, by id."""
        return self._sorted("bound", host)

    def links_of(self, bridge: str) -> list[tuple[Port, Port]]:
        """The interior ports of a bridge that lead to routers, each with its peer."""
        interior = [(port, self.ports.get(port.peer_id)) for port in self.ports_of(bridge) if port.peer_id and not port.host_id]
        return [(port, peer) for port, peer in interior if peer is not None and peer.type == "Router"]

    def bridges_at(self, port: str) -> set[str]:
        """The bridges that a router port is linked to, by what their own ports say: one, but for a moment."""
        linked: list[Port] = self._sorted("linked", port)
        return {other.device_id for other in linked if other.type == "Bridge"}

    def gateways_of(self, bridge: str) -> list[Port]:
        """The router ports that are linked to a bridge, up and have an address, by id of the bridge's port."""
        return [port for _, port in self.links_of(bridge) if port.port_subnet and port.admin_state_up]

    def hosts_of(self, bridge: str) -> list[str]:
        """The hosts that have bound ports of a bridge, sorted."""
        home = self.homes.get(bridge)
        return home.host_ids if home else []

    def homes_on(self, host: str) -> list[BridgeHome]:
        """The bridges with bound ports on a host."""
        return self._sorted("homes", host)

    def routes_by(self, port: str) -> list[Route]:
        """The routes that leave by a router port, by id."""
        return self._sorted("routes", port)

    def routes_of(self, router: str) -> list[Route]:
        """All routes of a router, by id."""
        return self._sorted("router", router)

    def rules_of(self, chain: str) -> list[Rule]:
        """The rules of a chain in their order."""
        return sorted(self._parts.get(("rules", chain), {}).values(), key=_rank)

    def exact_jumps(self, chain: str, key: ServiceKey) -> list[Rule]:
        """The exact jumps of a chain for one key in their order."""
        return sorted(self._parts.get(("exact", (chain, key)), {}).values(), key=_rank)

    def exact_keys(self, chain: str) -> set[ServiceKey]:
        """The keys of all exact jumps of a chain."""
        rules: list[Rule] = list(self._parts.get(("rules", chain), {}).values())
        return {key for rule in rules if (key := self.exact_key(rule)) is not None}

    def exact_key(self, rule: Rule) -> ServiceKey | None:
        """``exact_jumps.exact_key`` of a rule, found once for each version of it."""
        if not self._knows_exact_jumps:
            return None
        known = self._exact_keys.get(rule.id)
        if known is None or known[0] is not rule:
            known = self._exact_keys[rule.id] = rule, exact_key(rule)
        return known[1]

    def jumps_to(self, chain: str) -> list[Rule]:
        """The rules that jump to a chain."""
        return list(self._parts.get(("jumps", chain), {}).values())

    def closes_circle(self, source: str, target: str) -> bool:
        """Whether a jump from ``source`` to ``target`` is the one that is left out of a circle of jumps.

        MidoNet runs each chain of a circle once (simulation 2), the kernel refuses circles. Of each circle the jumps to a
        chain with a lower id are left out: whatever led into it, and in whatever order it was made.
        """
        if target > source:
            return False
        waiting, seen = [source], {source}
        while waiting:
            chain = waiting.pop()
            if chain == target:
                return True
            above = {jump.chain_id for jump in self.jumps_to(chain)} - seen
            seen |= above
            waiting.extend(above)
        return False

    def arp_of(self, bridge: str) -> list[Ip4Mac]:
        """The ARP table of a bridge."""
        return self._sorted("arp", bridge)

    def macs_of(self, bridge: str) -> list[MacPort]:
        """The MAC table of a bridge."""
        return self._sorted("macs", bridge)

    def tunnels_of(self, host: str) -> dict[str, str]:
        """The tunnel endpoint addresses of a host by zone."""
        ends: list[TunnelZoneHost] = self._sorted("tunnels", host)
        return {end.tunnel_zone_id: end.ip_address for end in ends}

    def is_dispatch(self, chain: str) -> bool:
        """Whether all rules of a chain (and there are some) are exact jumps."""
        return ("rules", chain) in self._parts and not self._plain_rules[chain]

    def _exact(self, item: object) -> list[tuple[str, Hashable]]:
        key = self.exact_key(item) if isinstance(item, Rule) else None
        return [] if key is None or not isinstance(item, Rule) else [("exact", (item.chain_id, key))]

    def _sorted(self, index: str, owner: str) -> list[Any]:
        parts = self._parts.get((index, owner), {})
        return [parts[id_] for id_ in sorted(parts)]

    def _index(self, item: object, *, adding: bool) -> None:
        for index, owner in (*_owners(item), *self._exact(item)):
            if owner is None:
                continue
            parts = self._parts[index, owner]
            if adding:
                parts[item.id] = item  # type: ignore[attr-defined]
            else:
                del parts[item.id]  # type: ignore[attr-defined]
                if not parts:
                    del self._parts[index, owner]
        if isinstance(item, Rule) and self.exact_key(item) is None:
            self._plain_rules[item.chain_id] += 1 if adding else -1
            if not self._plain_rules[item.chain_id]:
                del self._plain_rules[item.chain_id]


def _rank(rule: Rule) -> tuple[float, str]:
    return rule.rank, rule.id


def _owners(item: object) -> list[tuple[str, Hashable]]:
    """The indices that an object stands in, each with the owner's id."""
    match item:
        case Port():
            bound = item.host_id if item.type == "Bridge" else None
            return [("ports", item.device_id), ("linked", item.peer_id), ("bound", bound)]
        case BridgeHome():
            return [("homes", host) for host in item.host_ids]
        case Route():
            return [("routes", item.next_hop_port), ("router", item.router_id)]
        case Rule():
            return [("rules", item.chain_id), ("jumps", item.jump_chain_id)]
        case Ip4Mac():
            return [("arp", item.bridge_id)]
        case MacPort():
            return [("macs", item.bridge_id)]
        case TunnelZoneHost():
            return [("tunnels", item.host_id)]
        case _:
            return []
