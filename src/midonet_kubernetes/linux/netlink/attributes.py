"""Netlink attributes: two bytes of length, two of kind, the value, padding to four. Functions over bytes, for speed."""

from __future__ import annotations

import struct
from collections.abc import Iterator

NESTED = 0x8000  # strict parsers of the kernel want it on attributes that hold attributes
KIND_MASK = 0x3FFF

_HEADER = struct.Struct("=HH")
_U8 = struct.Struct("=HHB3x")
_U32 = struct.Struct("=HHI")
_U64 = struct.Struct("=HHQ")
_BE16 = struct.Struct(">H")
_BE32 = struct.Struct(">I")
_PADDING = (b"", b"\0\0\0", b"\0\0", b"\0")


def attribute(kind: int, value: bytes) -> bytes:
    """An attribute with any value of at most 65,531 bytes."""
    return _HEADER.pack(len(value) + 4, kind) + value + _PADDING[len(value) & 3]


def nested(kind: int, *attributes: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attribute(kind | NESTED, b"".join(attributes))


def text(kind: int, value: str) -> bytes:
    """Text, ended by a zero."""
    return attribute(kind, value.encode() + b"\0")


def u8(kind: int, value: int) -> bytes:
    """One byte."""
    return _U8.pack(5, kind, value)


def u32(kind: int, value: int) -> bytes:
    """Four bytes in the machine's order."""
    return _U32.pack(8, kind, value)


def u64(kind: int, value: int) -> bytes:
    """Eight bytes in the machine's order."""
    return _U64.pack(12, kind, value)


def be16(kind: int, value: int) -> bytes:
    """Two bytes in network order."""
    return attribute(kind, _BE16.pack(value))


def be32(kind: int, value: int) -> bytes:
    """Four bytes in network order."""
    return attribute(kind, _BE32.pack(value & 0xFFFFFFFF))


def walk(data: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Kind (without flags) and value of each attribute from ``start`` on; what does not add up ends it."""
    end = len(data)
    while start + 4 <= end:
        length, kind = _HEADER.unpack_from(data, start)
        if length < 4 or start + length > end:
            return
        yield kind & KIND_MASK, data[start + 4 : start + length]
        start += (length + 3) & ~3


def parse(data: bytes, start: int = 0) -> dict[int, bytes]:
    """The attributes by kind, the last of each."""
    return dict(walk(data, start))


def read_text(value: bytes) -> str:
    """Text as the kernel sends it."""
    return value.rstrip(b"\0").decode(errors="replace")


def read_u32(value: bytes) -> int:
    """Four bytes in the machine's order."""
    return int(struct.unpack("=I", value)[0])


def read_u64(value: bytes) -> int:
    """Eight bytes in the machine's order."""
    return int(struct.unpack("=Q", value)[0])


def read_be32(value: bytes) -> int:
    """Four bytes in network order, unsigned."""
    return int.from_bytes(value, "big")
