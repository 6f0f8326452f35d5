"""Where the kernel runs filters: one base chain for each place where MidoNet has a filter, in MidoNet's order.

The accept of one base chain does not end the next, as the accept of one filter does not in MidoNet (simulation 1.1).
A NAT rule can only stand in a chain that nothing but NAT hooks reach, and NAT chains see a connection's first packet
only. So a MidoNet chain is compiled once for each *side* that it is needed on: what it filters, what it translates,
and which unserved addresses it answers for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from midonet_kubernetes.topology.host_state import MEMBER
from midonet_kubernetes.topology.items import Item, ItemKey
from midonet_kubernetes.topology.prefixes import EVERYTHING, Prefix
from midonet_kubernetes.topology.rule_set import (
    Chain,
    Compare,
    Data,
    Field,
    Hook,
    InSet,
    Reject,
    Rule,
    Set,
    Verdict,
    VerdictMap,
)

REFUSE, PROHIBIT, UNREACHABLE = "refuse", "prohibit", "unreachable"
REFUSING = Chain(REFUSE, (Rule((Compare(Field.L4PROTO, b"\x06"), Reject(tcp_reset=True))), Rule((Reject(code=3),))))
PROHIBITING = Chain(PROHIBIT, (Rule((Reject(code=13),)),))
NOT_REACHING = Chain(UNREACHABLE, (Rule((Reject(code=0),)),))
_DESTINATION_TRANSLATED = (0x20).to_bytes(4, "big")  # IPS_DST_NAT


class Place(Enum):
    """Where in the kernel's path a chain runs."""

    IN = "in"  # entered by a port here, not routed yet
    FORWARD = "forward"  # routed: both interfaces are known
    OUT = "out"  # about to leave by a port here


class Side(Enum):
    """What of a chain is compiled; the value begins the names of the kernel's chains."""

    FILTER_IN = "fi"
    DNAT = "dn"
    UNSERVED = "un"
    FILTER_FORWARD = "ff"
    FILTER_FAR = "ft"  # into the bridge of exit: its NAT rules have acted, if at all, where the packet entered
    FILTER_OUT = "fo"
    SNAT = "sn"

    @property
    def place(self) -> Place:
        """Where such chains run."""
        return _PLACES.get(self, Place.IN)

    @property
    def filters(self) -> bool:
        """Whether such chains drop and reject."""
        return self in {Side.FILTER_IN, Side.FILTER_FORWARD, Side.FILTER_FAR, Side.FILTER_OUT}


_PLACES = {Side.FILTER_FORWARD: Place.FORWARD, Side.FILTER_FAR: Place.FORWARD, Side.FILTER_OUT: Place.OUT, Side.SNAT: Place.OUT}


@dataclass(frozen=True)
class Stage:
    """A base chain and its map from interfaces to chains.

    Args:
        name: of the base chain.
        side: of the chains that it leads to.
        hook: where it hangs.
        map: from the interface to the verdict.
        key: which interface decides.
        away: only packets that come from, or go to, elsewhere than the ports of the same bridge.
    """

    name: str
    side: Side
    hook: Hook
    map: str
    key: Field = Field.IIFNAME
    away: bool = False

    def entry(
        self, interface: str, chain: str, bridge: str, subnet: Prefix = EVERYTHING, *, spread: bool = False
    ) -> dict[ItemKey, Item]:
        """What sends the packets of an interface to a chain: an element, with map and base chain.

        Args:
            interface: of a port here.
            chain: name of the kernel's chain.
            bridge: id of the port's bridge.
            subnet: addresses to which its ports send directly; others pass the router, though it be to the same bridge.
            spread: whether the bridge has ports on other hosts too.
        """
        look_up = Rule((VerdictMap((self.key,), self.map),))
        items: dict[ItemKey, Item] = {
            ("set", self.map): Set(self.map, (self.key,), Data.VERDICT),
            ("chain", self.name): Chain(self.name, (look_up,), self.hook),
        }
        if self.away:
            ports, gate = f"ports_{bridge}", f"{self.name}_{bridge}"
            other = Field.OIFNAME if self.key is Field.IIFNAME else Field.IIFNAME
            beside = [InSet((other,), ports)]
            if spread:
                far = Field.IP_DADDR if self.key is Field.IIFNAME else Field.IP_SADDR
                beside.append(InSet((far,), addresses_elsewhere(bridge)))
            # What is sent to a translated address goes by the router even to the same bridge; its answer does not.
            direct = Compare(Field.CT_STATUS, bytes(4), _DESTINATION_TRANSLATED)
            answer = Compare(Field.CT_DIRECTION, b"\1")
            near = (Compare(Field.IP_DADDR, subnet.first.to_bytes(4, "big"), subnet.mask),) if subnet.length else ()
            returns = [Rule((where, *near, what, Verdict("return"))) for where in beside for what in (direct, answer)]
            items["set", ports] = Set(ports, (Field.IIFNAME,))
            items["element", ports, (interface.encode(),)] = MEMBER
            items["chain", gate] = Chain(gate, (*returns, Rule((Verdict("jump", chain),))))
            chain = gate
        return items | {("element", self.map, (interface.encode(),)): Verdict("jump", chain)}


