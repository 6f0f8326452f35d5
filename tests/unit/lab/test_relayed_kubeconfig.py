from pathlib import Path

import pytest
import yaml

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.kubernetes_api.kubeconfig import read_kubeconfig
from midonet_kubernetes.lab.relayed_kubeconfig import address_of, moved, relayed

CERTIFICATES = Path(__file__).parents[1] / "kubernetes_api" / "certificates"


@pytest.fixture
def write(tmp_path):
    def write(cluster, user=None):
        document = {
            "current-context": "one",
            "clusters": [{"name": "other", "cluster": {"server": "http://other"}}, {"name": "c", "cluster": cluster}],
            "users": [{"name": "u", "user": user or {}}, {"name": "other", "user": {"token": "of another"}}],
            "contexts": [{"name": "one", "context": {"cluster": "c", "user": "u", "namespace": "n"}}],
        }
        path = tmp_path / "kubeconfig"
        path.write_text(yaml.safe_dump(document))
        return path

    return write


def test_files_have_absolute_names_and_other_contexts_stay_out(write, tmp_path):
    for name in ("ca.pem", "client.pem", "client.key"):
        (tmp_path / name).write_bytes((CERTIFICATES / name).read_bytes())
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": "bin/login", "args": ["-x"]}
    user = {"client-certificate": "client.pem", "client-key": "client.key", "tokenFile": "token", "exec": exec_}
    document = moved(write({"server": "https://a", "certificate-authority": "ca.pem"}, user))
    (cluster,), (user,) = document["clusters"], document["users"]
    assert cluster["cluster"]["certificate-authority"] == str(tmp_path / "ca.pem")
    assert user["user"] == {
        "client-certificate": str(tmp_path / "client.pem"),
        "client-key": str(tmp_path / "client.key"),
        "tokenFile": str(tmp_path / "token"),
        "exec": {**exec_, "command": str(tmp_path / "bin/login")},
    }
    assert document["contexts"][0]["context"]["namespace"] == "n"


def test_a_command_without_a_folder_is_looked_for_in_the_path_as_before(write):
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": "login"}
    assert moved(write({"server": "https://a"}, {"exec": exec_}))["users"][0]["user"]["exec"]["command"] == "login"


def test_a_kubeconfig_that_cannot_be_used_is_refused(write):
    with pytest.raises(UserError, match="no http or https URL"):
        moved(write({"server": "ftp://a"}))


@pytest.mark.parametrize(
    ("cluster", "server", "name"),
    [
        ({"server": "https://k8s.example:8443/prefix"}, "https://192.0.2.1:6443/prefix", "k8s.example"),
        ({"server": "https://127.0.0.1:8443"}, "https://192.0.2.1:6443", "127.0.0.1"),
        ({"server": "https://[2001:db8::1]:8443"}, "https://192.0.2.1:6443", "2001:db8::1"),
        ({"server": "https://10.0.0.1", "tls-server-name": "k8s.example"}, "https://192.0.2.1:6443", "k8s.example"),
        ({"server": "http://127.0.0.1:8001"}, "http://192.0.2.1:6443", ""),
    ],
)
def test_the_server_is_somewhere_else_and_its_certificate_is_checked_as_before(write, tmp_path, cluster, server, name):
    before = moved(write(cluster, {"token": "t"}))
    inside = tmp_path / "inside"
    inside.write_text(yaml.safe_dump(relayed(before, "192.0.2.1", 6443)))
    access = read_kubeconfig(inside)
    assert (access.server, access.tls_server_name) == (server, name)
    assert before["clusters"][0]["cluster"] == cluster


@pytest.mark.parametrize(
    ("server", "address"),
    [
        ("https://a", ("a", 443)),
        ("http://a", ("a", 80)),
        ("https://a:6443/x", ("a", 6443)),
        ("https://[::1]:6443", ("::1", 6443)),
    ],
)
def test_host_and_port_are_those_of_the_url(server, address):
    assert address_of(server) == address
