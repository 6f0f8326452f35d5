"""MidoNet objects with the indices that a walk asks: an immutable view that any iterable of objects makes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from ipaddress import IPv4Address, IPv4Interface
from typing import TypeVar

from midonet_kubernetes.model.midonet import (
    Bridge,
    Chain,
    Ip4Mac,
    IpAddrGroup,
    MacPort,
    Pool,
    PoolMember,
    Port,
    PortGroup,
    Route,
    Router,
    Rule,
    Vip,
)
from midonet_kubernetes.simulate.faults import fault_of_rule
from midonet_kubernetes.simulate.given import given
from midonet_kubernetes.simulate.packet import Address, mac
from midonet_kubernetes.simulate.prefixes import address_of

T = TypeVar("T")


class Topology:
    """The virtual network.

    Objects may be incomplete or wrong (a port without its device, a loop of links, a rule whose target is gone): what
    MidoNet cannot build makes packets wait (``Fate.SUSPENDED``), never this class fail.

    Args:
        objects: ``model.midonet`` objects, in any order; of several with one id the last counts. Kinds that no packet
            meets (hosts, tunnel zones) are left out.
    """

    def __init__(self, objects: Iterable[object]) -> None:
        by_kind: defaultdict[type, dict[str, object]] = defaultdict(dict)
        for item in objects:
            by_kind[type(item)][item.id] = item  # type: ignore[attr-defined]
        self._by_kind: Mapping[type, dict[str, object]] = by_kind

    def find(self, kind: type[T], id_: str | None) -> T | None:
        """An object by its id."""
        found = self._by_kind.get(kind, {}).get(id_ or "")
        return found if isinstance(found, kind) else None

    def device_of(self, port: Port) -> Bridge | Router | None:
        """The bridge or router that a port belongs to."""
        if port.type == "Router":
            return self.find(Router, port.device_id)
        return self.find(Bridge, port.device_id)

    def ports_of(self, device: str) -> tuple[Port, ...]:
        """The ports of a bridge or router, by id."""
        return self._ports.get(device, ())

    def peer_of(self, port: Port) -> Port | None:
        """The port that an interior port is linked to."""
        return self.find(Port, port.peer_id)

    def rules_of(self, chain: str) -> tuple[Rule, ...]:
        """The rules of a chain in their order."""
        return self._rules.get(chain, ())

    def conditions_of(self, rule: Rule) -> tuple[str, ...]:
        """The conditions that a rule of this topology gives (``given.given``)."""
        found = self._given.get(rule.id)
        if found is None:
            found = self._given[rule.id] = given(rule)
        return found

    def routes_of(self, router: str) -> tuple[Route, ...]:
        """The routes of a router, by id; those that leave by a port belong to the port's router."""
        return self._routes.get(router, ())

    def groups_of(self, port: str) -> frozenset[str]:
        """The port groups that a port is in."""
        return self._groups.get(port, frozenset())

    def members_of(self, group: str) -> frozenset[Address]:
        """The addresses of an IP address group; none when it is not there."""
        return self._members.get(group, frozenset())

    def arp_entry(self, bridge: str, address: IPv4Address) -> str | None:
        """The MAC that a bridge's ARP table holds for an address, as the user wrote it."""
        return self._arp.get((bridge, address))

    def mac_entry(self, bridge: str, vlan: int, address: str) -> str | None:
        """The port that a bridge's MAC table holds for a MAC, as the user wrote it."""
        return self._macs.get((bridge, vlan, address))

    def vips_of(self, load_balancer: str) -> tuple[Vip, ...]:
        """The VIPs of a load balancer's pools, by pool and id."""
        pools = [pool.id for pool in self._all(Pool) if pool.load_balancer_id == load_balancer]
        return tuple(vip for pool in pools for vip in self._vips.get(pool, ()))

    def members_of_pool(self, pool: str) -> tuple[PoolMember, ...]:
        """The members of a pool, by id."""
        return self._pool_members.get(pool, ())

    def fault_of_chain(self, chain: str) -> str | None:
        """Why MidoNet cannot build a chain, one it leads to, or one of their rules; None: it can (simulation 2)."""
        if chain not in self._chain_faults:
            self._chain_faults[chain] = self._search_fault(chain)
        return self._chain_faults[chain]

    def _search_fault(self, chain: str) -> str | None:
        if self.find(Chain, chain) is None:
            return f"chain {chain} does not exist"
        seen, waiting = {chain}, [chain]
        while waiting:
            for rule in self.rules_of(waiting.pop()):
                fault = fault_of_rule(rule, self._members)
                if fault is not None:
                    return f"rule {rule.id} of chain {rule.chain_id}: {fault}"
                target = rule.jump_chain_id
                if rule.type == "jump" and target is not None and target not in seen and self.find(Chain, target) is not None:
                    seen.add(target)
                    waiting.append(target)
        return None

    def _all(self, kind: type[T]) -> list[T]:
        objects = self._by_kind.get(kind, {})
        return [item for id_ in sorted(objects) if isinstance(item := objects[id_], kind)]

    @cached_property
    def _chain_faults(self) -> dict[str, str | None]:
        return {}

    @cached_property
    def _given(self) -> dict[str, tuple[str, ...]]:
        return {}

    @cached_property
    def _ports(self) -> dict[str, tuple[Port, ...]]:
        return _grouped((port.device_id, port) for port in self._all(Port))

    @cached_property
    def _rules(self) -> dict[str, tuple[Rule, ...]]:
        return _grouped((rule.chain_id, rule) for rule in sorted(self._all(Rule), key=lambda rule: (rule.rank, rule.id)))

    @cached_property
    def _routes(self) -> dict[str, tuple[Route, ...]]:
        owned = []
        for route in self._all(Route):
            port = self.find(Port, route.next_hop_port)
            owned.append((port.device_id if port is not None else route.router_id or "", route))
        return _grouped(owned)

    @cached_property
    def _groups(self) -> dict[str, frozenset[str]]:
        pairs = ((port, group.id) for group in self._all(PortGroup) for port in group.port_ids)
        return {port: frozenset(groups) for port, groups in _grouped(pairs).items()}

    @cached_property
    def _members(self) -> dict[str, frozenset[Address]]:
        read = {group.id: [address_of(text) for text in group.addrs] for group in self._all(IpAddrGroup)}
        return {group: frozenset(address for address in addresses if address) for group, addresses in read.items()}

    @cached_property
    def _vips(self) -> dict[str, tuple[Vip, ...]]:
        return _grouped((vip.pool_id, vip) for vip in self._all(Vip))

    @cached_property
    def _pool_members(self) -> dict[str, tuple[PoolMember, ...]]:
        return _grouped((member.pool_id, member) for member in self._all(PoolMember))

    @cached_property
    def _arp(self) -> dict[tuple[str, IPv4Address], str]:
        table = {}
        for entry in self._all(Ip4Mac):
            address, owner = address_of(entry.ip), _mac_or_none(entry.mac)
            if isinstance(address, IPv4Address) and owner is not None:
                table[entry.bridge_id, address] = owner
        return table

    @cached_property
    def _macs(self) -> dict[tuple[str, int, str], str]:
        table: dict[tuple[str, int, str], str] = {}
        for entry in self._all(MacPort):
            owner = _mac_or_none(entry.mac_addr)
            if owner is not None:
                table[entry.bridge_id, entry.vlan_id, owner] = entry.port_id
        return table


def is_exterior(port: Port) -> bool:
    """Whether a port is bound to an interface of a host."""
    return bool(port.host_id and port.interface_name)


def is_interior(port: Port) -> bool:
    """Whether a port is linked to another; a port that is bound too is exterior first."""
    return bool(port.peer_id)


def port_mac(port: Port) -> str | None:
    """The MAC of a router port."""
    return _mac_or_none(port.port_mac or "")


def port_interface(port: Port) -> IPv4Interface | None:
    """The IPv4 address of a router port with its network."""
    for text in port.port_subnet:
        try:
            return IPv4Interface(text)
        except ValueError:
            continue
    return None


def _mac_or_none(text: str) -> str | None:
    try:
        return mac(text)
    except ValueError:
        return None


def _grouped(pairs: Iterable[tuple[str, T]]) -> dict[str, tuple[T, ...]]:
    lists: defaultdict[str, list[T]] = defaultdict(list)
    for owner, item in pairs:
        lists[owner].append(item)
    return {owner: tuple(items) for owner, items in lists.items()}
