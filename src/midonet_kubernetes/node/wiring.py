"""The kernel side of a pod's interface: makes it, takes it away, compares it, puts it right.

Both ends carry what ``docs/architecture.md`` (seam 6) says. With minimidonet the outer end stands in the datapath namespace
as a routed port: a route and a permanent neighbour lead to the pod, and the pod works before the agent has heard of it. With
a real MidoNet the outer end stays in the host's namespace, bare, for its agent to bind.
"""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Kernel, Namespace
from midonet_kubernetes.linux.network import Routing
from midonet_kubernetes.topology.host_network import Address, Link, Neighbour, Route

EVERYTHING = "0.0.0.0/0"
LONGEST_WAIT = 2.0  # seconds for the kernel to say that both ends carry packets
KEEP_ALIVE = "net.ipv4.tcp_keepalive_time"
KEEP_ALIVE_SECONDS = "45"  # idle connections speak up before a flow of theirs may be forgotten


@dataclass(frozen=True, slots=True)
class Wire:
    """A pod's interface as it shall be.

    Args:
        link: name of the outer end.
        router_mac: MAC of the gateway; with minimidonet the outer end carries it.
        inner: name of the pod's end.
        mac: of the pod's end.
        mtu: of both.
        address: of the pod, without prefix length.
        length: prefix length that the pod's end gives its address.
        gateway: address of the next hop for everything.
    """

    link: str
    router_mac: str
    inner: str
    mac: str
    mtu: int
    address: str
    length: int
    gateway: str


@dataclass(frozen=True, slots=True)
class Survey:
    """What the outer namespace has: links by name, (destination, link) of routes, neighbours."""

    links: dict[str, Link]
    routes: frozenset[tuple[str, str]]
    neighbours: frozenset[Neighbour]


