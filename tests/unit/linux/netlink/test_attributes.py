from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.linux.netlink.attributes import (
    attribute,
    be16,
    be32,
    nested,
    parse,
    read_be32,
    read_text,
    read_u32,
    read_u64,
    text,
    u8,
    u32,
    u64,
    walk,
)


@given(st.lists(st.tuples(st.integers(1, 0x3FFF), st.binary(max_size=40))))
def test_attributes_are_read_in_the_order_in_which_they_were_written(attributes):
    data = b"".join(attribute(kind, value) for kind, value in attributes)
    assert len(data) % 4 == 0
    assert list(walk(data)) == attributes


@given(st.binary(max_size=200))
def test_no_bytes_can_break_the_reader(data):
    assert sum(len(value) for _, value in walk(data)) <= len(data)


def test_numbers_are_read_as_they_were_written():
    data = u8(1, 7) + u32(2, 1 << 31) + u64(3, 1 << 63) + be32(4, 5) + be16(5, 80) + text(6, "lo")
    attributes = parse(data)
    assert attributes[1] == b"\7"
    assert read_u32(attributes[2]) == 1 << 31
    assert read_u64(attributes[3]) == 1 << 63
    assert read_be32(attributes[4]) == 5
    assert attributes[5] == b"\0\x50"
    assert read_text(attributes[6]) == "lo"


def test_a_negative_number_in_network_order_is_its_complement():
    assert parse(be32(1, -3))[1] == b"\xff\xff\xff\xfd"


def test_the_bytes_are_those_of_the_kernel():
    # an attribute of kind 3 with "lo" and its zero: length 7, padded to 8
    expected = (7).to_bytes(2, sys.byteorder) + (3).to_bytes(2, sys.byteorder) + b"lo\0\0"
    assert text(3, "lo") == expected


def test_nested_attributes_are_flagged_and_the_flag_is_not_part_of_the_kind():
    data = nested(18, text(1, "veth"))
    assert data[3 if sys.byteorder == "little" else 2] & 0x80
    assert parse(parse(data)[18]) == {1: b"veth\0"}
