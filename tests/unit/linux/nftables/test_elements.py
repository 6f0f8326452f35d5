from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.linux.nftables.elements import ElementCodec
from midonet_kubernetes.linux.nftables.fields import LAYOUTS
from midonet_kubernetes.topology.rule_set import Data, Field, Set, Verdict

FIELDS = list(Field)
ONE_IN_NETWORK_ORDER = [field for field, layout in LAYOUTS.items() if not layout.host_order and not layout.text]
NAMES = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=15).map(str.encode)
VERDICTS = st.sampled_from(
    [Verdict("accept"), Verdict("drop"), Verdict("jump", "a"), Verdict("goto", "a-longer-name"), Verdict("return")]
)
DATA = {
    None: st.none(),
    Data.VERDICT: VERDICTS,
    Data.MARK: st.binary(min_size=4, max_size=4),
    Data.ADDRESS_AND_PORT: st.binary(min_size=6, max_size=6),
}


def value_of(field):
    layout = LAYOUTS[field]
    return NAMES if layout.text else st.binary(min_size=layout.length, max_size=layout.length)


@st.composite
def sets_with_elements(draw):
    key = tuple(draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4)))
    data = draw(st.sampled_from([None, *Data]))
    elements = draw(st.dictionaries(st.tuples(*map(value_of, key)), DATA[data], max_size=20))
    return Set("s", key, data), elements


@st.composite
def interval_sets(draw):
    field = draw(st.sampled_from(ONE_IN_NETWORK_ORDER))
    data = draw(st.sampled_from([None, Data.VERDICT, Data.MARK]))
    length = LAYOUTS[field].length
    bounds = sorted(draw(st.sets(st.integers(0, 256**length - 1) | st.sampled_from([0, 256**length - 1]), max_size=20)))
    pairs = list(zip(bounds[::2], bounds[1::2], strict=False))
    elements = {(low.to_bytes(length, "big"), high.to_bytes(length, "big")): draw(DATA[data]) for low, high in pairs}
    return Set("s", (field,), data, intervals=True), elements


@given(sets_with_elements() | interval_sets())
def test_elements_are_read_as_they_were_written(case):
    of, elements = case
    codec = ElementCodec(of)
    assert codec.decode(codec.encode(elements)) == elements


@given(interval_sets())
def test_the_order_in_which_the_kernel_lists_intervals_does_not_matter(case):
    of, elements = case
    codec = ElementCodec(of)
    backwards = [b"".join(codec.encode({key: elements[key]})) for key in reversed(elements)]
    assert codec.decode(backwards) == elements


def test_adjacent_intervals_stay_apart():
    codec = ElementCodec(Set("s", (Field.TH_DPORT,), Data.VERDICT, intervals=True))
    elements = {(b"\0\0", b"\0\7"): Verdict("drop"), (b"\0\x08", b"\xff\xff"): Verdict("accept")}
    assert codec.decode(codec.encode(elements)) == elements


def test_no_list_is_longer_than_an_attribute_can_be():
    codec = ElementCodec(Set("s", (Field.IP_DADDR,), Data.VERDICT))
    elements = {(i.to_bytes(4, "big"),): Verdict("jump", "c" * (i % 50 + 1)) for i in range(20_000)}
    lists = list(codec.encode(elements))
    assert max(map(len, lists)) < 65_500
    assert len(lists) > 10
    assert codec.decode(lists) == elements


@pytest.mark.parametrize(
    ("of", "elements"),
    [
        (Set("s", (Field.IP_DADDR,)), {(b"\1",): None}),
        (Set("s", (Field.IP_DADDR,)), {(b"\1\2\3\4", b"\6"): None}),
        (Set("s", (Field.IP_DADDR, Field.L4PROTO)), {(b"\1\2\3\4",): None}),
        (Set("s", (Field.MARK,)), {(b"\1",): None}),
        (Set("s", (Field.IIFNAME,)), {(b"a-name-that-is-too-long",): None}),
        (Set("s", (Field.IP_DADDR,), Data.ADDRESS_AND_PORT), {(b"\1\2\3\4",): b"\1"}),
        (Set("s", (Field.IP_DADDR,), Data.VERDICT), {(b"\1\2\3\4",): b"\1"}),
        (Set("s", (Field.IP_DADDR,)), {(b"\1\2\3\4",): Verdict("drop")}),
        (Set("s", (Field.IP_DADDR,), intervals=True), {(b"\1", b"\2"): None}),
    ],
    ids=repr,
)
def test_an_element_that_does_not_fit_its_set_is_refused(of, elements):
    with pytest.raises(ValueError, match=r"bytes|data|shorter|longer"):
        list(ElementCodec(of).encode(elements))


@pytest.mark.parametrize("key", [(Field.IP_SADDR, Field.L4PROTO), (Field.MARK,), (Field.IIFNAME,)])
def test_intervals_need_one_field_in_network_order(key):
    with pytest.raises(ValueError, match="intervals"):
        ElementCodec(Set("s", key, intervals=True))