class Wiring:
    """Makes wires between one outer namespace and pods.

    Args:
        kernel: real or twin.
        outer: where the outer ends are.
        routed: minimidonet: the outer ends are routed ports.
    """

    def __init__(self, kernel: Kernel, outer: Namespace, *, routed: bool) -> None:
        self._kernel, self.outer, self._routed = kernel, outer, routed
        self._routing = kernel.routing(outer)

    def close(self) -> None:
        """Close the socket in the outer namespace."""
        self._routing.close()

    def survey(self) -> Survey:
        """What there is, read once for many wires."""
        return Survey(
            {link.name: link for link in self._routing.links()},
            frozenset((route.destination, route.link) for route in self._routing.routes()),
            frozenset(self._routing.neighbours()),
        )

    def has(self, link: str) -> bool:
        """Whether there is an outer end of that name."""
        return self._routing.link(link) is not None

    def move(self, link: str, into: Namespace) -> None:
        """Move an outer end to another namespace, where ``repair`` makes it work again."""
        self._routing.move_link(link, into)

    def connect(self, wire: Wire, pod: Namespace) -> None:
        """Make the pair and all that belongs to it, and wait until it carries packets.

        A link of the outer name that is there is of an earlier container of the Pod, and goes first.

        Raises:
            KernelError: EEXIST when the pod has an interface of that name; else the first refusal. What was made is gone again.
        """
        inside = self._kernel.routing(pod)
        try:
            if inside.link(wire.inner) is not None:
                raise KernelError(f"make {wire.inner} in the container", errno.EEXIST, "it has an interface of that name")
            self.disconnect(wire.link)
            self._add_pair(wire, pod)
            try:
                self._put_outside(wire)
                self._put_inside(wire, inside)
                pod.write_sysctl(KEEP_ALIVE, KEEP_ALIVE_SECONDS)
                self._wait(wire, inside)
            except BaseException:
                self.disconnect(wire.link)
                raise
        finally:
            inside.close()

    def disconnect(self, link: str) -> bool:
        """Take a wire away by the name of its outer end; with it go the pod's end, routes and neighbours.

        Returns:
            Whether there was one.
        """
        return _delete(self._routing, link)

    def removal(self, link: str) -> Callable[[], None] | None:
        """What takes away the wire that has this name now and no later one, in any thread; None when there is none.

        The kernel lets all readers finish after each removal; only what is removed in other threads need not wait for that too.
        What is refused is left there, for a ``disconnect`` to tell.
        """
        found = self._routing.link(link)
        if found is None:
            return None
        index = found.index

        def take_away() -> None:
            with suppress(KernelError), closing(self._kernel.routing(self.outer)) as routing:
                routing.delete_link(link, index)

        return take_away

    def disconnect_inside(self, inner: str, router_mac: str, pod: Namespace) -> bool:
        """Take a wire away by the name of its inner end, when nobody knows its outer one any more.

        An interface that does not know our gateway is another network's and stays.
        """
        inside = self._kernel.routing(pod)
        try:
            ours = any(neighbour.link == inner and neighbour.mac == router_mac for neighbour in inside.neighbours())
            return ours and _delete(inside, inner)
        finally:
            inside.close()

    def differences(self, wire: Wire, survey: Survey, pod: Namespace | None) -> list[str]:
        """What is not as it should be, in words; the inside is compared when the pod's namespace is at hand."""
        found = self._outside(wire, survey)
        if pod is not None:
            inside = self._kernel.routing(pod)
            try:
                found += self._inside(wire, inside)
            finally:
                inside.close()
        return found

    def repair(self, wire: Wire, pod: Namespace | None) -> None:
        """Put right what can be put right while the pair exists.

        Raises:
            KernelError: ENODEV, the pair is gone; else the first refusal.
        """
        self._routing.set_link(self._outer_link(wire))
        self._put_outside(wire)
        if pod is None:
            return
        inside = self._kernel.routing(pod)
        try:
            self._put_inside(wire, inside)
        finally:
            inside.close()

    def _outer_link(self, wire: Wire) -> Link:
        return Link(wire.link, "veth", mac=wire.router_mac if self._routed else "", mtu=wire.mtu)

    def _add_pair(self, wire: Wire, pod: Namespace) -> None:
        self._routing.add_veth(self._outer_link(wire), Link(wire.inner, "veth", mac=wire.mac, mtu=wire.mtu), pod)

    def _put_outside(self, wire: Wire) -> None:
        if not self._routed:
            return
        batch = self._routing.batch()
        batch.set_proxy_delay(wire.link, 0)
        batch.replace_neighbour(Neighbour(wire.link, wire.address, wire.mac))
        batch.replace_route(Route(f"{wire.address}/32", link=wire.link))
        for error in batch.send():  # reverse path filter and proxy ARP are the namespace's defaults, which a new link has
            raise error

    def _put_inside(self, wire: Wire, inside: Routing) -> None:
        batch = inside.batch()
        batch.set_link(Link("lo"))
        batch.set_link(Link(wire.inner, mac=wire.mac, mtu=wire.mtu))  # the kernel makes a peer that is down
        batch.replace_address(Address(wire.inner, f"{wire.address}/{wire.length}"))
        batch.replace_neighbour(Neighbour(wire.inner, wire.gateway, wire.router_mac))
        batch.replace_route(Route(EVERYTHING, link=wire.inner, via=wire.gateway, onlink=True))
        for error in batch.send():
            raise error

    def _wait(self, wire: Wire, inside: Routing) -> None:
        """A link that was just set up passes packets a moment later; the first packet of the pod must not be the victim."""
        give_up = time.monotonic() + LONGEST_WAIT
        while not all(link is not None and link.running for link in (self._routing.link(wire.link), inside.link(wire.inner))):
            if time.monotonic() > give_up:
                raise KernelError(f"wait for {wire.link} to carry packets", errno.ETIMEDOUT)
            time.sleep(0.0005)

    def _outside(self, wire: Wire, survey: Survey) -> list[str]:
        link = survey.links.get(wire.link)
        if link is None:
            return [f"the link {wire.link} of the virtual network is missing"]
        found = _link_differences(link, self._outer_link(wire), wire.link)
        if self._routed and (f"{wire.address}/32", wire.link) not in survey.routes:
            found.append(f"the route to {wire.address} through {wire.link} is missing")
        if self._routed and Neighbour(wire.link, wire.address, wire.mac) not in survey.neighbours:
            found.append(f"the neighbour {wire.address} of {wire.link} is missing or has another MAC than {wire.mac}")
        return found

    def _inside(self, wire: Wire, inside: Routing) -> list[str]:
        link = inside.link(wire.inner)
        if link is None:
            return [f"the container has no interface {wire.inner}"]
        found = _link_differences(link, Link(wire.inner, mac=wire.mac, mtu=wire.mtu), wire.inner)
        if Address(wire.inner, f"{wire.address}/{wire.length}") not in inside.addresses():
            found.append(f"{wire.inner} has lost its address {wire.address}")
        if not any(route.destination == EVERYTHING for route in inside.routes()):
            found.append("the container has no default route")
        if Neighbour(wire.inner, wire.gateway, wire.router_mac) not in inside.neighbours():
            found.append(f"the neighbour {wire.gateway} of {wire.inner} is missing or has another MAC than {wire.router_mac}")
        return found


def _delete(routing: Routing, name: str) -> bool:
    try:
        routing.delete_link(name)
    except KernelError as error:
        if error.code != errno.ENODEV:
            raise
        return False
    return True


def _link_differences(actual: Link, wanted: Link, name: str) -> list[str]:
    found = []
    if not actual.up:
        found.append(f"{name} is down")
    if wanted.mac and actual.mac != wanted.mac:
        found.append(f"{name} has MAC {actual.mac} instead of {wanted.mac}")
    if actual.mtu > wanted.mtu:  # a chained plugin may lower it
        found.append(f"{name} has MTU {actual.mtu} instead of {wanted.mtu}")
    return found
