"""Addresses of a node's podCIDR: who has which, which one is next. No clock, no disk: time is given in seconds by the caller.

An address that was released rests for a while, so that connections and caches that still name it run into nothing rather
than into another pod. When nothing else is left the one that has rested longest is given all the same (decision 0080).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network
from itertools import chain

from midonet_kubernetes.errors import MidonetKubeError, UserError
from midonet_kubernetes.translate.addresses import pod_subnet

REST = 60.0  # seconds between the release of an address and its next use


class Exhausted(MidonetKubeError):
    """Every address of the podCIDR is in use: delete pods, or give the Node a larger podCIDR."""


@dataclass(frozen=True, slots=True)
class Subnet:
    """A node's podCIDR.

    Args:
        network: all of it.
        gateway: the router's address (``translate.addresses.pod_subnet`` says which).
        node: the node's own address.
    """

    network: IPv4Network
    gateway: str
    node: str

    @classmethod
    def parse(cls, pod_cidr: str) -> Subnet:
        """The subnet of ``spec.podCIDR``.

        Raises:
            UserError: it is no IPv4 network, or has no room for gateway and node.
        """
        try:
            subnet = pod_subnet(pod_cidr)
        except ValueError as error:
            raise UserError(f"podCIDR {pod_cidr!r} of this Node cannot be used: {error}") from None
        return cls(subnet.network, str(subnet.gateway), str(subnet.node_address))

    @property
    def length(self) -> int:
        """The prefix length."""
        return self.network.prefixlen

    @property
    def capacity(self) -> int:
        """How many pods there can be."""
        taken = {self.gateway, self.node} - {str(self.network.broadcast_address)}
        return self.network.num_addresses - 2 - len(taken)


class Pool:
    """The addresses of a subnet. What is held may also lie outside of it: it was given before the podCIDR changed.

    Args:
        subnet: where new addresses come from.
    """

    def __init__(self, subnet: Subnet) -> None:
        self.subnet = subnet
        self._held: set[str] = set()
        self._held_inside = 0  # of the subnet
        self._resting: dict[str, float] = {}  # when it was released, oldest first
        self._last = int(subnet.network.network_address)

    def hold(self, address: str) -> None:
        """``address`` is in use; holding twice is fine."""
        if address not in self._held:
            self._held.add(address)
            self._held_inside += address in self
        self._resting.pop(address, None)

    def give(self, now: float) -> str:
        """An address that nobody has, held from now on.

        Raises:
            Exhausted: there is none.
        """
        address = next(self._fresh(now), None) or next((a for a in self._resting if a in self), None)
        if address is None:
            raise Exhausted(f"all {self.subnet.capacity} addresses of podCIDR {self.subnet.network} are in use")
        self.hold(address)
        self._last = int(IPv4Address(address))
        return address

    def release(self, address: str, now: float) -> None:
        """Nobody uses ``address`` any more; it rests. Releasing what is not held is fine."""
        if address in self._held:
            self._held.discard(address)
            self._held_inside -= address in self
            self._resting[address] = now

    def free(self) -> int:
        """How many addresses could be given, resting ones included."""
        return self.subnet.capacity - self._held_inside

    def held(self) -> int:
        """How many addresses are in use."""
        return len(self._held)

    def __contains__(self, address: str) -> bool:
        """Whether an address is a pod address of the subnet."""
        network, number = self.subnet.network, int(IPv4Address(address))
        inside = int(network.network_address) < number < int(network.broadcast_address)
        return inside and address not in {self.subnet.gateway, self.subnet.node}

    def _fresh(self, now: float) -> Iterator[str]:
        """Addresses that are neither held nor resting, the one after the last given first, so that reuse comes late."""
        for address in [address for address, since in self._resting.items() if now - since >= REST]:
            del self._resting[address]
        first, last = int(self.subnet.network.network_address), int(self.subnet.network.broadcast_address)
        for number in chain(range(self._last + 1, last), range(first + 1, min(self._last + 1, last))):
            address = str(IPv4Address(number))
            if address not in self._held and address not in self._resting and address in self:
                yield address
