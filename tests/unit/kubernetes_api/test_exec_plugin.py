import json
import sys

import pytest

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.kubernetes_api.exec_plugin import API_VERSIONS, ExecCredentials, Plugin

V1 = "client.authentication.k8s.io/v1"


def plugin(code, **options):
    return Plugin(options.pop("api_version", V1), sys.executable, ("-I", "-c", code), **options)


def printing(status, api_version=V1):
    return f"print('''{json.dumps({'apiVersion': api_version, 'kind': 'ExecCredential', 'status': status})}''')"


class Clock:
    def __init__(self):
        self.now = 1_700_000_000.0

    def __call__(self):
        return self.now


@pytest.mark.parametrize("api_version", API_VERSIONS)
async def test_the_token_that_a_plugin_prints_is_shown(api_version):
    credentials = ExecCredentials(plugin(printing({"token": "t"}, api_version), api_version=api_version))
    assert await credentials.headers() == {"Authorization": "Bearer t"}


async def test_a_plugin_is_told_what_is_wanted_and_given_its_environment():
    code = (
        "import json, os; told = json.loads(os.environ['KUBERNETES_EXEC_INFO']);"
        f"assert told['apiVersion'] == {V1!r} and told['spec']['interactive'] is False;"
        "print(json.dumps({'apiVersion': told['apiVersion'], 'status': {'token': os.environ['EXTRA']}}))"
    )
    credentials = ExecCredentials(plugin(code, environment=(("EXTRA", "from the file"),)))
    assert await credentials.headers() == {"Authorization": "Bearer from the file"}


async def test_a_token_is_kept_until_shortly_before_it_ends_or_is_refused(tmp_path):
    runs = tmp_path / "runs"
    code = f"open({str(runs)!r}, 'a').write('x');" + printing({"token": "t", "expirationTimestamp": "2023-11-14T23:13:20Z"})
    clock = Clock()
    credentials = ExecCredentials(plugin(code), clock)
    await credentials.headers()
    clock.now += 3580
    await credentials.headers()
    assert runs.read_text() == "x"
    clock.now += 11
    await credentials.headers()
    assert runs.read_text() == "xx"


async def test_a_token_that_was_refused_is_asked_for_again(tmp_path):
    runs = tmp_path / "runs"
    credentials = ExecCredentials(plugin(f"open({str(runs)!r}, 'a').write('x');" + printing({"token": "t"})))
    await credentials.headers()
    assert credentials.forget()
    await credentials.headers()
    assert runs.read_text() == "xx"


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("print('token: secret')", "printed no ExecCredential"),
        ("raise SystemExit(3)", "exit code 3"),
        (printing({"token": "t"}, "client.authentication.k8s.io/v1beta1"), "v1beta1' instead of"),
        (printing({"clientCertificateData": "c", "clientKeyData": "k"}), "client certificates from plugins"),
    ],
)
async def test_a_plugin_that_goes_wrong_is_named_without_secrets(code, message):
    with pytest.raises(UserError, match=message) as caught:
        await ExecCredentials(plugin(code)).headers()
    assert "the credential plugin" in str(caught.value)
    assert "secret" not in str(caught.value)


async def test_a_plugin_that_is_not_there_is_named_with_the_hint_of_the_file():
    with pytest.raises(UserError, match=r"'not-there' cannot be run.*Install it from there"):
        await ExecCredentials(Plugin(V1, "not-there", install_hint="Install it from there")).headers()
