import asyncio
import shutil
import ssl
import subprocess
from uuid import UUID

import pytest

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.midonet_api import HttpTransport, tls_context
from midonet_kubernetes.minimidonet.agent.main import _host_id, _options, _parser, run
from midonet_kubernetes.minimidonet.quirks import Quirks
from midonet_kubernetes.minimidonet.server.run import Options, serve

ID = "13817ae4-4642-5c85-97c8-8636221345cb"


def options(*arguments, **environment):
    return _options(_parser().parse_args(arguments), environment)


def test_the_environment_names_server_and_credentials():
    found = options("--host-id", ID.upper(), MIDONET_API="http://api:8181/midonet-api", MIDONETKUBE_MIDONET_PASSWORD="secret")
    assert (found.api, found.host.id, found.credentials.password) == ("http://api:8181/midonet-api", ID, "secret")
    assert found.listen is None


def test_a_flag_wins_over_the_environment():
    assert options("--host-id", ID, "--api", "http://flag:1", MIDONET_API="http://api:2").api == "http://flag:1"


def test_an_id_file_is_made_once(tmp_path):
    file = tmp_path / "new" / "host-id"
    made = [_host_id(_parser().parse_args(["--host-id-file", str(file)])) for _ in range(2)]
    assert made[0] == made[1] == str(UUID(file.read_text().strip()))
    assert [path.name for path in file.parent.iterdir()] == ["host-id"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "give this host's id"),
        (("--host-id", "seven"), "'seven' is no UUID"),
        (("--host-id", ID, "--api", "ftp://x"), "--api='ftp://x' is not allowed"),
        (("--host-id", ID, "--listen", "nowhere"), "HOST:PORT"),
        (("--host-id-file", "/dev/null/x"), "cannot be used"),
        (("--host-id", ID, "--ca", "/dev/null/x"), "give the certificate of the server's CA"),
    ],
)
def test_a_wrong_option_is_named(arguments, said, capsys):
    assert run(arguments, {}) == 2
    assert said in capsys.readouterr().err


def test_a_dry_run_makes_no_id_file(tmp_path, capsys):
    file = tmp_path / "host-id"
    assert run(["--host-id-file", str(file), "--dry-run"], {}) == 2
    assert not file.exists()
    assert "No such file" in capsys.readouterr().err


@pytest.fixture
def certificate(tmp_path):
    """File names of a certificate for 127.0.0.1, which signs itself, and of its key."""
    made, key = tmp_path / "ca.pem", tmp_path / "key.pem"
    argv = [
        shutil.which("openssl"),
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-days",
        "2",
    ]
    argv += ["-subj", "/CN=server", "-addext", "subjectAltName=IP:127.0.0.1", "-out", made, "-keyout", key]
    subprocess.run(argv, check=True, capture_output=True)
    return made, key


async def test_an_https_server_is_trusted_by_the_file_that_is_given(tmp_path, certificate, capsys):
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    tls.load_cert_chain(*certificate)
    stop, urls = asyncio.Event(), asyncio.Queue()
    wanted = Options(listen=(("127.0.0.1", 0),), store=":memory:", quirks=Quirks(), tls=tls)
    serving = asyncio.create_task(serve(wanted, say=urls.put_nowait, stop=stop))
    url = (await urls.get()).removeprefix("minimidonet: serving ")
    transport = HttpTransport(url, tls=tls_context(str(certificate[0])))
    registration = b'{"name":"n","addresses":[],"interfaces":[]}'
    assert (await transport.send(Request("PUT", f"/minimidonet/v1/hosts/{ID}", {}, registration))).status == 200
    await transport.close()
    arguments = ["--host-id", ID, "--api", url, "--namespace", str(tmp_path / "none"), "--dry-run"]
    assert await asyncio.to_thread(run, [*arguments, "--ca", str(certificate[0])], {}) == 0
    assert await asyncio.to_thread(run, arguments, {}) != 0
    assert "certificate verify failed" in capsys.readouterr().err
    stop.set()
    await serving
