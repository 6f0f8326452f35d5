"""Elements of sets and maps in netlink, made for many of them: no object for each attribute, one ``pack`` for an element."""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from typing import cast

from midonet_kubernetes.linux.netlink.attributes import NESTED, attribute, be32, nested, parse, read_be32, read_text, walk
from midonet_kubernetes.linux.nftables.fields import LAYOUTS
from midonet_kubernetes.linux.nftables.numbers import (
    DATA_VALUE,
    DATA_VERDICT,
    LIST_ELEMENT,
    VERDICT_CHAIN,
    VERDICT_CODE,
    VERDICTS,
)
from midonet_kubernetes.linux.nftables.rules import verdict_attribute
from midonet_kubernetes.topology.rule_set import Data, ElementData, ElementKey, Field, Interval, Key, Set, Verdict

_KEY, _DATA, _FLAGS = 1, 2, 3
_END_OF_INTERVAL = 1
_VERDICT_KINDS = {code & 0xFFFFFFFF: kind for kind, code in VERDICTS.items()}
_LONGEST_LIST = 60_000  # bytes of elements in one message; an attribute ends at 65,535

_Elements = dict[ElementKey, ElementData]


class ElementCodec:
    """Keys and data of one set, to and from the wire.

    Args:
        of: the set.

    Raises:
        ValueError: intervals over several fields.
    """

    def __init__(self, of: Set) -> None:
        self._layouts = [LAYOUTS[field] for field in of.key]
        if of.intervals and (len(of.key) != 1 or self._layouts[0].host_order or self._layouts[0].text):
            raise ValueError(f"set {of.name}: intervals need one field in network order")
        single = len(self._layouts) == 1
        self.key_length = self._layouts[0].length if single else sum(layout.padded for layout in self._layouts)
        padded = (self.key_length + 3) & ~3
        self._intervals, self._data = of.intervals, of.data
        self._odd = [place for place, layout in enumerate(self._layouts) if layout.swapped or layout.text]
        fields = "".join(f"{layout.length}s{layout.padded - layout.length}x" for layout in self._layouts)
        self._fields = struct.Struct("=" + fields)
        self._raw_length = sum(layout.length for layout in self._layouts)
        key_head = struct.pack("=HHHH", 8 + padded, _KEY | NESTED, 4 + self.key_length, DATA_VALUE)
        self._element = struct.Struct(f"=HH{len(key_head)}s{fields}")  # then the data, if there is any
        self._key_head = key_head
        self._data_start = 8 + padded  # of an element's body
        self._verdicts: dict[bytes, ElementData] = {}

    def encode(self, elements: Mapping[ElementKey, ElementData]) -> Iterator[bytes]:
        """Lists of elements, each short enough for one message."""
        if self._intervals:
            return _lists(self._encode_intervals(cast("Iterable[tuple[Interval, ElementData]]", elements.items())))
        return _lists(self._encode(elements.items()))

    def encode_keys(self, keys: Collection[ElementKey]) -> Iterator[bytes]:
        """The same without data."""
        if self._intervals:
            return _lists(self._encode_intervals((cast("Interval", key), None) for key in keys))
        return _lists(self._encode((key, None) for key in keys))

    def _encode(self, elements: Iterable[tuple[Key, ElementData]]) -> Iterator[bytes]:
        pack, head, kind, key_head = self._element.pack, self._element.size, LIST_ELEMENT | NESTED, self._key_head
        count, length = len(self._layouts), self._raw_length
        for key, data in elements:
            fields = self._in_registers(key) if self._odd and len(key) == count else key
            if len(fields) != count or len(b"".join(fields)) != length:
                raise ValueError(f"{key!r} is no key of {count} fields of together {length} bytes")
            tail = b"" if data is None else _data_attribute(self._data, data)
            yield pack(head + len(tail), kind, key_head, *fields) + tail

    def _in_registers(self, key: Key) -> list[bytes]:
        fields = list(key)
        for place in self._odd:
            fields[place] = self._layouts[place].encode(fields[place])
        return fields

    def _encode_intervals(self, elements: Iterable[tuple[Interval, ElementData]]) -> Iterator[bytes]:
        # The kernel keeps the first value of an interval, with the data, and the first value after it, flagged as an end.
        layout = self._layouts[0]
        for (low, high), data in elements:
            tail = b"" if data is None else _data_attribute(self._data, data)
            yield nested(LIST_ELEMENT, self._key(layout.encode(low)), tail)
            after = int.from_bytes(layout.encode(high), "big") + 1
            if not after >> 8 * layout.length:
                key = self._key(after.to_bytes(layout.length, "big"))
                yield nested(LIST_ELEMENT, key, be32(_FLAGS, _END_OF_INTERVAL))

    @staticmethod
    def _key(value: bytes) -> bytes:
        return nested(_KEY, attribute(DATA_VALUE, value))

    def decode(self, lists: Iterable[bytes]) -> _Elements:
        """The elements of all lists of one dump."""
        return self._decode_intervals(lists) if self._intervals else self._decode(lists)

    def _decode(self, lists: Iterable[bytes]) -> _Elements:
        elements: _Elements = {}
        unpack, start, layouts = self._fields.unpack_from, self._data_start, self._layouts
        for elements_list in lists:
            for _, body in walk(elements_list):
                key: Key = unpack(body, 8)
                if self._odd:
                    key = tuple(layout.decode(value) for layout, value in zip(layouts, key, strict=True))
                elements[key] = self._read_data(body[start:]) if self._data else None
        return elements

    def _decode_intervals(self, lists: Iterable[bytes]) -> _Elements:
        length = self._layouts[0].length
        points = []
        for elements_list in lists:
            for _, body in walk(elements_list):
                attributes = parse(body)
                is_end = bool(read_be32(attributes.get(_FLAGS, bytes(4))) & _END_OF_INTERVAL)
                points.append((body[8 : 8 + length], not is_end, body[self._data_start :]))
        elements: _Elements = {}
        highest = b"\xff" * length
        points.sort()  # an end before a beginning at the same place
        for (low, begins, tail), (following, _, _) in zip(points, [*points[1:], (b"", True, b"")], strict=False):
            if begins:
                high = (int.from_bytes(following, "big") - 1).to_bytes(length, "big") if following else highest
                elements[low, high] = self._read_data(tail) if self._data else None
        return elements

    def _read_data(self, attributes: bytes) -> ElementData:
        if self._data is Data.VERDICT:
            found = self._verdicts.get(attributes)
            if found is None:
                found = self._verdicts[attributes] = _read_verdict(parse(attributes)[_DATA])
            return found
        value = attributes[8:]
        if self._data is Data.MARK:
            return LAYOUTS[Field.MARK].decode(value[:4])
        return value[:6]


