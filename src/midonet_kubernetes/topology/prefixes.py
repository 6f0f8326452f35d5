"""Networks of IPv4, which hold each other or share no address, and values of networks as spans of addresses."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from midonet_kubernetes.topology.packets import packed

BITS = 32
Span = tuple[int, int]
"""First and last address, as numbers."""


class Prefix(NamedTuple):
    """A network of IPv4: its first address as a number, and its length in bits."""

    first: int
    length: int

    @property
    def last(self) -> int:
        """Its last address."""
        return self.first | ((1 << (BITS - self.length)) - 1)

    @property
    def mask(self) -> bytes:
        """Its ones."""
        return ((1 << BITS) - (1 << (BITS - self.length))).to_bytes(4, "big")

    @property
    def address(self) -> str:
        """Its first address, dotted."""
        return ".".join(map(str, self.first.to_bytes(4, "big")))

    def __str__(self) -> str:
        return f"{self.address}/{self.length}"

    def shortened(self, length: int) -> Prefix:
        """The network of this length that holds it."""
        spare = BITS - length
        return Prefix(self.first >> spare << spare, length)


EVERYTHING = Prefix(0, 0)


def prefix(address: str, length: int) -> Prefix:
    """The network of this length that ``address`` (dotted) is in.

    Raises:
        ValueError: it is no IPv4 address.
    """
    return Prefix(int.from_bytes(packed(address), "big"), BITS).shortened(length)


def holders(prefixes: list[Prefix]) -> Iterator[tuple[Prefix, Prefix | None]]:
    """Each prefix, sorted as they are, with the longest other one that holds it."""
    around: list[Prefix] = []
    for each in prefixes:
        while around and around[-1].last < each.first:
            around.pop()
        yield each, around[-1] if around else None
        around.append(each)


def spans(prefixes: list[Prefix], values: Mapping[Prefix, str]) -> dict[Span, str]:
    """The values of a prefix for all its addresses that are in no longer one; neighbours of one value are one span.

    Args:
        prefixes: all of them, sorted.
        values: of some of them.
    """
    found: list[tuple[int, int, str]] = []
    around: list[Prefix] = []  # each in the one before
    first = 0  # the lowest address that is not dealt with

    def deal(last: int) -> None:
        """Addresses up to ``last`` belong to the innermost holder."""
        nonlocal first
        value = values.get(around[-1]) if around else None
        if value is not None and first <= last:
            if found and found[-1][1:] == (first - 1, value):
                found[-1] = found[-1][0], last, value
            else:
                found.append((first, last, value))
        first = max(first, last + 1)

    for each in (*prefixes, None) if values else ():
        while around and (each is None or around[-1].last < each.first):
            deal(around[-1].last)
            around.pop()
        if each is not None:
            deal(each.first - 1)
            around.append(each)
    return {(first, last): value for first, last, value in found}
