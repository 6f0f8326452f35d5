"""Texts that people and other programs write into Kubernetes objects, read as strictly as the contract asks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import AddressValueError, IPv4Address, IPv4Network, IPv6Address, ip_address
from uuid import UUID

_UUID = re.compile(r"(?:urn:uuid:)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE | re.ASCII)
_MAC = re.compile(r"[0-9a-f]{2}(?:(:[0-9a-f]{2}){5}|(-[0-9a-f]{2}){5})|[0-9a-f]{4}(\.[0-9a-f]{4}){2}", re.IGNORECASE | re.ASCII)
_LENGTH = re.compile(r"0*[0-9]{1,2}", re.ASCII)


def address(text: str) -> IPv4Address | IPv6Address:
    """An address; one of IPv4 that is written as IPv6 (``::ffff:a.b.c.d``) is one of IPv4.

    Raises:
        ValueError: it is none, or has a zone.
    """
    if "%" in text:
        raise ValueError(text)
    read = ip_address(text)
    if isinstance(read, IPv6Address) and read.ipv4_mapped:
        return read.ipv4_mapped
    return read


def mac(text: str) -> str:
    """Six bytes written with ``:``, ``-`` or dots, as lower case with colons.

    Raises:
        ValueError: it is no such text.
    """
    if not _MAC.fullmatch(text):
        raise ValueError(text)
    return bytes.fromhex(re.sub("[:.-]", "", text)).hex(":")


def uuid(text: str) -> UUID:
    """A UUID of 36 characters in any case, also with ``urn:uuid:`` in front; no braces, no leaving out of dashes.

    Raises:
        ValueError: it is no such text.
    """
    found = _UUID.fullmatch(text)
    if not found:
        raise ValueError(text)
    return UUID(found[1])


@dataclass(frozen=True, slots=True)
class PodSubnet:
    """A Node's podCIDR.

    Args:
        network: the subnet.
        gateway: the router's address in it, the one after the address as written.
        node_address: the node's own address in it, the one after that.
    """

    network: IPv4Network
    gateway: IPv4Address
    node_address: IPv4Address


@lru_cache(maxsize=4096)  # every Pod of a Node asks for the Node's
def pod_subnet(text: str) -> PodSubnet:
    """Read a podCIDR.

    Raises:
        ValueError: it is none, is one of IPv6, or has no room for gateway and node; the message says which.
    """
    written, slash, length = text.partition("/")
    if not slash or not _LENGTH.fullmatch(length):
        raise ValueError("it is not ADDRESS/LENGTH")
    if ":" in written:
        raise ValueError("only IPv4 is supported")
    try:
        first = IPv4Address(written)
        network = IPv4Network((first, int(length)), strict=False)
    except ValueError as error:
        raise ValueError(str(error)) from None
    try:
        subnet = PodSubnet(network, first + 1, first + 2)
    except AddressValueError:
        raise ValueError("it has no room for the addresses of gateway and node") from None
    if subnet.node_address not in network:
        raise ValueError("it has no room for the addresses of gateway and node")
    return subnet
