from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.topology.items import Items

KEYS = st.sampled_from([("route", n) for n in range(4)])
PUTS = st.lists(st.tuples(st.sampled_from("abc"), st.dictionaries(KEYS, st.sampled_from("xyz"))), max_size=20)


@given(PUTS, st.integers(0, 20))
def test_the_items_depend_on_what_units_want_and_not_on_how_they_came_to(puts, cut):
    items, kernel = Items(), {}
    for number, (unit, wanted) in enumerate(puts):
        items.put(unit, wanted)
        if number % (cut + 1) == 0:
            follow(kernel, items.take_changes())
    follow(kernel, items.take_changes())
    final = Items()
    for unit, wanted in sorted(dict(puts).items()):
        final.put(unit, wanted)
    assert kernel == dict(items.now) == dict(final.now)


def follow(kernel, changes):
    for key, (old, new) in changes.items():
        assert kernel.get(key) == old != new
        if new is None:
            del kernel[key]
        else:
            kernel[key] = new


def test_what_two_units_want_stays_until_the_second_lets_go():
    items = Items()
    items.put("a", {("k",): "x"})
    items.put("b", {("k",): "x"})
    items.put("a", {})
    assert items.now == {("k",): "x"}
    items.put("b", {})
    assert items.now == {}
