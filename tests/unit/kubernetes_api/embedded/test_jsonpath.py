import pytest

from midonet_kubernetes.kubernetes_api.embedded.jsonpath import first

VALUE = {
    "a": {"b.c/d": 1, "list": [{"n": "x", "v": 1}, {"n": "y", "v": 2}]},
    "conditions": [{"type": "Ready", "status": "False"}, {"type": "Pushed", "status": "True"}],
}


@pytest.mark.parametrize(
    ("path", "found"),
    [
        (".a.list[0].v", 1),
        (".a.list[-1].v", 2),
        (".a.list[7].v", None),
        (".a.list[*].v", 1),
        (".a['b.c/d']", 1),
        (r".a.b\.c/d", 1),
        ('.conditions[?(@.type=="Pushed")].status', "True"),
        (".conditions[?(@.type=='Gone')].status", None),
        (".nothing.at.all", None),
        ("a.list[1].n", "y"),
    ],
)
def test_a_path_means_its_first_result(path, found):
    assert first(path, VALUE) == found


@pytest.mark.parametrize("path", [".a[", ".a[?(@.b>1)]", "..a", ".a b"])
def test_other_paths_are_refused(path):
    with pytest.raises(ValueError, match="not a JSONPath"):
        first(path, VALUE)
