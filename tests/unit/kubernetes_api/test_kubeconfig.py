import base64
import ssl

import pytest
import yaml

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.kubernetes_api.exec_plugin import ExecCredentials
from midonet_kubernetes.kubernetes_api.kubeconfig import read_kubeconfig


def write(tmp_path, *, cluster=None, user=None, context=None, **top):
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "one",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:6443", **(cluster or {})}}],
        "users": [{"name": "u", "user": user or {}}],
        "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u", **(context or {})}}],
        **top,
    }
    path = tmp_path / "kubeconfig"
    path.write_text(yaml.safe_dump(document))
    return path


def data(path):
    return base64.b64encode(path.read_bytes()).decode()


async def test_server_token_and_namespace(tmp_path):
    access = read_kubeconfig(write(tmp_path, user={"token": "t"}, context={"namespace": "x"}))
    assert (access.server, access.namespace) == ("https://127.0.0.1:6443", "x")
    assert await access.credentials.headers() == {"Authorization": "Bearer t"}


async def test_plain_http_without_a_user(tmp_path):
    path = write(tmp_path, cluster={"server": "http://127.0.0.1:8080/"}, contexts=[{"name": "one", "context": {"cluster": "c"}}])
    access = read_kubeconfig(path)
    assert (access.server, access.tls, access.namespace) == ("http://127.0.0.1:8080", None, "default")
    assert await access.credentials.headers() == {}


def test_a_certificate_may_be_made_out_to_another_name(tmp_path):
    assert read_kubeconfig(write(tmp_path)).tls_server_name == ""
    assert read_kubeconfig(write(tmp_path, cluster={"tls-server-name": "k8s.example"})).tls_server_name == "k8s.example"


async def test_a_context_can_be_chosen(tmp_path):
    clusters = [{"name": name, "cluster": {"server": f"http://{name}"}} for name in ("a", "b")]
    contexts = [{"name": name, "context": {"cluster": name}} for name in ("a", "b")]
    path = write(tmp_path, clusters=clusters, contexts=contexts, **{"current-context": "a"})
    assert read_kubeconfig(path).server == "http://a"
    assert read_kubeconfig(path, "b").server == "http://b"


async def test_a_token_file_beside_the_kubeconfig_comes_before_a_token(tmp_path):
    (tmp_path / "token").write_text("from the file")
    access = read_kubeconfig(write(tmp_path, user={"token": "t", "tokenFile": "token"}))
    assert await access.credentials.headers() == {"Authorization": "Bearer from the file"}


def test_an_authority_and_a_client_certificate_from_files_beside_it_or_from_data(tmp_path, certificates):
    for name in ("ca.pem", "client.pem", "client.key"):
        (tmp_path / name).write_bytes((certificates / name).read_bytes())
    by_name = write(
        tmp_path,
        cluster={"certificate-authority": "ca.pem"},
        user={"client-certificate": "client.pem", "client-key": "client.key"},
    )
    from_files = read_kubeconfig(by_name).tls
    by_data = write(
        tmp_path,
        cluster={"certificate-authority-data": data(certificates / "ca.pem")},
        user={
            "client-certificate-data": data(certificates / "client.pem"),
            "client-key-data": data(certificates / "client.key"),
        },
    )
    from_data = read_kubeconfig(by_data).tls
    assert from_files.get_ca_certs() == from_data.get_ca_certs() != []
    assert from_files.verify_mode is ssl.CERT_REQUIRED


def test_no_private_key_is_left_behind(tmp_path, certificates, monkeypatch):
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    pair = {"client-certificate": str(certificates / "client.pem"), "client-key": str(certificates / "client.key")}
    read_kubeconfig(write(tmp_path, user=pair))
    assert list(scratch.iterdir()) == []


def test_a_server_can_go_unchecked_if_the_file_says_so(tmp_path):
    assert read_kubeconfig(write(tmp_path, cluster={"insecure-skip-tls-verify": True})).tls.verify_mode is ssl.CERT_NONE


def test_an_exec_plugin_is_read(tmp_path):
    user = {"exec": {"apiVersion": "client.authentication.k8s.io/v1", "command": "./login", "args": None, "env": None}}
    credentials = read_kubeconfig(write(tmp_path, user=user)).credentials
    assert isinstance(credentials, ExecCredentials)
    assert credentials._plugin.command == str(tmp_path / "login")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"current-context": ""}, "current-context: it is not set"),
        ({"current-context": "two"}, "contexts: there is no 'two' .there is: one"),
        ({"context": {"cluster": "d"}}, "clusters: there is no 'd' .there is: c"),
        ({"context": {"user": "v"}}, "users: there is no 'v'"),
        ({"users": None}, "users: there is no 'u' .there is: none"),
        ({"clusters": [{"name": "c", "cluster": {}}]}, r"missing required field `server`.*clusters\[0\].cluster"),
        ({"clusters": "c"}, "Expected `array | null`.*clusters"),
        ({"cluster": {"server": "127.0.0.1"}}, r"clusters\[c\].cluster.server: '127.0.0.1' is no http or https URL"),
        ({"cluster": {"certificate-authority": "not-there"}}, r"certificate-authority: .*/not-there cannot be read"),
        ({"cluster": {"certificate-authority-data": "###"}}, "certificate-authority-data: it is not base64"),
        ({"cluster": {"certificate-authority-data": "aGVsbG8="}}, "certificate-authority: it holds no PEM certificate"),
        ({"user": {"client-key-data": "aGVsbG8="}}, r"users\[u\].user: client-certificate and client-key go together"),
        ({"user": {"client-certificate-data": "aGVsbG8=", "client-key-data": "aGVsbG8="}}, "no PEM certificate and its"),
        (
            {"user": {"exec": {"apiVersion": "client.authentication.k8s.io/v1alpha1", "command": "c"}}},
            "exec.apiVersion: .*v1alpha1",
        ),
    ],
)
def test_what_is_wrong_is_named_with_file_and_field(tmp_path, change, message):
    path = write(tmp_path, **change)
    with pytest.raises(UserError, match=message) as caught:
        read_kubeconfig(path)
    assert str(path) in str(caught.value)


def test_a_file_that_is_not_there_or_no_yaml_is_named_without_its_secrets(tmp_path):
    with pytest.raises(UserError, match="No such file"):
        read_kubeconfig(tmp_path / "nothing")
    path = tmp_path / "kubeconfig"
    path.write_text("users:\n- token: very-secret\n  }")
    with pytest.raises(UserError, match=r"no YAML \(line 3\)") as caught:
        read_kubeconfig(path)
    assert "very-secret" not in str(caught.value)


@pytest.mark.parametrize("content", ["", "just text", "3", "[]"])
def test_a_file_that_is_no_kubeconfig_is_named(tmp_path, content):
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    with pytest.raises(UserError, match="not as it should be"):
        read_kubeconfig(path)
