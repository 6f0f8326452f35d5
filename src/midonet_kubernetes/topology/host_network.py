"""Links, addresses, routes, neighbours and forwarding entries of one network namespace as values.

The compiler writes them, ``linux.routing`` reads the kernel back in the same words and writes the differences. IPv4 only.
Addresses are dotted text, networks canonical text with a prefix length (``10.1.2.0/24``, a host is ``/32``, everything
``0.0.0.0/0``), MAC addresses six lower-case pairs with colons: the forms that the topology itself uses.
"""

from __future__ import annotations

from dataclasses import dataclass, field

FALLBACK_METRIC = 4096
"""Of routes that answer "unreachable" where no address is known."""


@dataclass(frozen=True, slots=True)
class Vxlan:
    """What makes a link a VXLAN tunnel end (RFC 7348). It never learns: its forwarding entries are written.

    Args:
        id: the VXLAN network identifier, 24 bits.
        port: UDP port of both ends.
        local: source address of the outer packets.
    """

    id: int
    port: int
    local: str


@dataclass(frozen=True, slots=True)
class Link:
    """A network interface.

    Args:
        name: at most 15 characters.
        kind: "veth", "vxlan", "bridge"; "" for one that has no kind (loopback, hardware).
        mac: "" when wanted: whatever the kernel chose.
        mtu: bytes; 0 when wanted: whatever the kernel chose.
        up: administratively up.
        vxlan: of a link of kind "vxlan".
        bridge: name of the bridge that the link is a port of, "" for none.
        index: the kernel's number of it, 0 when wanted; not compared.
        running: the kernel says that packets pass (operational state up or unknown); not compared.
    """

    name: str
    kind: str = ""
    mac: str = ""
    mtu: int = 0
    up: bool = True
    vxlan: Vxlan | None = None
    bridge: str = ""
    index: int = field(default=0, compare=False)
    running: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Address:
    """``address`` (canonical host address with its network's prefix length, ``10.1.2.3/24``) of a link."""

    link: str
    address: str


@dataclass(frozen=True, slots=True)
class NextHop:
    """One of several gateways that share a route's connections.

    Args:
        via: its address; the kernel finds its link by the routes without gateway.
        weight: its share is to another's as their weights, 1 to 256.
        link: through which; not compared.
    """

    via: str
    weight: int = 1
    link: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Route:
    """A route of the main table.

    Without ``via`` a unicast route has scope link. The destination and the metric together are its key.

    Args:
        destination: network.
        kind: "unicast", "unreachable", "blackhole" or "prohibit"; only a unicast route has link, via, source or onlink.
        link: through which.
        via: gateway address, "" for destinations on the link itself.
        source: preferred source address, "" for the kernel's choice.
        metric: lower wins.
        onlink: the gateway is on the link even if no route says so.
        hops: at least two, of a unicast route with neither link, via nor onlink. A connection keeps its gateway.
    """

    destination: str
    kind: str = "unicast"
    link: str = ""
    via: str = ""
    source: str = ""
    metric: int = 0
    onlink: bool = False
    hops: tuple[NextHop, ...] = ()


@dataclass(frozen=True, slots=True)
class Neighbour:
    """``address`` on ``link`` has this MAC, permanently (static ARP)."""

    link: str
    address: str
    mac: str


@dataclass(frozen=True, slots=True)
class ForwardingEntry:
    """Frames to ``mac`` leave the VXLAN link ``link`` for the tunnel end ``address``, permanently."""

    link: str
    mac: str
    address: str
