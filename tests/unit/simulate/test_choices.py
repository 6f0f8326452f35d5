from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from midonet_kubernetes.simulate.choices import MOST_OUTCOMES, Script, equally_likely


def runs(widths_after):
    """All runs of a program whose next choice's width depends on what was chosen before."""
    found, waiting = [], [()]
    while waiting:
        script = Script(waiting.pop(), None)
        taken = ()
        while (width := widths_after(taken)) > 0:
            taken += (script.take("dnat", "rule", equally_likely([f"v{n}" for n in range(width)])),)
        found.append((taken, script.probability))
        waiting += script.others()
    return found


def enumerate_all(widths_after, taken=(), probability=Fraction(1)):
    width = widths_after(taken)
    if width <= 0:
        return [(taken, probability)]
    return [run for n in range(width) for run in enumerate_all(widths_after, (*taken, f"v{n}"), probability / width)]


@settings(deadline=None)
@given(st.lists(st.integers(1, 4), max_size=4), st.integers(0, 3))
def test_every_way_is_followed_exactly_once_with_its_probability(widths, cut):
    def widths_after(taken):
        if len(taken) >= len(widths) or taken.count("v1") > cut:
            return 0
        return widths[len(taken)]

    assert sorted(runs(widths_after)) == sorted(enumerate_all(widths_after))


def test_too_many_ways_are_not_followed_and_probabilities_still_add_up_to_1():
    found = runs(lambda taken: 10 if len(taken) < 12 else 0)
    assert len(found) <= MOST_OUTCOMES
    assert sum(probability for _, probability in found) == 1
