"""Links, addresses, routes and neighbours of one namespace in memory, with the kernel's rules about them."""

from __future__ import annotations

import errno
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Notice
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route

LONGEST_NAME = 15
_PROXY_DELAY = 800
_LOOPBACK = Link("lo", mac="00:00:00:00:00:00", mtu=65536, up=False, index=1)
_macs = count(1)


@dataclass(eq=False)
class TwinLink:
    """A link as it is. ``peer`` of a veth; ``socket`` of a VXLAN: the network in which its UDP socket is.

    ``merges``: packets that it receives (generic receive offload), as all new links do but a veth.
    """

    is_now: Link
    network: Network
    proxy_delay: int = _PROXY_DELAY
    forwarding: dict[str, ForwardingEntry] = field(default_factory=dict)  # by MAC
    peer: TwinLink | None = None
    socket: Network | None = None
    merges: bool = True

    def read(self) -> Link:
        """As the kernel would say it."""
        peer_is_up = self.peer is None or self.peer.is_now.up
        return replace(self.is_now, running=self.is_now.up and peer_is_up)


@dataclass(eq=False)
class Network:
    """The network of a namespace.

    Args:
        tell: takes each notice.
    """

    tell: Callable[[Notice], None]
    links: dict[str, TwinLink] = field(default_factory=dict)
    addresses: list[Address] = field(default_factory=list)
    routes: dict[tuple[str, int], Route] = field(default_factory=dict)
    neighbours: dict[tuple[str, str], Neighbour] = field(default_factory=dict)
    tunnels: list[TwinLink] = field(default_factory=list)  # whose UDP sockets are here

    def __post_init__(self) -> None:
        self._indexes = count(2)
        self.links["lo"] = TwinLink(_LOOPBACK, self)

    def find(self, name: str) -> TwinLink:
        """The link. ENODEV: there is none."""
        if name not in self.links:
            raise KernelError(f"find the link {name}", errno.ENODEV)
        return self.links[name]

    def add(self, link: Link, kind: str, *, up: bool) -> TwinLink:
        """Put a new link in."""
        operation = f"add the {kind} link {link.name}"
        if not 0 < len(link.name) <= LONGEST_NAME:
            raise KernelError(operation, errno.ERANGE if link.name else errno.EINVAL)
        if link.name in self.links:
            raise KernelError(operation, errno.EEXIST)
        is_now = replace(link, kind=kind, mac=link.mac or _new_mac(), mtu=link.mtu or 1500, up=up, index=next(self._indexes))
        made = self.links[link.name] = TwinLink(is_now, self, merges=kind != "veth")
        self.tell(Notice("link", made.read()))
        return made

    def change(self, link: Link) -> None:
        """Give a link what is stated in ``link``."""
        found = self.find(link.name)
        if link.bridge and self.find(link.bridge).is_now.kind != "bridge":
            raise KernelError(f"set the link {link.name}", errno.EOPNOTSUPP)
        before = found.is_now
        found.is_now = replace(before, mac=link.mac or before.mac, mtu=link.mtu or before.mtu, up=link.up, bridge=link.bridge)
        if before.up and not link.up:
            self.forget_routes_and_neighbours(link.name)
        if link.mac:  # the same one, too
            self.forget_neighbours(link.name)
        if found.is_now != before:
            self.tell(Notice("link", found.read()))
        if found.is_now.up != before.up and found.peer is not None:  # which runs from now on, or not any more
            found.peer.network.tell(Notice("link", found.peer.read()))

    def remove(self, name: str, index: int = 0) -> None:
        """Take a link out (0: whatever its index), with all that hangs on it, and with the other end of a pair."""
        found = self.find(name)
        if index not in {0, found.is_now.index}:
            raise KernelError(f"delete the link {name}", errno.ENODEV)
        if name == "lo":
            raise KernelError("delete the link lo", errno.EOPNOTSUPP)
        self.take_out(found)
        if found.socket is not None:
            found.socket.tunnels.remove(found)
        if found.peer is not None:
            found.peer.network.take_out(found.peer)

    def take_out(self, link: TwinLink) -> None:
        """Take one link out of this network; it may come back in another."""
        name = link.is_now.name
        del self.links[name]
        self.routes = {key: route for key, route in self.routes.items() if all(hop.link != name for hop in route.hops)}
        self.forget_routes_and_neighbours(name)
        self.addresses = [address for address in self.addresses if address.link != name]
        for port in self.links.values():
            if port.is_now.bridge == name:
                port.is_now = replace(port.is_now, bridge="")
        self.tell(Notice("link", replace(link.is_now, up=False), gone=True))

    def adopt(self, link: TwinLink) -> None:
        """Put a link in that comes from another network."""
        link.network, link.is_now = self, replace(link.is_now, up=False, bridge="", index=next(self._indexes))
        self.links[link.is_now.name] = link
        self.tell(Notice("link", link.read()))

    def forget_routes_and_neighbours(self, name: str) -> None:
        """What happens when a link goes down or loses its last address; without notices, as in the kernel."""
        for key, route in list(self.routes.items()):
            hops = tuple(hop for hop in route.hops if hop.link != name)
            if route.link == name or (route.hops and not hops):
                del self.routes[key]
            elif hops != route.hops:
                self.routes[key] = replace(route, hops=hops)
        self.forget_neighbours(name)

    def forget_neighbours(self, name: str) -> None:
        """What happens to a link's neighbours when its MAC is set; without notices, too."""
        self.neighbours = {key: neighbour for key, neighbour in self.neighbours.items() if neighbour.link != name}

    def put_address(self, address: Address) -> None:
        """Add it unless it is there."""
        self.find(address.link)
        if address not in self.addresses:
            self.addresses.append(address)
            self.tell(Notice("address", address))

    def take_address(self, address: Address) -> None:
        """Take it away with the routes that prefer it as their source. EADDRNOTAVAIL: not there."""
        self.find(address.link)
        if address not in self.addresses:
            raise KernelError(f"delete the address {address.address} of {address.link}", errno.EADDRNOTAVAIL)
        self.addresses.remove(address)
        host = address.address.partition("/")[0]
        if not any(other.address.partition("/")[0] == host for other in self.addresses):
            self.routes = {key: route for key, route in self.routes.items() if route.source != host}
        if not any(other.link == address.link for other in self.addresses):
            self.forget_routes_and_neighbours(address.link)
        self.tell(Notice("address", address, gone=True))

    def put_route(self, route: Route) -> None:
        """Make it the route of its destination and metric."""
        operation = f"replace the route to {route.destination}"
        try:
            ipaddress.IPv4Network(route.destination)
        except ValueError:
            raise KernelError(operation, errno.EINVAL, "Invalid prefix for given prefix length") from None
        if route.hops:
            ways = [self._reachable(Route(route.destination, via=hop.via), operation) for hop in route.hops]
            hops = [replace(hop, link=way.link) for hop, way in zip(route.hops, ways, strict=True)]
            route = replace(route, hops=tuple(hops))
        elif route.kind == "unicast":
            route = self._reachable(route, operation)
        if route.source and not any(address.address.partition("/")[0] == route.source for address in self.addresses):
            raise KernelError(operation, errno.EINVAL, "Invalid prefsrc address")
        self.routes[route.destination, route.metric] = route
        self.tell(Notice("route", route))

    def _reachable(self, route: Route, operation: str) -> Route:
        """The route with its link. Its gateway must be on a link: by the link's addresses or by a route without gateway."""
        if not route.link and not route.via:
            raise KernelError(operation, errno.ENODEV, "No next hop")
        if route.link and not self.find(route.link).is_now.up and (route.onlink or not route.via):
            raise KernelError(operation, errno.ENETDOWN, "Device for nexthop is not up")
        if not route.via or route.onlink:
            return route
        gateway = ipaddress.IPv4Address(route.via)
        ways = [(address.link, ipaddress.IPv4Interface(address.address).network) for address in self.addresses]
        ways += [
            (other.link, ipaddress.IPv4Network(other.destination))
            for other in self.routes.values()
            if other.link and not other.via
        ]
        for link, network in ways:
            if (
                gateway in network
                and network.prefixlen < 32 + (link != "lo")
                and route.link in {"", link}
                and self.links[link].is_now.up
            ):
                return replace(route, link=link)
        raise KernelError(operation, errno.ENETUNREACH, "Nexthop has invalid gateway")

    def take_route(self, route: Route) -> None:
        """Remove it. ESRCH: not there."""
        if route.link:
            self.find(route.link)
        for key, found in self.routes.items():
            if route.destination == found.destination and route.metric in {0, found.metric} and _same_way(route, found):
                del self.routes[key]
                self.tell(Notice("route", found, gone=True))
                return
        raise KernelError(f"delete the route to {route.destination}", errno.ESRCH)

    def put_neighbour(self, neighbour: Neighbour) -> None:
        """Write it."""
        self.find(neighbour.link)
        self.neighbours[neighbour.link, neighbour.address] = neighbour
        self.tell(Notice("neighbour", neighbour))

    def take_neighbour(self, neighbour: Neighbour) -> None:
        """Remove it. ENOENT: not there."""
        self.find(neighbour.link)
        found = self.neighbours.pop((neighbour.link, neighbour.address), None)
        if found is None:
            raise KernelError(f"delete the neighbour {neighbour.address} on {neighbour.link}", errno.ENOENT)
        self.tell(Notice("neighbour", found, gone=True))

    def put_forwarding(self, entry: ForwardingEntry) -> None:
        """Write it."""
        self.find(entry.link).forwarding[entry.mac] = entry
        self.tell(Notice("forwarding", entry))

    def take_forwarding(self, entry: ForwardingEntry) -> None:
        """Remove it. ENOENT: not there."""
        found = self.find(entry.link).forwarding.pop(entry.mac, None)
        if found is None:
            raise KernelError(f"delete the forwarding entry {entry.mac} on {entry.link}", errno.ENOENT)
        self.tell(Notice("forwarding", found, gone=True))


def _same_way(route: Route, found: Route) -> bool:
    """The kernel compares what the request states."""
    return (
        route.kind == found.kind
        and route.link in {"", found.link}
        and route.via in {"", found.via}
        and route.source in {"", found.source}
        and route.hops in {(), found.hops}
    )


def _new_mac() -> str:
    """A MAC address that no other link has (locally administered)."""
    return (0x020000000000 + next(_macs)).to_bytes(6, "big").hex(":")
