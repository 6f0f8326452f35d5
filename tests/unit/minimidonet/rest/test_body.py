from __future__ import annotations

import gzip
import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.minimidonet.rest.body import LONGEST_BODY, parse, unpack
from midonet_kubernetes.minimidonet.rest.refusal import Refusal


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        (b"", None),
        (b"  \r\n", None),
        (b"null", None),
        (b'{"a":1,"a":2}', {"a": 2}),
        (b'{"a":1} trailing', {"a": 1}),
        (b'{"a":1}{"b":2}', {"a": 1}),
        (b'\xef\xbb\xbf{"a":"bom"}', {"a": "bom"}),
        ('{"a":"ü"}'.encode("utf-16"), {"a": "ü"}),
        (b"[1]", [1]),
        (b'"x"', "x"),
        (b"7", 7),
        (b'{"a":"\\u00fc\\ud83d\\ude00"}', {"a": "ü😀"}),
    ],
)
def test_the_first_value_of_a_body_counts(body, wanted):
    assert parse(body) == wanted


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{'a':1}",
        b"/* x */ {}",
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":1e999}',
        b'{"a":"\xff"}',
        b"[" * 100_000,
        b"\x00",
        b"9" * 5000,
    ],
)
def test_what_is_no_json_is_refused(body):
    with pytest.raises(Refusal) as caught:
        parse(body)
    assert caught.value.status == 400


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(body):
    with suppress(Refusal):
        parse(body)


@given(st.dictionaries(st.text(), st.integers(-(2**53), 2**53) | st.text()))
def test_json_comes_through_unchanged(value):
    assert parse(json.dumps(value).encode()) == value


def test_a_gzip_body_is_unpacked_up_to_the_limit():
    assert unpack(gzip.compress(b"{}")) == b"{}"
    assert len(unpack(gzip.compress(b" " * LONGEST_BODY))) == LONGEST_BODY
    for body, status in ((gzip.compress(b" " * (LONGEST_BODY + 1)), 413), (b"{}", 400), (gzip.compress(b"{}")[:-4], 400)):
        with pytest.raises(Refusal) as caught:
            unpack(body)
        assert caught.value.status == status