def addresses_elsewhere(bridge: str) -> str:
    """The name of the set of a bridge's addresses that are on other hosts."""
    return f"elsewhere_{bridge}"


def _forward(name: str, priority: int, key: Field, *, side: Side = Side.FILTER_FORWARD, away: bool = True) -> Stage:
    return Stage(name, side, Hook("filter", "forward", priority), name.partition("_")[2], key, away=away)


PORT_IN = Stage("s10_port_in", Side.FILTER_IN, Hook("filter", "prerouting", -160), "port_in")
BRIDGE_IN = Stage("s20_bridge_in", Side.FILTER_IN, Hook("filter", "prerouting", -150), "bridge_in")
PORT_DNAT = Stage("s24_port_dnat", Side.DNAT, Hook("nat", "prerouting", -101), "port_dnat")
BRIDGE_DNAT = Stage("s25_dnat", Side.DNAT, Hook("nat", "prerouting", -100), "bridge_dnat")
# A NAT chain although it translates nothing: it sees the first packet of what no chain before it has translated, only that.
BRIDGE_UNSERVED = Stage("s26_unserved", Side.UNSERVED, Hook("nat", "prerouting", -90), "bridge_unserved")
# Out of the bridge of entry and through the router, on the host where the packet entered.
BRIDGE_OUT = _forward("s31_bridge_out", 0, Field.IIFNAME, away=False)
LINK_OUT = _forward("s32_link_out", 1, Field.IIFNAME)
ROUTER_PORT_IN = _forward("s33_router_port_in", 2, Field.IIFNAME)
ROUTER_IN = _forward("s34_router_in", 3, Field.IIFNAME)
BARRIER = _forward("s34_to_nowhere", 4, Field.IIFNAME)
ROUTER_OUT = _forward("s35_router_out", 5, Field.IIFNAME)
# Then, on the same host, what is met between the first router and the last port: ``crossing``.
# Into the bridge of exit, on the host where the packet leaves; MidoNet runs these where it entered, with the same result.
ROUTER_PORT_OUT = _forward("s36_router_port_out", 105, Field.OIFNAME)
LINK_IN = _forward("s37_link_in", 106, Field.OIFNAME)
FAR_BRIDGE_IN = _forward("s38_far_bridge_in", 107, Field.OIFNAME, side=Side.FILTER_FAR)
FAR_BRIDGE_OUT = _forward("s39_far_bridge_out", 108, Field.OIFNAME, side=Side.FILTER_FAR)
PORT_OUT = Stage("s60_port_out", Side.FILTER_OUT, Hook("filter", "postrouting", 50), "port_out", Field.OIFNAME)
PORT_SNAT = Stage("s70_port_snat", Side.SNAT, Hook("nat", "postrouting", 100), "port_snat", Field.OIFNAME)


def crossing(number: int) -> Stage:
    """Where the filter with this number runs, of those that a packet meets from router to router: fewer than 90 of 11 devices."""
    return _forward(f"s35_crossing_{number}", 10 + number, Field.IIFNAME)


OF_PORT_INBOUND = (PORT_IN, PORT_DNAT)
OF_BRIDGE_INBOUND = (BRIDGE_IN, BRIDGE_DNAT, BRIDGE_UNSERVED, FAR_BRIDGE_IN)
OF_BRIDGE_OUTBOUND = (BRIDGE_OUT, FAR_BRIDGE_OUT)
OF_LINK_INBOUND, OF_LINK_OUTBOUND = (LINK_IN,), (LINK_OUT,)
OF_ROUTER_PORT_INBOUND, OF_ROUTER_PORT_OUTBOUND = (ROUTER_PORT_IN,), (ROUTER_PORT_OUT,)
OF_ROUTER_INBOUND, OF_ROUTER_OUTBOUND = (ROUTER_IN,), (ROUTER_OUT,)
OF_PORT_OUTBOUND = (PORT_OUT, PORT_SNAT)
