"""What MidoNet remembers between packets: NAT bindings, connections, learned addresses (simulation 4.3, 4.9, 5, 6.5).

``State`` is a value. There is no clock: what has expired, the caller takes out with ``without``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from ipaddress import IPv4Address
from types import MappingProxyType
from typing import TypeVar

from midonet_kubernetes.simulate.packet import Address

K = TypeVar("K")
V = TypeVar("V")


class Kind(Enum):
    """What a NAT key is for."""

    FWD_DNAT = "forward dnat"
    FWD_SNAT = "forward snat"
    FWD_STICKY_DNAT = "forward sticky dnat"
    REV_DNAT = "reverse dnat"
    REV_SNAT = "reverse snat"
    REV_STICKY_DNAT = "reverse sticky dnat"


_REVERSE = {
    Kind.FWD_DNAT: Kind.REV_DNAT,
    Kind.FWD_SNAT: Kind.REV_SNAT,
    Kind.FWD_STICKY_DNAT: Kind.REV_STICKY_DNAT,
}


@dataclass(frozen=True, slots=True)
class Binding:
    """An address and a port that NAT writes."""

    address: IPv4Address
    port: int

    def __str__(self) -> str:
        return f"{self.address}:{self.port}"


@dataclass(frozen=True, slots=True)
class NatKey:
    """Under what a binding is stored. ``device`` is the current device, or the load balancer's id, when the rule runs."""

    kind: Kind
    nw_src: IPv4Address
    tp_src: int
    nw_dst: IPv4Address
    tp_dst: int
    nw_proto: int
    device: str

    def reverse(self, binding: Binding) -> tuple[NatKey, Binding]:
        """The entry that is stored together with this forward one."""
        if self.kind is Kind.FWD_SNAT:
            ends = (self.nw_dst, self.tp_dst, binding.address, binding.port)
            original = Binding(self.nw_src, self.tp_src)
        else:
            ends = (binding.address, binding.port, self.nw_src, self.tp_src)
            original = Binding(self.nw_dst, self.tp_dst)
        return NatKey(_REVERSE[self.kind], *ends, self.nw_proto, self.device), original


@dataclass(frozen=True, slots=True)
class ConnectionKey:
    """A packet with these headers that enters at ``device`` is a reply."""

    nw_src: Address
    tp_src: int
    nw_dst: Address
    tp_dst: int
    nw_proto: int
    device: str


def _nothing() -> Mapping[K, V]:
    return MappingProxyType({})


@dataclass(frozen=True, slots=True)
class State:
    """All that is remembered.

    Args:
        nat: NAT bindings, forward and reverse.
        connections: headers and devices of replies.
        macs: learned port by bridge, VLAN id (0: untagged) and MAC.
        neighbours: learned MAC by bridge or router and IPv4 address.
    """

    nat: Mapping[NatKey, Binding] = field(default_factory=_nothing)
    connections: frozenset[ConnectionKey] = frozenset()
    macs: Mapping[tuple[str, int, str], str] = field(default_factory=_nothing)
    neighbours: Mapping[tuple[str, IPv4Address], str] = field(default_factory=_nothing)

    def without(self, *keys: NatKey | ConnectionKey) -> State:
        """The state after these keys have expired; a forward binding takes its reverse one along."""
        gone: set[NatKey | ConnectionKey] = set(keys)
        for key in keys:
            if isinstance(key, NatKey) and key.kind in _REVERSE and key in self.nat:
                gone.add(key.reverse(self.nat[key])[0])
        nat = MappingProxyType({key: binding for key, binding in self.nat.items() if key not in gone})
        return replace(self, nat=nat, connections=self.connections - gone)

    def without_flows(self) -> State:
        """The state after all bindings and connections have expired; learned addresses stay."""
        return replace(self, nat=_nothing(), connections=frozenset())


class Draft:
    """The changes of one walk over a ``State``. What a rule writes, later rules of the same walk see."""

    def __init__(self, base: State) -> None:
        self._base = base
        self._nat: dict[NatKey, Binding | None] = {}  # None: deleted
        self._connections: set[ConnectionKey] = set()
        self._macs: dict[tuple[str, int, str], str] = {}
        self._neighbours: dict[tuple[str, IPv4Address], str] = {}

    def binding(self, key: NatKey) -> Binding | None:
        """What is stored under a key."""
        return self._nat[key] if key in self._nat else self._base.nat.get(key)

    def bind(self, key: NatKey, binding: Binding) -> None:
        """Store a forward binding and the reverse one."""
        self._nat[key] = binding
        reverse, original = key.reverse(binding)
        self._nat[reverse] = original

    def unbind(self, key: NatKey, binding: Binding) -> None:
        """Delete a forward binding and the reverse one."""
        self._nat[key] = self._nat[key.reverse(binding)[0]] = None

    def is_reply(self, key: ConnectionKey) -> bool:
        """Whether a connection with these reply headers is known."""
        return key in self._connections or key in self._base.connections

    def connect(self, key: ConnectionKey) -> None:
        """Store the reply headers of a connection."""
        self._connections.add(key)

    def learned_port(self, bridge: str, vlan: int, mac: str) -> str | None:
        """The port behind which a bridge saw a MAC."""
        key = (bridge, vlan, mac)
        return self._macs.get(key) or self._base.macs.get(key)

    def learn_port(self, bridge: str, vlan: int, mac: str, port: str) -> None:
        """Remember behind which port a MAC is."""
        self._macs[bridge, vlan, mac] = port

    def learned_mac(self, device: str, address: IPv4Address) -> str | None:
        """The MAC that a bridge or router learned for an address."""
        key = (device, address)
        return self._neighbours.get(key) or self._base.neighbours.get(key)

    def learn_mac(self, device: str, address: IPv4Address, mac: str) -> None:
        """Remember the MAC of an address."""
        self._neighbours[device, address] = mac

    def state(self, *, with_flows: bool) -> State:
        """The state after the walk.

        Args:
            with_flows: keep bindings and connections; learned addresses are kept in any case.
        """
        base = self._base
        nat, connections = base.nat, base.connections
        if with_flows:
            nat = _changed(nat, self._nat)
            connections |= self._connections
        return State(nat, connections, _changed(base.macs, self._macs), _changed(base.neighbours, self._neighbours))


def _changed(old: Mapping[K, V], changes: Mapping[K, V | None]) -> Mapping[K, V]:
    if not changes:
        return old
    merged = {**old, **changes}
    return MappingProxyType({key: value for key, value in merged.items() if value is not None})
