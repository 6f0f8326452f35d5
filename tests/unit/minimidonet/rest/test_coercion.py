from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.minimidonet.rest import coercion
from midonet_kubernetes.minimidonet.rest.refusal import Refusal

ID = "8f3f1d2e-5a0b-4c55-9d3e-0c1b7f6a2d10"
REFUSED = object()
integer, short = coercion.integer(), coercion.integer(-(2**15), 2**15 - 1)
colour = coercion.choice("red", "blue")
ids = coercion.list_of(coercion.uuid)


@pytest.mark.parametrize(
    ("read", "given_value", "wanted"),
    [
        (coercion.text, "x", "x"),
        (coercion.text, 17, "17"),
        (coercion.text, True, "true"),
        (coercion.text, 1.5, "1.5"),
        (coercion.text, {}, REFUSED),
        (coercion.text, ["x"], REFUSED),
        (coercion.text, "\ud800", REFUSED),
        (coercion.uuid, ID, ID),
        (coercion.uuid, ID.upper(), ID),
        (coercion.uuid, "", None),
        (coercion.uuid, " ", None),
        (coercion.uuid, ID.replace("-", ""), REFUSED),
        (coercion.uuid, "1-1-1-1-1", REFUSED),
        (coercion.uuid, 17, REFUSED),
        (coercion.uuid, ID + "\n0", REFUSED),
        (integer, 7, 7),
        (integer, "7", 7),
        (integer, " -7 ", -7),
        (integer, 1.9, 1),
        (integer, -1.9, -1),
        (integer, "", None),
        (integer, "null", None),
        (integer, "1.9", REFUSED),
        (integer, "x", REFUSED),
        (integer, "٣", REFUSED),
        (integer, True, REFUSED),
        (integer, [], REFUSED),
        (integer, 2**31 - 1, 2**31 - 1),
        (integer, 2**31, REFUSED),
        (integer, "4294967295", REFUSED),
        (integer, 1e300, REFUSED),
        (short, 70000, REFUSED),
        (coercion.boolean, False, False),
        (coercion.boolean, 2, True),
        (coercion.boolean, 0, False),
        (coercion.boolean, "false", False),
        (coercion.boolean, " true ", True),
        (coercion.boolean, "", None),
        (coercion.boolean, "True", True),
        (coercion.boolean, "False", False),
        (coercion.boolean, "TRUE", REFUSED),
        (coercion.boolean, "maybe", REFUSED),
        (coercion.boolean, 1.5, REFUSED),
        (colour, "red", "red"),
        (colour, "RED", REFUSED),
        (colour, " red ", REFUSED),
        (colour, "", REFUSED),
        (colour, 1, "blue"),
        (colour, " 1 ", "blue"),
        (colour, 2, REFUSED),
        (colour, -1, REFUSED),
        (colour, "2", REFUSED),
        (colour, 1.0, REFUSED),
        (colour, True, REFUSED),
        (coercion.byte, 127, 127),
        (coercion.byte, 200, -56),
        (coercion.byte, "255", -1),
        (coercion.byte, 256, REFUSED),
        (coercion.byte, "", None),
        (ids, [], []),
        (ids, [ID.upper()], [ID]),
        (ids, [""], REFUSED),
        (ids, [None], REFUSED),
        (ids, ID, REFUSED),
    ],
)
def test_a_json_value_becomes_what_jackson_makes_of_it(read, given_value, wanted):
    if wanted is REFUSED:
        with pytest.raises(Refusal) as caught:
            read(given_value)
        assert caught.value.status == 400
    else:
        assert read(given_value) == wanted


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=3))
def test_every_value_is_read_or_refused(value):
    if value is None:
        return
    for read in (coercion.text, coercion.uuid, integer, short, coercion.boolean, colour, ids):
        with suppress(Refusal):
            read(value)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (ID, ID),
        (ID.upper(), ID),
        ("1-1-1-1-1", "00000001-0001-0001-0001-000000000001"),
        ("123456789-1-1-1-1", "23456789-0001-0001-0001-000000000001"),
        ("xyz", None),
        ("1-1-1-1", None),
        ("1-1-1-1-", None),
        ("1-1-1-1-x", None),
    ],
)
def test_a_uuid_in_a_uri_may_lack_zeros(text, wanted):
    assert coercion.uuid_in_uri(text) == wanted


def test_a_choice_may_say_why_it_refuses():
    with pytest.raises(Refusal, match="one of the two"):
        coercion.choice("a", "b", otherwise="one of the two")("c")
