"""Profiles in the format of ``go tool pprof``: a gzipped protocol buffer, encoded by hand.

Format: github.com/google/pprof, ``proto/profile.proto`` (message Profile).
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """A function in a stack."""

    function: str
    file: str = ""
    line: int = 0


Stack = tuple[Frame, ...]  # the innermost frame first


@dataclass(frozen=True)
class ValueType:
    """What a number of a sample means (``samples`` in ``count``, ``cpu`` in ``nanoseconds``)."""

    type: str
    unit: str


def _varint(value: int) -> bytes:
    encoded = bytearray()
    value &= (1 << 64) - 1
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    encoded.append(value)
    return bytes(encoded)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value) if value else b""


def _bytes(field: int, value: bytes) -> bytes:
    return _varint(field << 3 | 2) + _varint(len(value)) + value


def _packed(field: int, values: Iterable[int]) -> bytes:
    return _bytes(field, b"".join(map(_varint, values)))


class _Table:
    """Strings, functions and locations, each stored once and numbered."""

    def __init__(self) -> None:
        self.strings: dict[str, int] = {"": 0}
        self.functions: dict[tuple[str, str], int] = {}
        self.locations: dict[Frame, int] = {}

    def string(self, text: str) -> int:
        return self.strings.setdefault(text, len(self.strings))

    def location(self, frame: Frame) -> int:
        self.functions.setdefault((frame.function, frame.file), len(self.functions) + 1)
        return self.locations.setdefault(frame, len(self.locations) + 1)

    def value_type(self, value: ValueType) -> bytes:
        return _number(1, self.string(value.type)) + _number(2, self.string(value.unit))

    def encode(self) -> bytes:
        parts = []
        for frame, number in self.locations.items():
            line = _number(1, self.functions[frame.function, frame.file]) + _number(2, frame.line)
            parts.append(_bytes(4, _number(1, number) + _bytes(4, line)))
        for (name, file), number in self.functions.items():
            function = _number(1, number) + _number(2, self.string(name)) + _number(3, self.string(name))
            parts.append(_bytes(5, function + _number(4, self.string(file))))
        parts.extend(_bytes(6, text.encode()) for text in self.strings)
        return b"".join(parts)


def encode(
    samples: Mapping[Stack, tuple[int, ...]],
    types: tuple[ValueType, ...],
    *,
    period: tuple[ValueType, int],
    time_nanos: int,
    duration_nanos: int = 0,
) -> bytes:
    """A profile, as ``/debug/pprof/…`` serves it.

    Args:
        samples: stack to its numbers, one for each of ``types``.
        types: what the numbers mean.
        period: what is counted between two samples, and how much of it.
        time_nanos: when it was taken, since 1970.
        duration_nanos: how long that took.
    """
    table = _Table()
    parts = [_bytes(1, table.value_type(value)) for value in types]
    for stack, values in samples.items():
        parts.append(_bytes(2, _packed(1, map(table.location, stack)) + _packed(2, values)))
    parts += [_number(9, time_nanos), _number(10, duration_nanos)]
    parts += [_bytes(11, table.value_type(period[0])), _number(12, period[1])]
    return gzip.compress(b"".join(parts) + table.encode(), compresslevel=1)
