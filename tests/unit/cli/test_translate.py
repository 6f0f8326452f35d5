import io
import json
import sys

import pytest
import yaml

from midonet_kubernetes.cli.main import main

SHOP = """
apiVersion: v1
kind: Node
metadata: {name: n, annotations: {midonet.org/host-id: 33333333-3333-4333-8333-000000000001}}
spec: {podCIDR: 10.1.0.0/24}
---
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Pod
  metadata: {name: web, labels: {app: web}}
  spec: {nodeName: n}
  status: {podIP: 10.1.0.9, conditions: [{type: Ready, status: "True"}]}
- {apiVersion: v1, kind: Service, metadata: {name: web}, spec: {clusterIP: 10.96.0.9, selector: {app: web}, ports: [{port: 80}]}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: web}}
- {apiVersion: apps/v1, kind: Deployment, metadata: {name: db}}
---
apiVersion: v1
kind: Service
metadata: {name: sig}
spec: {clusterIP: 10.96.0.10, ports: [{port: 1, protocol: SCTP}]}
"""
NAMES = [
    "kube-system/midonet-global.4.tunnel-zone",
    "kube-system/midonet-global.4.cluster-router",
    "kube-system/midonet-global.4.chain",
    "default/node.4.n",
    "default/pod.4.web",
    "default/service.4.web",
    "default/service-port.4.default-web--10.96.0.9-6-80-",
    "default/endpoints-port.4.web--10.96.0.9-6-80-",
]


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "shop.yaml").write_text(SHOP)
    return str(tmp_path / "shop.yaml")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch):
    for name in ("MIDONETKUBE_TENANT", "MIDONETKUBE_ENDPOINTS_SOURCE"):
        monkeypatch.delenv(name, raising=False)


def translate(capsys, *argv):
    code = main(["translate", *argv])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_names_are_printed_one_a_line(shop, capsys):
    code, out, _ = translate(capsys, "-f", shop, "-o", "name")
    lines = out.splitlines()
    assert code == 0
    assert len(lines) == len(NAMES)
    assert all(line.startswith(name) for line, name in zip(lines, NAMES, strict=True))


def test_yaml_and_json_say_the_same(shop, capsys):
    (_, as_yaml, _), (_, as_json, _), (_, default, _) = (
        translate(capsys, "-f", shop, *o) for o in (["-o", "yaml"], ["-o", "json"], [])
    )
    read = yaml.safe_load(as_yaml)
    assert read == json.loads(as_json)
    assert as_yaml == default
    assert (read["apiVersion"], read["kind"]) == ("v1", "List")
    assert {(item["apiVersion"], item["kind"]) for item in read["items"]} == {("midonet.org/v1", "Translation")}


def test_a_file_given_twice_changes_nothing(shop, capsys):
    _, out, _ = translate(capsys, "-f", shop, "-f", shop)
    assert translate(capsys, "-f", shop)[1] == out


def test_what_is_not_translated_is_told_line_by_line(shop, capsys):
    code, _, err = translate(capsys, "-f", shop)
    assert code == 0
    ignored, sctp = err.splitlines()
    assert ignored == "ignored: 2 Deployment (apps/v1), which by itself has no meaning for the network"
    assert sctp.startswith("Service default/sig: ProtocolUnsupported: ")


def test_what_only_a_cluster_assigns_is_told_when_it_is_missing(tmp_path, capsys):
    (tmp_path / "web.yaml").write_text(
        "{apiVersion: v1, kind: Pod, metadata: {name: a}}\n---\n{apiVersion: v1, kind: Service, metadata: {name: a}}"
    )
    code, _, err = translate(capsys, "-f", str(tmp_path / "web.yaml"))
    assert code == 0
    assert err.splitlines() == [
        "ignored: 1 Service without clusterIP, which a cluster assigns",
        "ignored: 1 Pod without nodeName, which a cluster assigns",
    ]


def test_files_and_standard_input_are_one_set(shop, capsys, monkeypatch):
    pods = b"".join(b'{"apiVersion":"v1","kind":"Pod","metadata":{"name":"%c"},"spec":{"nodeName":"n"}}' % name for name in b"bc")
    byte_order_mark = b"\xef\xbb\xbf"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(byte_order_mark + pods)))
    _, out, _ = translate(capsys, "-f", "-", "-f", shop, "-o", "name")
    assert "default/pod.4.b\ndefault/pod.4.c\ndefault/pod.4.web\n" in out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: [1", "bad.yaml, document 1, line 2, column 1: this is no YAML"),
        (b"\xff\xfe", "bad.yaml: byte 0 is no UTF-8"),
        (b"[]", "bad.yaml, document 1: this is no Kubernetes object but a list"),
        (
            b"{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: x}]}}",
            "(Service a): spec.ports[0].port: ",
        ),
    ],
)
def test_bad_input_ends_with_2_and_prints_nothing(content, words, shop, tmp_path, capsys):
    (tmp_path / "bad.yaml").write_bytes(content)
    code, out, err = translate(capsys, "-f", shop, "-f", str(tmp_path / "bad.yaml"))
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1


def test_a_missing_file_is_named(capsys):
    assert translate(capsys, "-f", "/no/such/file") == (
        2,
        "",
        "midonet-kube: /no/such/file: cannot be read: No such file or directory\n",
    )


def test_settings_are_those_of_the_controllers(shop, capsys, monkeypatch):
    monkeypatch.setenv("MIDONETKUBE_TENANT", "acme")
    monkeypatch.setenv("MIDONETKUBE_ENDPOINTS_SOURCE", "endpoints")
    _, out, _ = translate(capsys, "-f", shop, "-o", "json")
    items = json.loads(out)["items"]
    assert '"tenantId":"acme"' in items[1]["resources"][0]["body"]
    assert items[-1]["metadata"]["ownerReferences"][0]["kind"] == "Endpoints"


def test_a_wrong_setting_is_named(shop, capsys, monkeypatch):
    monkeypatch.setenv("MIDONETKUBE_ENDPOINTS_SOURCE", "guess")
    code, out, err = translate(capsys, "-f", shop)
    assert (code, out) == (2, "")
    assert "MIDONETKUBE_ENDPOINTS_SOURCE='guess'" in err
