import pytest

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.kubernetes_api.access import in_cluster
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.credentials import Token, TokenFile
from midonet_kubernetes.kubernetes_api.kinds import NODE
from midonet_kubernetes.testing.faulty_kubernetes import FaultyKubernetes, failure
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = pytest.mark.looptime


async def test_an_empty_token_is_no_header():
    assert await Token("").headers() == {}
    assert await Token("t").headers() == {"Authorization": "Bearer t"}


async def test_a_token_file_is_read_again_after_a_minute(tmp_path):
    file = tmp_path / "token"
    file.write_text("old\n")
    credentials = TokenFile(file)
    assert await credentials.headers() == {"Authorization": "Bearer old"}
    file.write_text("new\n")
    await elapse(59)
    assert await credentials.headers() == {"Authorization": "Bearer old"}
    await elapse(1)
    assert await credentials.headers() == {"Authorization": "Bearer new"}


async def test_a_token_that_was_rotated_is_read_again_at_a_401(tmp_path):
    file = tmp_path / "token"
    file.write_text("old")
    api = FaultyKubernetes()
    client = Client(api, TokenFile(file))
    await client.list(NODE)
    file.write_text("new")
    api.answers.append(failure(401, "Unauthorized"))
    await client.list(NODE)
    assert [request.headers["Authorization"] for request in api.requests] == ["Bearer old", "Bearer old", "Bearer new"]


async def test_a_token_file_that_goes_for_a_while_leaves_the_old_token(tmp_path):
    file = tmp_path / "token"
    file.write_text("old")
    credentials = TokenFile(file)
    await credentials.headers()
    file.unlink()
    assert credentials.forget()
    assert await credentials.headers() == {"Authorization": "Bearer old"}


async def test_a_token_file_that_never_was_is_named(tmp_path):
    with pytest.raises(UserError, match=f"{tmp_path}/token"):
        await TokenFile(tmp_path / "token").headers()


def test_outside_a_pod_the_message_says_what_to_set():
    with pytest.raises(UserError, match="MIDONETKUBE_KUBECONFIG"):
        in_cluster({})


def test_a_service_account_that_is_not_mounted_is_named(tmp_path):
    environment = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}
    with pytest.raises(UserError, match=str(tmp_path)):
        in_cluster(environment, tmp_path)


@pytest.mark.parametrize(("host", "server"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")])
async def test_a_pod_finds_its_server_and_its_token(tmp_path, certificates, host, server):
    (tmp_path / "ca.crt").write_bytes((certificates / "ca.pem").read_bytes())
    (tmp_path / "namespace").write_text("kube-system")
    (tmp_path / "token").write_text("t")
    access = in_cluster({"KUBERNETES_SERVICE_HOST": host, "KUBERNETES_SERVICE_PORT": "443"}, tmp_path)
    assert (access.server, access.namespace) == (server, "kube-system")
    assert access.tls.get_ca_certs()
    assert await access.credentials.headers() == {"Authorization": "Bearer t"}
