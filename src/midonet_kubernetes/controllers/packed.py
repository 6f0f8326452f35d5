"""Lists of MidoNet objects in few bytes: hundreds of thousands are remembered for as long as the program runs.

One entry is the kind's number, then id and parent, each as a UUID's 16 bytes or as text, then the digest's 8 bytes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.model.translation import PushedResource

_NAMES = tuple(KINDS)
_NUMBERS = {name: number for number, name in enumerate(_NAMES)}
_TEXT_LIMIT = 0xFE
_UUID = 0xFF
_UUID_MARK = bytes((_UUID,))
_CANONICAL = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def pack(entries: Iterable[PushedResource]) -> bytes:
    """The entries as bytes; those of no known kind are left out, and a digest that is no digest counts as none."""
    return b"".join(
        bytes((_NUMBERS[entry.kind],)) + pack_id(entry.id) + pack_id(entry.parent) + _digest(entry.digest)
        for entry in entries
        if entry.kind in _NUMBERS
    )


def unpack(packed: bytes) -> Iterator[PushedResource]:
    """The entries that were packed."""
    at = 0
    while at < len(packed):
        kind = _NAMES[packed[at]]
        id_, at = _unpacked(packed, at + 1)
        parent, at = _unpacked(packed, at)
        digest = packed[at : at + 8]
        at += 8
        yield PushedResource(kind=kind, id=id_, parent=parent, digest=digest.hex() if any(digest) else "")


def kinds(packed: bytes) -> Iterator[str]:
    """The kinds of the entries that were packed."""
    at = 0
    while at < len(packed):
        yield _NAMES[packed[at]]
        at = _after(packed, _after(packed, at + 1)) + 8


def pack_id(text: str) -> bytes:
    """An id as it stands in packed entries."""
    if _CANONICAL.fullmatch(text):
        return _UUID_MARK + bytes.fromhex(text.replace("-", ""))
    encoded = text.encode()
    if len(encoded) > _TEXT_LIMIT:
        raise ValueError(f"{text[:40]}… is too long for an id")
    return bytes((len(encoded),)) + encoded


def unpack_id(packed: bytes) -> str:
    """An id that ``pack_id`` packed."""
    return _unpacked(packed, 0)[0]


def _after(packed: bytes, at: int) -> int:
    """Where what follows the id at ``at`` begins."""
    length = packed[at]
    return at + 17 if length == _UUID else at + 1 + length


def _unpacked(packed: bytes, at: int) -> tuple[str, int]:
    length = packed[at]
    if length == _UUID:
        digits = packed[at + 1 : at + 17].hex()
        return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}", at + 17
    return packed[at + 1 : at + 1 + length].decode(), at + 1 + length


def _digest(digest: str) -> bytes:
    try:
        read = bytes.fromhex(digest)
    except ValueError:
        read = b""
    return read if len(read) == 8 else bytes(8)
