"""Addresses and prefixes as rules and routes write them: read once, then remembered."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from midonet_kubernetes.simulate.packet import Address


@lru_cache(maxsize=65536)
def address_of(text: str | None) -> Address | None:
    """An address; None: the text is none."""
    try:
        return ip_address(text or "")
    except ValueError:
        return None


def ipv4_of(text: str | None) -> IPv4Address | None:
    """An IPv4 address; None: the text is none."""
    address = address_of(text)
    return address if isinstance(address, IPv4Address) else None


@lru_cache(maxsize=65536)
def network_of(text: str | None, length: int) -> IPv4Network | IPv6Network | None:
    """A prefix; bits behind it do not count. None: the text or the length is wrong."""
    address = address_of(text)
    if address is None:
        return None
    try:
        return ip_network((address, length), strict=False)
    except ValueError:
        return None


def holds(text: str | None, length: int, address: Address | None) -> bool:
    """Whether a prefix contains an address of its own family; of no address it is false."""
    network = network_of(text, length)
    if network is None or address is None:
        return False
    if isinstance(network, IPv4Network):
        return isinstance(address, IPv4Address) and address in network
    return isinstance(address, IPv6Address) and address in network
