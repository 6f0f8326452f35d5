import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.kubernetes_api.embedded.failures import Failure
from midonet_kubernetes.kubernetes_api.embedded.patches import apply_json_patch, merge, strategic


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [  # the table of RFC 7386, appendix A
        ({"a": "b"}, {"a": "c"}, {"a": "c"}),
        ({"a": "b"}, {"b": "c"}, {"a": "b", "b": "c"}),
        ({"a": "b"}, {"a": None}, {}),
        ({"a": "b", "b": "c"}, {"a": None}, {"b": "c"}),
        ({"a": ["b"]}, {"a": "c"}, {"a": "c"}),
        ({"a": "c"}, {"a": ["b"]}, {"a": ["b"]}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": [{"b": "c"}]}, {"a": [1]}, {"a": [1]}),
        ({"e": None}, {"a": 1}, {"e": None, "a": 1}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
    ],
)
def test_merge_patch(target, patch, result):
    assert merge(target, patch) == result


trees = st.recursive(
    st.integers() | st.text(max_size=3), lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3), max_leaves=8
)
documents = st.dictionaries(st.sampled_from("abc"), trees, max_size=3)


@given(documents, documents)
def test_a_patch_without_lists_or_nulls_means_the_same_merged_or_strategically(target, patch):
    assert strategic(target, patch) == merge(target, patch)
    assert merge(merge(target, patch), patch) == merge(target, patch)


@pytest.mark.parametrize(
    ("operations", "result"),
    [
        ([{"op": "add", "path": "/b", "value": 2}], {"a": {"l": [1, 2]}, "b": 2}),
        ([{"op": "add", "path": "/a/l/1", "value": 9}], {"a": {"l": [1, 9, 2]}}),
        ([{"op": "add", "path": "/a/l/-", "value": 9}], {"a": {"l": [1, 2, 9]}}),
        ([{"op": "add", "path": "/a~1b~0", "value": 1}], {"a": {"l": [1, 2]}, "a/b~": 1}),
        ([{"op": "remove", "path": "/a/l/0"}], {"a": {"l": [2]}}),
        ([{"op": "replace", "path": "/a/l", "value": []}], {"a": {"l": []}}),
        ([{"op": "copy", "from": "/a/l/0", "path": "/b"}], {"a": {"l": [1, 2]}, "b": 1}),
        ([{"op": "move", "from": "/a/l", "path": "/b"}], {"a": {}, "b": [1, 2]}),
        ([{"op": "test", "path": "/a/l/1", "value": 2}, {"op": "remove", "path": "/a"}], {}),
    ],
)
def test_json_patch(operations, result):
    target = {"a": {"l": [1, 2]}}
    assert apply_json_patch(target, operations) == result
    assert target == {"a": {"l": [1, 2]}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "remove", "path": "/missing"},
        {"op": "replace", "path": "/missing", "value": 1},
        {"op": "test", "path": "/a", "value": 2},
        {"op": "add", "path": "/l/7", "value": 1},
        {"op": "add", "path": "a", "value": 1},
        {"op": "fly", "path": "/a"},
        {"path": "/a"},
    ],
)
def test_a_json_patch_that_cannot_be_applied_is_refused(operation):
    with pytest.raises(Failure) as refused:
        apply_json_patch({"a": 1, "l": []}, [operation])
    assert refused.value.status == 422


def test_a_strategic_patch_merges_lists_of_objects_by_their_key():
    target = {"containers": [{"name": "a", "image": "1", "ports": [{"containerPort": 80}]}, {"name": "b", "image": "1"}]}
    patch = {"containers": [{"name": "a", "image": "2"}]}
    assert strategic(target, patch)["containers"] == [
        {"name": "a", "image": "2", "ports": [{"containerPort": 80}]},
        {"name": "b", "image": "1"},
    ]


@pytest.mark.parametrize(
    ("target", "patch", "result"),
    [
        (
            {"ports": [{"port": 80}, {"port": 81}]},
            {"ports": [{"port": 80, "$patch": "delete"}]},
            {"ports": [{"port": 81}]},
        ),
        (
            {"ports": [{"port": 80}, {"port": 81}]},
            {"ports": [{"port": 82}, {"$patch": "replace"}]},
            {"ports": [{"port": 82}]},
        ),
        (
            {"ports": [{"port": 80}, {"port": 81}]},
            {"$setElementOrder/ports": [{"port": 81}, {"port": 80}], "ports": [{"port": 80, "name": "x"}]},
            {"ports": [{"port": 81}, {"port": 80, "name": "x"}]},
        ),
        ({"args": ["a", "b"]}, {"args": ["c"]}, {"args": ["c"]}),
        ({"finalizers": ["a"]}, {"finalizers": ["b"]}, {"finalizers": ["a", "b"]}),
        ({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]}, {"finalizers": ["b"]}),
        ({"strategy": {"type": "A", "x": 1}}, {"strategy": {"$retainKeys": ["type"], "type": "B"}}, {"strategy": {"type": "B"}}),
        ({"labels": {"a": "1", "b": "2"}}, {"labels": {"a": None}}, {"labels": {"b": "2"}}),
        ({"labels": {"a": "1"}}, {"labels": {"$patch": "replace", "b": "2"}}, {"labels": {"b": "2"}}),
        (
            {"conditions": [{"type": "Ready", "status": "False"}]},
            {"conditions": [{"type": "Ready", "status": "True"}]},
            {"conditions": [{"type": "Ready", "status": "True"}]},
        ),
    ],
)
def test_the_directives_of_a_strategic_patch(target, patch, result):
    assert strategic(target, patch) == result
