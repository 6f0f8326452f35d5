import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.kubernetes_api.embedded.failures import Failure
from midonet_kubernetes.kubernetes_api.embedded.store import Key, Store


def body(key: Key, *owners: str, **labels: str):
    references = [{"uid": owner} for owner in owners]
    return {"metadata": {"name": key.name, "uid": f"uid-{key.name}", "labels": labels, "ownerReferences": references}}


def key(name: str, namespace: str = "default") -> Key:
    return Key("things", namespace, name)


def test_each_change_has_the_next_revision_and_the_object_carries_it():
    store = Store()
    first = store.put(key("a"), body(key("a")))
    second = store.put(key("a"), body(key("a"), x="1"))
    gone = store.remove(key("a"), second.body())
    assert [first.revision, second.revision, gone.revision, store.revision] == [1, 2, 3, 3]
    assert second.body()["metadata"]["resourceVersion"] == "2"
    assert [change.type for change in store.since(0)] == ["ADDED", "MODIFIED", "DELETED"]


def test_a_stored_object_cannot_be_changed_by_who_reads_or_wrote_it():
    store = Store()
    mine = body(key("a"), x="1")
    store.put(key("a"), mine)
    mine["metadata"]["labels"]["x"] = "2"
    store.get(key("a")).body()["metadata"]["labels"]["x"] = "3"
    assert store.get(key("a")).body()["metadata"]["labels"] == {"x": "1"}


names = st.tuples(st.sampled_from(["a", "a-b", "b", "ba"]), st.sampled_from(["x", "x-y", "y", "z"]))


@given(st.lists(st.tuples(names, st.booleans())))
def test_lists_are_sorted_and_hold_exactly_what_was_put_and_not_removed(steps):
    store, there = Store(), {}
    for (namespace, name), put in steps:
        place = key(name, namespace)
        if put:
            there[place] = store.put(place, body(place))
        elif place in there:
            store.remove(place, there.pop(place).body())
    assert [stored.key for stored in store.all("things")] == sorted(there)
    for namespace in ("a", "b"):
        assert [stored.key for stored in store.all("things", namespace)] == sorted(k for k in there if k.namespace == namespace)


def test_dependents_are_found_by_the_owners_uid_and_forgotten_with_the_reference():
    store = Store()
    store.put(key("owner"), body(key("owner")))
    store.put(key("child"), body(key("child"), "uid-owner"))
    assert [stored.key.name for stored in store.dependents("uid-owner")] == ["child"]
    assert store.by_uid("uid-owner").key == key("owner")
    store.put(key("child"), body(key("child")))
    assert store.dependents("uid-owner") == []


def test_history_is_bounded_and_what_is_older_is_expired():
    store = Store(history=3)
    for number in range(10):
        store.put(key("a"), body(key("a"), n=str(number)))
    assert [change.now.revision for change in store.since(7)] == [8, 9, 10]
    assert list(store.since(10)) == []
    for revision in (6, 11):
        with pytest.raises(Failure) as refused:
            store.since(revision)
        assert (refused.value.status, refused.value.reason) == (410, "Expired")
    store.forget_history()
    with pytest.raises(Failure):
        store.since(9)


def test_a_listener_sees_changes_until_it_ends():
    store, seen = Store(), []
    end = store.subscribe(seen.append)
    store.put(key("a"), body(key("a")))
    end()
    store.put(key("b"), body(key("b")))
    assert [change.now.key.name for change in seen] == ["a"]
