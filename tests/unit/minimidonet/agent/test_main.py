from uuid import UUID

import pytest

from midonet_kubernetes.minimidonet.agent.main import _host_id, _options, _parser, run

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
