import pytest

from midonet_kubernetes.kubernetes_api.embedded.schema import check, normalise

SCHEMA = {
    "type": "object",
    "required": ["spec"],
    "properties": {
        "spec": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string", "minLength": 2, "maxLength": 4, "pattern": "^[a-z]+$"},
                "size": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
                "ratio": {"type": "number"},
                "on": {"type": "boolean"},
                "colour": {"type": "string", "enum": ["red", "blue"]},
                "list": {
                    "type": "array",
                    "maxItems": 2,
                    "minItems": 1,
                    "items": {"type": "object", "properties": {"x": {"type": "integer"}}},
                },
                "map": {"type": "object", "additionalProperties": {"type": "string"}},
                "free": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                "port": {"x-kubernetes-int-or-string": True},
                "maybe": {"type": "string", "nullable": True},
            },
        }
    },
}


@pytest.mark.parametrize(
    ("spec", "fields"),
    [
        ({"name": "abc"}, []),
        ({"name": "abc", "size": 9, "ratio": 1, "on": True, "colour": "red", "list": [{"x": 1}], "map": {"a": "b"}}, []),
        ({"name": "abc", "port": 1, "maybe": None, "free": {"a": {"b": 1}}}, []),
        ({"name": "abc", "port": "http"}, []),
        ({}, ["spec.name"]),
        ({"name": "a"}, ["spec.name"]),
        ({"name": "abcde"}, ["spec.name"]),
        ({"name": "AB"}, ["spec.name"]),
        ({"name": "ab\n"}, ["spec.name"]),
        ({"name": 3}, ["spec.name"]),
        ({"name": "abc", "size": 0}, ["spec.size"]),
        ({"name": "abc", "size": 10}, ["spec.size"]),
        ({"name": "abc", "size": True}, ["spec.size"]),
        ({"name": "abc", "size": 1.5}, ["spec.size"]),
        ({"name": "abc", "colour": "green"}, ["spec.colour"]),
        ({"name": "abc", "list": []}, ["spec.list"]),
        ({"name": "abc", "list": [{}, {}, {}]}, ["spec.list"]),
        ({"name": "abc", "list": [{"x": "1"}]}, ["spec.list[0].x"]),
        ({"name": "abc", "map": {"a": 1}}, ["spec.map.a"]),
        ({"name": "abc", "port": 1.5}, ["spec.port"]),
        ("text", ["spec"]),
    ],
)
def test_what_is_wrong_is_named(spec, fields):
    assert [cause.field for cause in check(SCHEMA, {"spec": spec, "metadata": 1})] == fields


def test_unknown_fields_and_nulls_go_and_defaults_come():
    body = {
        "apiVersion": "v1",
        "metadata": {"anything": {"goes": 1}},
        "extra": 1,
        "spec": {"name": None, "maybe": None, "odd": {}, "list": [{"x": 1, "y": 2}], "map": {"k": "v"}, "free": {"a": {"b": 1}}},
    }
    assert sorted(normalise(SCHEMA, body)) == ["extra", "spec.list[0].y", "spec.odd"]
    assert body == {
        "apiVersion": "v1",
        "metadata": {"anything": {"goes": 1}},
        "spec": {"maybe": None, "list": [{"x": 1}], "map": {"k": "v"}, "free": {"a": {"b": 1}}, "size": 3},
    }
