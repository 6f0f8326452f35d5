import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.kubernetes_api.store import Store

KEYS = st.sampled_from("abcd")
VALUES = st.frozensets(st.sampled_from("xyz"))


@given(st.lists(st.tuples(KEYS, st.none() | VALUES)))
def test_an_index_is_always_what_a_search_would_find(steps):
    store, model = Store({"by member": lambda members: members}), {}
    for key, members in steps:
        if members is None:
            assert store.remove(key) == model.pop(key, None)
        else:
            assert store.put(key, members) == model.get(key)
            model[key] = members
        for value in "xyz":
            assert sorted(map(sorted, store.by_index("by member", value))) == sorted(
                sorted(found) for found in model.values() if value in found
            )
    assert {key: store.get(key) for key in store} == model
    assert len(store) == len(model)
    assert all(key in store for key in model)


def test_nothing_of_an_object_is_left_in_an_index_when_it_is_gone():
    store = Store({"self": lambda name: [name]})
    for number in range(100):
        store.put("a", str(number))
    store.remove("a")
    assert store._indexes == {"self": {}}


def test_an_indexer_that_fails_changes_nothing():
    store = Store({"length": lambda found: [str(len(found))], "first": lambda found: [found[0]]})
    store.put("a", "x")
    with pytest.raises(IndexError):
        store.put("a", "")
    assert store.get("a") == "x"
    assert store.by_index("length", "1") == ["x"]
    assert store.by_index("length", "0") == []
