"""Links, addresses, routes and neighbours of a namespace: what the kernel edge offers for them, as protocols (see ``kernel``)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route

if TYPE_CHECKING:
    from midonet_kubernetes.linux.kernel import Namespace


class NetworkRequests(Protocol):
    """Changes of links, addresses, routes and neighbours, named by what they shall be. Each raises ``KernelError``."""

    def add_veth(self, link: Link, peer: Link, peer_namespace: Namespace | None = None) -> None:
        """Make a pair: ``link`` here and ``peer`` in the other namespace (None: here too).

        The peer is always made down: ``set_link`` in its own namespace brings it up.

        Raises:
            KernelError: EEXIST, a link of that name is there (perhaps still, while its pod's namespace is torn down).
        """
        ...

    def add_vxlan(self, link: Link, into: Namespace | None = None) -> None:
        """Make a tunnel end whose UDP socket is in this namespace and whose link is in ``into`` (None: here too).

        Raises:
            KernelError: EEXIST, the name, or the VXLAN id and port in this namespace, are taken.
        """
        ...

    def add_bridge(self, link: Link) -> None:
        """Make an Ethernet bridge."""
        ...

    def set_link(self, link: Link) -> None:
        """Give an existing link MAC, MTU (where stated), bridge and up or down as in ``link``."""
        ...

    def delete_link(self, name: str, index: int = 0) -> None:
        """Remove a link with its addresses, routes and neighbours; with a veth goes its peer.

        Args:
            name: of the link.
            index: as in ``Link``; a later link of the same name is left alone. 0: whichever has the name.

        Raises:
            KernelError: ENODEV, it is not there.
        """
        ...

    def move_link(self, name: str, into: Namespace) -> None:
        """Move a link to another namespace, where it is down and without addresses."""
        ...

    def replace_address(self, address: Address) -> None:
        """Give a link an address, whether it has it or not."""
        ...

    def delete_address(self, address: Address) -> None:
        """Take an address away. EADDRNOTAVAIL: not there."""
        ...

    def replace_route(self, route: Route) -> None:
        """Make ``route`` the route with its destination and metric."""
        ...

    def delete_route(self, route: Route) -> None:
        """Remove exactly this route. ESRCH: not there."""
        ...

    def replace_neighbour(self, neighbour: Neighbour) -> None:
        """Write a permanent neighbour."""
        ...

    def delete_neighbour(self, neighbour: Neighbour) -> None:
        """Remove a neighbour. ENOENT: not there."""
        ...

    def replace_forwarding(self, entry: ForwardingEntry) -> None:
        """Write the tunnel end behind a MAC."""
        ...

    def delete_forwarding(self, entry: ForwardingEntry) -> None:
        """Remove what is written for the entry's MAC. ENOENT: nothing is."""
        ...

    def set_proxy_delay(self, link: str, milliseconds: int) -> None:
        """How long at most a proxied ARP request waits for its answer. The kernel's 800 delay a pod's first packet."""
        ...


class Batch(NetworkRequests, Protocol):
    """Changes that are kept and sent together, in order."""

    def send(self) -> list[KernelError]:
        """Send them. One refused change does not stop the others.

        Returns:
            A KernelError for each refused one, in order.
        """
        ...


class Routing(NetworkRequests, Protocol):
    """The links, addresses, routes and neighbours of one namespace. Dumps are sorted by nothing; ``KernelError`` as above."""

    @property
    def port(self) -> int:
        """The netlink port: notifications of own changes carry it."""
        ...

    def links(self) -> list[Link]:
        """All links."""
        ...

    def link(self, name: str) -> Link | None:
        """One link, or None when there is none of that name."""
        ...

    def addresses(self) -> list[Address]:
        """The IPv4 addresses, without the 127.0.0.1 that comes with loopback."""
        ...

    def routes(self) -> list[Route]:
        """The main table's IPv4 routes, without those that the kernel made for addresses."""
        ...

    def neighbours(self) -> list[Neighbour]:
        """The permanent IPv4 neighbours."""
        ...

    def forwarding(self) -> list[ForwardingEntry]:
        """The permanent forwarding entries of VXLAN links."""
        ...

    def proxy_delays(self) -> dict[str, int]:
        """Milliseconds by link."""
        ...

    def merges(self, link: str) -> bool:
        """Whether a link merges packets that it receives (generic receive offload); False also when it is not there."""
        ...

    def set_merging(self, link: str, *, merges: bool) -> None:
        """Let a link merge packets that it receives, or not. Watches of this namespace hear of it, the caller's too.

        Raises:
            KernelError: ENODEV, it is not there.
        """
        ...

    def batch(self) -> Batch:
        """An empty batch."""
        ...

    def close(self) -> None:
        """Close the socket. Closing twice is fine."""
        ...
