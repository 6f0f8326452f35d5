"""Where the kernel runs filters: one base chain for each place where MidoNet has a filter, in MidoNet's order.

The accept of one base chain does not end the next, as the accept of one filter does not in MidoNet (simulation 1.1).
A NAT rule can only stand in a chain that nothing but NAT hooks reach, and NAT chains see a connection's first packet
only. So a MidoNet chain is compiled once for each *side* that it is needed on: what it filters, what it translates,
and which unserved addresses it answers for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from midonet_kubernetes.topology.items import Item, ItemKey
from midonet_kubernetes.topology.rule_set import (
    Chain,
    Compare,
    Data,
    Field,
    Hook,
    Reject,
    Rule,
    Set,
    Statement,
    Verdict,
    VerdictMap,
)

REFUSE = "refuse"
REFUSING = Chain(REFUSE, (Rule((Compare(Field.L4PROTO, b"\x06"), Reject(tcp_reset=True))), Rule((Reject(code=3),))))
_CONFIRMED = (8).to_bytes(4, "big")  # IPS_CONFIRMED: a packet of this connection has left before


class Side(Enum):
    """What of a chain is compiled; the value begins the names of the kernel's chains."""

    FILTER_IN = "fi"
    DNAT = "dn"
    UNSERVED = "un"
    FILTER_OUT = "fo"
    SNAT = "sn"

    @property
    def inbound(self) -> bool:
        """Whether packets are on their way in."""
        return self in {Side.FILTER_IN, Side.DNAT, Side.UNSERVED}


@dataclass(frozen=True)
class Stage:
    """A base chain and its map from interfaces to chains.

    Args:
        name: of the base chain.
        side: of the chains that it leads to.
        hook: where it hangs.
        map: from the interface to the verdict.
        guard: what must hold besides.
    """

    name: str
    side: Side
    hook: Hook
    map: str
    guard: tuple[Statement, ...] = ()

    @property
    def key(self) -> Field:
        """Which interface decides."""
        return Field.IIFNAME if self.side.inbound else Field.OIFNAME

    def entry(self, interface: str, chain: str) -> dict[ItemKey, Item]:
        """What sends the packets of an interface to a chain: an element, with map and base chain."""
        look_up = Rule((*self.guard, VerdictMap((self.key,), self.map)))
        return {
            ("set", self.map): Set(self.map, (self.key,), Data.VERDICT),
            ("chain", self.name): Chain(self.name, (look_up,), self.hook),
            ("element", self.map, (interface.encode(),)): Verdict("jump", chain),
        }


PORT_IN = Stage("s10_port_in", Side.FILTER_IN, Hook("filter", "prerouting", -160), "port_in")
BRIDGE_IN = Stage("s20_bridge_in", Side.FILTER_IN, Hook("filter", "prerouting", -150), "bridge_in")
PORT_DNAT = Stage("s24_port_dnat", Side.DNAT, Hook("nat", "prerouting", -101), "port_dnat")
BRIDGE_DNAT = Stage("s25_dnat", Side.DNAT, Hook("nat", "prerouting", -100), "bridge_dnat")
BRIDGE_UNSERVED = Stage(
    "s26_unserved",
    Side.UNSERVED,
    Hook("filter", "prerouting", -90),
    "bridge_unserved",
    (Compare(Field.CT_STATUS, bytes(4), _CONFIRMED),),
)
PORT_OUT = Stage("s60_port_out", Side.FILTER_OUT, Hook("filter", "postrouting", 50), "port_out")
PORT_SNAT = Stage("s70_port_snat", Side.SNAT, Hook("nat", "postrouting", 100), "port_snat")

OF_PORT_INBOUND = (PORT_IN, PORT_DNAT)
OF_BRIDGE_INBOUND = (BRIDGE_IN, BRIDGE_DNAT, BRIDGE_UNSERVED)
OF_PORT_OUTBOUND = (PORT_OUT, PORT_SNAT)
