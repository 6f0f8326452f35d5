"""Values as they stand in a packet."""

from __future__ import annotations


def packed(address: str) -> bytes:
    """The four bytes of a dotted IPv4 address, many times faster than ``ipaddress`` (an agent reads 100,000 at its start).

    Raises:
        ValueError: it is none.
    """
    octets = bytes(map(int, address.split(".")))
    if len(octets) != 4:
        raise ValueError(f"{address!r} is no IPv4 address")
    return octets


def packed_port(port: int) -> bytes:
    """The two bytes of a port."""
    return port.to_bytes(2, "big")