def _lists(elements: Iterable[bytes]) -> Iterator[bytes]:
    chosen: list[bytes] = []
    size = 0
    for element in elements:
        if size + len(element) > _LONGEST_LIST:
            yield b"".join(chosen)
            chosen, size = [], 0
        chosen.append(element)
        size += len(element)
    if chosen:
        yield b"".join(chosen)


_cached_verdict = lru_cache(maxsize=4096)(lambda verdict: verdict_attribute(_DATA, verdict))
_VALUE_HEAD = struct.pack("=HHHH", 16, _DATA | NESTED, 12, DATA_VALUE)


def _data_attribute(kind: Data | None, data: ElementData) -> bytes:
    if kind is Data.VERDICT and isinstance(data, Verdict):
        return _cached_verdict(data)
    if kind is Data.ADDRESS_AND_PORT and isinstance(data, bytes) and len(data) == 6:
        return _VALUE_HEAD + data + b"\0\0"
    if kind is Data.MARK and isinstance(data, bytes):
        return nested(_DATA, attribute(DATA_VALUE, LAYOUTS[Field.MARK].encode(data)))
    raise ValueError(f"{data!r} is no data of a {kind.value if kind else 'set without data'}")


def _read_verdict(data: bytes) -> Verdict:
    attributes = parse(parse(data)[DATA_VERDICT])
    kind = _VERDICT_KINDS.get(read_be32(attributes[VERDICT_CODE]), "")
    return Verdict(kind, read_text(attributes.get(VERDICT_CHAIN, b"")))
