"""``network.Routing`` and ``network.Batch`` over a network in memory."""

from __future__ import annotations

import errno
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Namespace, Notice
from midonet_kubernetes.linux.twin.network import Network
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route

if TYPE_CHECKING:
    from midonet_kubernetes.linux.twin.kernel import NamespaceState

StateOf = Callable[[Namespace], "NamespaceState"]


class TwinRequests(ABC):
    """``network.NetworkRequests``, but for when a request is done."""

    def __init__(self, state: NamespaceState, state_of: StateOf, port: int) -> None:
        self._state, self._state_of, self._port = state, state_of, port

    @abstractmethod
    def _take(self, change: Callable[[Network], object], link: str = "") -> None:
        """Do, or keep, a change; ``link`` must be there already."""

    def add_veth(self, link: Link, peer: Link, peer_namespace: Namespace | None = None) -> None:
        """See ``network.NetworkRequests``."""
        other = None if peer_namespace is None else self._state_of(peer_namespace).network
        self._take(lambda network: _add_veth(network, link, peer, other or network), link.bridge)

    def add_vxlan(self, link: Link, into: Namespace | None = None) -> None:
        """See ``network.NetworkRequests``."""
        other = None if into is None else self._state_of(into).network
        self._take(lambda network: _add_vxlan(network, link, other or network))

    def add_bridge(self, link: Link) -> None:
        """See ``network.NetworkRequests``."""
        self._take(lambda network: network.add(link, "bridge", up=link.up))

    def set_link(self, link: Link) -> None:
        """See ``network.NetworkRequests``."""
        self._take(lambda network: network.change(link), link.bridge)

    def delete_link(self, name: str, index: int = 0) -> None:
        """See ``network.NetworkRequests``."""
        self._take(lambda network: network.remove(name, index))

    def move_link(self, name: str, into: Namespace) -> None:
        """See ``network.NetworkRequests``."""
        other = self._state_of(into).network
        self._take(lambda network: _move(network, name, other))

    def replace_address(self, address: Address) -> None:
        """See ``network.NetworkRequests``."""
        self._take(lambda network: network.put_address(address), address.link)

    def delete_address(self, address: Address) -> None:
        """See ``network.NetworkRequests``."""
        self._take(lambda network: network.take_address(address), address.link)

    def replace_route(self, route: Route) -> None:
        """See ``network.NetworkRequests``."""
        self._take(lambda network: network.put_route(route), route.link)

    def delete_route(self, route: Route) -> None:
        """See ``network.NetworkRequests``."""
        self._take(lambda network: network.take_route(route), route.link)

    def replace_neighbour(self, neighbour: Neighbour) -> None:
        """See ``network.NetworkRequests``."""
        self._take(lambda network: network.put_neighbour(neighbour), neighbour.link)

    def delete_neighbour(self, neighbour: Neighbour) -> None:
        """See ``network.NetworkRequests``."""
        self._take(lambda network: network.take_neighbour(neighbour), neighbour.link)

    def replace_forwarding(self, entry: ForwardingEntry) -> None:
        """See ``network.NetworkRequests``."""
        self._take(lambda network: network.put_forwarding(entry), entry.link)

    def delete_forwarding(self, entry: ForwardingEntry) -> None:
        """See ``network.NetworkRequests``."""
        self._take(lambda network: network.take_forwarding(entry), entry.link)

    def set_proxy_delay(self, link: str, milliseconds: int) -> None:
        """See ``network.NetworkRequests``."""

        def change(network: Network) -> None:
            network.find(link).proxy_delay = milliseconds

        self._take(change, link)


