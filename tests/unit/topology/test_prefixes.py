from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.topology.prefixes import EVERYTHING, Prefix, holders, prefix, spans

PREFIX = st.builds(
    lambda last, length: prefix(f"10.0.0.{last}", length), st.integers(0, 255), st.sampled_from([0, 8, 24, 26, 28, 30, 31, 32])
)


@given(st.dictionaries(PREFIX, st.sampled_from(["a", "b", None])), st.integers(0, 255))
def test_spans_hold_for_each_address_what_its_longest_prefix_has(values, last):
    given_ones = {each: value for each, value in values.items() if value is not None}
    found = spans(sorted(values), given_ones)
    at = prefix(f"10.0.0.{last}", 32).first
    longest = max((each for each in values if each.first <= at <= each.last), key=lambda each: each.length, default=None)
    assert [value for (low, high), value in found.items() if low <= at <= high] == (
        [values[longest]] if longest in given_ones else []
    )
    ordered = sorted(found)
    assert all(low <= high for low, high in ordered)
    assert all(one[1] < other[0] for one, other in pairwise(ordered))


@given(st.sets(PREFIX))
def test_a_prefix_is_held_by_the_longest_one_that_is_shorter(prefixes):
    for each, holder in holders(sorted(prefixes)):
        around = [one for one in prefixes if one != each and one.first <= each.first and each.last <= one.last]
        assert holder == max(around, key=lambda one: one.length, default=None)


def test_a_prefix_in_words_and_bytes():
    assert str(prefix("10.1.2.3", 16)) == "10.1.0.0/16"
    assert prefix("10.1.2.3", 16).mask == bytes((255, 255, 0, 0))
    assert EVERYTHING.last == 2**32 - 1
    assert EVERYTHING.mask == bytes(4)
    assert Prefix(5, 32).shortened(0) == EVERYTHING
