from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.kubernetes_api.backoff import Backoff, delay

SHORTEST, LONGEST = 0.2, 30.0


@given(st.integers(0, 10**9), st.floats(0, 1, exclude_max=True))
def test_a_delay_is_never_outside_its_bounds(failures, chance):
    assert SHORTEST <= delay(failures, SHORTEST, LONGEST, lambda: chance) <= LONGEST


@given(st.integers(0, 100), st.floats(0, 1, exclude_max=True), st.floats(0, 1, exclude_max=True))
def test_until_the_longest_a_later_delay_is_never_shorter(failures, first, second):
    earlier = delay(failures, SHORTEST, LONGEST, lambda: first)
    later = delay(failures + 1, SHORTEST, LONGEST, lambda: second)
    assert later >= earlier or later >= LONGEST / 2


def test_a_reset_begins_anew():
    backoff = Backoff(1, 100, random=lambda: 0.0)
    assert [backoff.next() for _ in range(4)] == [1, 2, 4, 8]
    backoff.reset()
    assert backoff.next() == 1
