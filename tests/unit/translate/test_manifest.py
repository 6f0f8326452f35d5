import json

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.errors import ManifestError
from midonet_kubernetes.model.kubernetes import EndpointSlice, Pod, Service
from midonet_kubernetes.translate.manifest import documents, typed

POD = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "web"}}


def objects(text):
    return [typed(document) for document in documents(text, "shop.yaml")]


def only(text):
    (value,) = objects(text)
    return value


def names(text):
    return [document.content["metadata"]["name"] for document in documents(text, "shop.yaml")]


def a_list(*items):
    return {"apiVersion": "v1", "kind": "List", "items": list(items)}


def pod(name):
    return POD | {"metadata": {"name": name}}


@pytest.mark.parametrize(
    "text",
    [
        yaml.safe_dump_all([pod("a"), pod("b")]),
        "---\n---\n" + yaml.safe_dump_all([pod("a"), None, pod("b")]),
        json.dumps(pod("a")) + json.dumps(pod("b")),
        json.dumps(pod("a"), indent="\t") + "\n\n" + json.dumps(pod("b"), indent="\t") + "\n",
        json.dumps(a_list(pod("a"), pod("b"))),
        yaml.safe_dump({"apiVersion": "v1", "kind": "PodList", "items": [{"metadata": {"name": n}} for n in "ab"]}),
        json.dumps(a_list(a_list(pod("a"), pod("b")))),
        "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n" + yaml.safe_dump(pod("b")),
    ],
)
def test_objects_are_found_in_every_form_of_text(text):
    assert names(text) == ["a", "b"]
    assert all(isinstance(value, Pod) for value in objects(text))


@pytest.mark.parametrize("text", ["", "\n", "---\n", "# nothing\n", json.dumps({"apiVersion": "v1", "kind": "List"})])
def test_an_empty_text_holds_nothing(text):
    assert objects(text) == []


@pytest.mark.parametrize(
    ("version", "kind"), [("apps/v1", "Deployment"), ("serving.knative.dev/v1", "Service"), ("example.com/v1", "AllowList")]
)
def test_other_kinds_are_told_apart(version, kind):
    (document,) = documents(json.dumps({"apiVersion": version, "kind": kind, "metadata": {"name": "x"}}), "shop.yaml")
    assert document.kind == (version, kind)
    assert typed(document) is None


def service(**spec):
    return json.dumps({"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": spec})


def test_a_manifest_gets_the_defaults_of_an_api_server():
    value = only(service(clusterIP="10.96.0.9", ports=[{"port": 80}]))
    assert isinstance(value, Service)
    assert (value.metadata.namespace, value.spec.type, value.spec.ports[0].protocol) == ("default", "ClusterIP", "TCP")
    assert value.metadata.uid == only(service()).metadata.uid != only(json.dumps(POD)).metadata.uid


def test_null_means_not_there():
    value = only(service(clusterIP=None, ports=None, selector=None))
    assert (value.spec.cluster_ip, value.spec.ports) == ("", [])
    assert only('{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a","annotations":null},"spec":null}').spec.node_name == ""


def test_an_object_from_a_cluster_is_taken_as_it_is():
    text = '{"apiVersion":"v1","kind":"Service","metadata":{"name":"web","uid":"u"},"spec":{"clusterIP":"10.96.0.9"}}'
    assert only(text).spec.type == ""
    assert only(text.replace('"spec":{', '"spec":{"type":"NodePort",')).spec.type == "NodePort"


def test_a_node_has_no_namespace():
    assert only("{apiVersion: v1, kind: Node, metadata: {name: a, namespace: b}}").metadata.key == "a"


def test_words_are_read_as_kubernetes_reads_them():
    text = """
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: web
  creationTimestamp: 2026-01-02T03:04:05Z
  annotations: {mac: 12:34:56:11:22:33, day: 2026-01-02}
addressType: IPv4
ports: [{port: 8080}]
endpoints: [{addresses: [10.1.0.9], conditions: {ready: true}}]
"""
    value = only(text)
    assert isinstance(value, EndpointSlice)
    assert value.metadata.creation_timestamp == "2026-01-02T03:04:05Z"
    assert value.metadata.annotations == {"mac": "12:34:56:11:22:33", "day": "2026-01-02"}
    assert (value.ports[0].port, value.endpoints[0].conditions.ready) == (8080, True)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: [1", ["document 1, line 2", "no YAML"]),
        (json.dumps(POD) + "\n---\n\tx: 1", ["document 2, line 3", "no YAML"]),
        ("a: \x07", ["document 1", "no YAML"]),
        ("a: &x [*y]", ["document 1, line 1", "no YAML"]),
        ("a: " + "[" * 5000, ["document 1"]),
        (json.dumps(POD)[:-1] + ',"spec":' + '{"x":' * 600 + "1" + "}" * 601, ["nested too deeply"]),
        ("just text", ["document 1", "no Kubernetes object but text"]),
        ("[1]", ["document 1", "no Kubernetes object but a list"]),
        ("---\nkind: Pod", ["document 1", "apiVersion is missing"]),
        ("apiVersion: v1\nkind: 5", ["kind is missing"]),
        (
            '{"apiVersion":"v1","kind":"List","items":[{"apiVersion":"v1","kind":"Pod","metadata":{"name":"a"}},7]}',
            ["document 1, item 2", "a number"],
        ),
        (service(ports=[{"port": "http"}]), ["document 1 (Service web)", "spec.ports[0].port: Expected `int`, got `str`"]),
        ('{"apiVersion":"v1","kind":"List","items":{"a":1}}', ["document 1: items is no list but a mapping"]),
        (service(ports={}), ["spec.ports: Expected `array`"]),
        ("{apiVersion: v1, kind: Pod, metadata: {name: a, annotations: {x: 1}}}", ["metadata.annotations", "Expected `str`"]),
        ("{apiVersion: v1, kind: Pod, metadata: 7}", ["metadata: Expected `object`"]),
        ("{apiVersion: v1, kind: Pod}", ["metadata.name is missing"]),
        ("{apiVersion: v1, kind: Pod, metadata: {name: We_b}}", ["metadata.name: 'We_b'"]),
        ("{apiVersion: v1, kind: Pod, metadata: {name: a, namespace: b.c}}", ["metadata.namespace: 'b.c'"]),
    ],
)
def test_an_error_names_file_document_and_field(text, words):
    with pytest.raises(ManifestError) as caught:
        objects(text)
    assert str(caught.value).startswith("shop.yaml, document ")
    for word in words:
        assert word in str(caught.value)


KEYS = st.sampled_from(["apiVersion", "kind", "metadata", "name", "spec", "ports", "items", "port", "annotations", "x"])
WORDS = st.sampled_from(["v1", "Pod", "Service", "List", "10.1.0.9"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | WORDS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=5),
    max_leaves=20,
)


@given(JSON, st.sampled_from(["Pod", "Service", "Node", "Endpoints", "List"]))
def test_no_value_is_anything_but_an_object_or_an_error_of_the_user(value, kind):
    text = json.dumps({"apiVersion": "v1", "kind": kind, **value} if isinstance(value, dict) else value)
    try:
        objects(text)
    except ManifestError:
        return


@given(st.text(max_size=60) | st.text(alphabet="{}[]:-,&*!|>'\"% \n\tab0", max_size=40))
def test_no_text_is_anything_but_objects_or_an_error_of_the_user(text):
    try:
        objects(text)
    except ManifestError:
        return
