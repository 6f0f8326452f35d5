from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.topology.slots import assign

ENDPOINTS = st.lists(st.integers(0, 12).map(lambda n: bytes([n])), unique=True, max_size=10)


@given(ENDPOINTS, ENDPOINTS)
def test_every_endpoint_has_one_slot_and_as_few_as_can_be_move(before, wanted):
    after = assign(before, wanted)
    assert sorted(after) == sorted(wanted)
    kept = sum(old == new for old, new in zip(before, after, strict=False))
    staying = [slot for slot, endpoint in enumerate(before) if endpoint in wanted]
    assert kept == sum(slot < len(wanted) for slot in staying)


def test_a_new_endpoint_takes_the_slot_of_one_that_went():
    assert assign([b"a", b"b", b"c"], [b"a", b"c", b"d"]) == (b"a", b"d", b"c")


def test_the_last_one_moves_into_a_hole():
    assert assign([b"a", b"b", b"c"], [b"b", b"c"]) == (b"c", b"b")