class TwinBatch(TwinRequests):
    """``network.Batch``."""

    def __init__(self, state: NamespaceState, state_of: StateOf, port: int) -> None:
        super().__init__(state, state_of, port)
        self._changes: list[Callable[[Network], object]] = []
        self._refused: list[KernelError] = []

    def _take(self, change: Callable[[Network], object], link: str = "") -> None:
        try:
            if link:
                self._state.network.find(link)
            self._changes.append(change)
        except KernelError as refused:
            self._refused.append(refused)

    def send(self) -> list[KernelError]:
        """See ``network.Batch``."""
        changes, refused = self._changes, self._refused
        self._changes, self._refused = [], []
        for change in changes:
            try:
                with self._state.caused_by(self._port):
                    change(self._state.network)
            except KernelError as error:
                refused.append(error)
        return refused


class TwinRouting(TwinRequests):
    """``network.Routing``."""

    def __init__(self, state: NamespaceState, state_of: StateOf, port: int) -> None:
        super().__init__(state, state_of, port)
        self._open = True
        state.hold()

    @property
    def port(self) -> int:
        """See ``network.Routing``."""
        return self._port

    def close(self) -> None:
        """See ``network.Routing``."""
        if self._open:
            self._open = False
            self._state.release()

    def batch(self) -> TwinBatch:
        """See ``network.Routing``."""
        return TwinBatch(self._state, self._state_of, self._port)

    def _take(self, change: Callable[[Network], object], link: str = "") -> None:
        if link:
            self._state.network.find(link)
        with self._state.caused_by(self._port):
            change(self._state.network)

    def links(self) -> list[Link]:
        """See ``network.Routing``."""
        return [link.read() for link in self._state.network.links.values()]

    def link(self, name: str) -> Link | None:
        """See ``network.Routing``."""
        found = self._state.network.links.get(name)
        return None if found is None else found.read()

    def addresses(self) -> list[Address]:
        """See ``network.Routing``."""
        return list(self._state.network.addresses)

    def routes(self) -> list[Route]:
        """See ``network.Routing``."""
        return list(self._state.network.routes.values())

    def neighbours(self) -> list[Neighbour]:
        """See ``network.Routing``."""
        return list(self._state.network.neighbours.values())

    def forwarding(self) -> list[ForwardingEntry]:
        """See ``network.Routing``."""
        return [entry for link in self._state.network.links.values() for entry in link.forwarding.values()]

    def proxy_delays(self) -> dict[str, int]:
        """See ``network.Routing``."""
        return {name: link.proxy_delay for name, link in self._state.network.links.items()}

    def merges(self, link: str) -> bool:
        """See ``network.Routing``."""
        found = self._state.network.links.get(link)
        return found is not None and found.merges

    def set_merging(self, link: str, *, merges: bool) -> None:
        """See ``network.Routing``."""
        found = self._state.network.find(link)
        if found.merges != merges:
            found.merges = merges
            self._state.tell(Notice("link", found.read()))


def _add_veth(here: Network, link: Link, peer: Link, there: Network) -> None:
    if peer.name in there.links:  # nothing is made when one end cannot be
        raise KernelError(f"add the veth link {link.name}", errno.EEXIST)
    one = here.add(link, "veth", up=link.up)
    try:
        one.peer = there.add(peer, "veth", up=False)
    except KernelError:
        here.take_out(one)
        raise
    one.peer.peer = one


def _add_vxlan(here: Network, link: Link, there: Network) -> None:
    if link.vxlan is None:
        raise ValueError(f"link {link.name} has no VXLAN parameters")
    for other in here.tunnels:
        if other.is_now.vxlan and (other.is_now.vxlan.id, other.is_now.vxlan.port) == (link.vxlan.id, link.vxlan.port):
            raise KernelError(f"add the vxlan link {link.name}", errno.EEXIST)
    made = there.add(link, "vxlan", up=link.up)
    made.socket = here
    here.tunnels.append(made)


def _move(here: Network, name: str, there: Network) -> None:
    found = here.find(name)
    if name == "lo" or found.is_now.kind == "bridge":
        raise KernelError(f"move the link {name}", errno.EINVAL, "The interface netns is immutable")
    if name in there.links:
        raise KernelError(f"move the link {name}", errno.EEXIST)
    here.take_out(found)
    there.adopt(found)
