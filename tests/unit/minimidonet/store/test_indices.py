from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.minimidonet.store.indices import Ranked, Unordered


def test_referrers_are_in_the_order_in_which_they_began_to_refer():
    index = Unordered("deviceId", many=False)
    for name in ("c", "a", "b"):
        index.add(name, {"deviceId": "x"})
    index.discard("a", {"deviceId": "x"})
    index.add("a", {"deviceId": "x"})
    assert index.find("x") == ["c", "b", "a"]


def test_a_list_refers_to_each_of_its_elements():
    index = Unordered("portIds", many=True)
    index.add("g", {"portIds": ["p", "q"]})
    assert (index.find("p"), index.find("q"), index.find("r")) == (["g"], ["g"], [])


def test_a_referrer_keeps_its_place_where_it_goes_on_referring():
    index = Unordered("portIds", many=True)
    index.add("g", {"portIds": ["p"]})
    index.add("h", {"portIds": ["p", "q"]})
    index.change("g", {"portIds": ["p"]}, {"portIds": ["p", "q"]})
    assert (index.find("p"), index.find("q")) == (["g", "h"], ["h", "g"])
    index.change("h", {"portIds": ["p", "q"]}, {"portIds": ["q"]})
    assert (index.find("p"), index.find("q")) == (["g"], ["h", "g"])


def test_an_object_without_the_field_is_in_no_index():
    for index in (Unordered("f", many=False), Unordered("f", many=True), Ranked("f", "rank")):
        index.add("a", {"rank": 1.0})
        index.discard("a", {"rank": 1.0})
        assert list(index.find("x")) == []


@given(st.lists(st.tuples(st.floats(-100, 100), st.booleans()), max_size=40))
def test_ranked_referrers_are_sorted_whatever_comes_and_goes(steps):
    index, model = Ranked("chainId", "rank"), {}
    for number, (rank, leaves) in enumerate(steps):
        id_ = f"r{number}"
        index.add(id_, {"chainId": "c", "rank": rank})
        model[id_] = rank
        if leaves:
            gone = min(model)
            index.discard(gone, {"chainId": "c", "rank": model.pop(gone)})
    found = index.find("c")
    assert sorted(found) == sorted(model)
    assert [model[id_] for id_ in found] == sorted(model.values())
    assert index.count("c") == len(model)
    for position, id_ in enumerate(found):
        assert index.rank_at("c", position) == model[id_]
        assert index.position(id_, {"chainId": "c", "rank": model[id_]}) == position
