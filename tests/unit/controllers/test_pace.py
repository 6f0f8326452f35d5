import itertools

from midonet_kubernetes.controllers.pace import FREE, LONGEST, SHORTEST, Pace


def writes_in(seconds, *, every):
    """How many writes a key that changes every so often gets, and the longest time between two of them."""
    pace, now, times = Pace(), 0.0, []
    while now < seconds:
        if pace.wait("k", now) <= 1e-9:
            pace.wrote("k", now)
            times.append(now)
        now += every
    return times


def test_the_first_changes_go_through_at_once():
    times = writes_in(0.01 * FREE, every=0.01)
    assert len(times) == FREE


def test_a_storm_of_a_minute_is_some_twenty_writes():
    times = writes_in(60.0, every=0.001)
    assert FREE < len(times) < 25
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert max(gaps) < LONGEST + 0.01


def test_changes_that_are_far_apart_never_wait():
    assert len(writes_in(100.0, every=4 * SHORTEST)) == len(range(0, 1000, 4))


def test_one_key_does_not_slow_another():
    pace = Pace()
    for _ in range(10):
        pace.wrote("k", 1.0)
    assert pace.wait("k", 1.0) > 0
    assert pace.wait("other", 1.0) == 0
