"""All that the compiler wants of one host's kernel, and what changed in it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route
from midonet_kubernetes.topology.items import Item, ItemKey
from midonet_kubernetes.topology.rule_set import Chain, ElementData, ElementKey, Table, Verdict

TABLE = "midonet"
TUNNEL_LINK = "mvx"

SYSCTLS: Mapping[str, str] = {
    "net.ipv4.ip_forward": "1",
    "net.ipv4.ip_early_demux": "0",  # no socket receives here what is only routed: looking for one costs a packet half a percent
    "net.ipv4.conf.all.send_redirects": "0",
    "net.ipv4.conf.default.send_redirects": "0",
    "net.ipv4.conf.all.accept_redirects": "0",
    "net.ipv4.conf.default.accept_redirects": "0",
    "net.ipv4.conf.all.rp_filter": "0",
    "net.ipv4.conf.default.rp_filter": "1",
    "net.ipv4.conf.default.proxy_arp": "1",
    "net.ipv4.conf.all.arp_ignore": "0",
    "net.ipv4.fib_multipath_hash_policy": "1",  # equal routes share connections, not pairs of hosts
    "net.ipv4.icmp_ratelimit": "0",  # each refused UDP client is told at once; icmp_msgs_per_sec still limits all together
    "net.ipv6.conf.all.disable_ipv6": "1",
    "net.ipv6.conf.default.disable_ipv6": "1",
}
"""Of the datapath namespace. All are written: a new namespace takes its values from the initial one."""


@dataclass(frozen=True, slots=True)
class Unsupported:
    """An object that is not in the kernel as MidoNet would have it.

    Args:
        kind: of the object, a key of ``model.midonet.KINDS``.
        id: of the object.
        reason: in words, for the user.
    """

    kind: str
    id: str
    reason: str


@dataclass(frozen=True)
class HostState:
    """Wanted state, whole or in part. Keys are the kernel's own: what is written under an equal key replaces what is there.

    Args:
        links: by name. A "vxlan" is made by the agent, a "veth" by the node daemon: the agent waits for it.
        addresses: by link and address.
        routes: by destination and metric.
        neighbours: by link and address.
        forwarding: by link and MAC.
        table: chains in order of dependency, sets and their elements.
        unsupported: by kind and id.
    """

    links: Mapping[str, Link] = field(default_factory=dict)
    addresses: Mapping[tuple[str, str], Address] = field(default_factory=dict)
    routes: Mapping[tuple[str, int], Route] = field(default_factory=dict)
    neighbours: Mapping[tuple[str, str], Neighbour] = field(default_factory=dict)
    forwarding: Mapping[tuple[str, str], ForwardingEntry] = field(default_factory=dict)
    table: Table = field(default_factory=lambda: Table(TABLE))
    unsupported: Mapping[tuple[str, str], Unsupported] = field(default_factory=dict)

    @property
    def is_without_network(self) -> bool:
        """Whether there is nothing in it but rules."""
        return not (self.links or self.addresses or self.routes or self.neighbours or self.forwarding)


class Step:
    """From one state to the next: only what differs.

    Args:
        changes: old and new item (None: none) by key.
    """

    def __init__(self, changes: Mapping[ItemKey, tuple[Item | None, Item | None]]) -> None:
        self._changes = changes

    def __bool__(self) -> bool:
        return bool(self._changes)

    @cached_property
    def before(self) -> HostState:
        """What differs, as it was."""
        return host_state((key, old) for key, (old, _) in self._changes.items() if old is not None)

    @cached_property
    def after(self) -> HostState:
        """What differs, as it shall be."""
        return host_state((key, new) for key, (_, new) in self._changes.items() if new is not None)


NO_STEP = Step({})


def host_state(items: Iterable[tuple[ItemKey, Item]]) -> HostState:
    """A state made of items.

    Args:
        items: of the kinds ``link``, ``address``, ``route``, ``neighbour``, ``forwarding``, ``chain``, ``set``, ``element``
            and ``unsupported``. The rest of an item's key is its key in ``HostState``; of an element it is the set's name
            and the element's key.
    """
    kinds: dict[str, dict[Any, Any]] = {kind: {} for kind in _KINDS}
    elements: dict[str, dict[ElementKey, ElementData]] = {}
    for key, item in items:
        if key[0] == "element":
            elements.setdefault(key[1], {})[key[2]] = None if item is MEMBER else item
        else:
            kinds[key[0]][key[1] if len(key) == 2 else key[1:]] = item
    sets = tuple(kinds["set"][name] for name in sorted(kinds["set"]))
    return HostState(
        links=kinds["link"],
        addresses=kinds["address"],
        routes=kinds["route"],
        neighbours=kinds["neighbour"],
        forwarding=kinds["forwarding"],
        table=Table(TABLE, chains=_in_order(kinds["chain"]), sets=sets, elements=elements),
        unsupported=kinds["unsupported"],
    )


_KINDS = ("link", "address", "route", "neighbour", "forwarding", "chain", "set", "unsupported")


class _Member:
    """What stands for an element without data, which would otherwise look like no item."""

    def __repr__(self) -> str:
        return "member"


MEMBER = _Member()


def _in_order(chains: Mapping[str, Chain]) -> tuple[Chain, ...]:
    """Chains behind those that their rules jump to. What maps name has no place in the order: elements come after all chains."""
    ordered: dict[str, Chain] = {}

    def place(name: str) -> None:
        chain = chains.get(name)
        if chain is None or name in ordered:
            return
        for rule in chain.rules:
            for statement in rule.statements:
                if isinstance(statement, Verdict) and statement.chain:
                    place(statement.chain)
        ordered[name] = chain

    for name in sorted(chains):
        place(name)
    return tuple(ordered.values())
