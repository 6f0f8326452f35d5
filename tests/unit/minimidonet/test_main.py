from __future__ import annotations

import io

import pytest

from midonet_kubernetes.minimidonet.auth import users as users_module
from midonet_kubernetes.minimidonet.auth.users import Users
from midonet_kubernetes.minimidonet.main import main
from midonet_kubernetes.minimidonet.store.file import File
from midonet_kubernetes.minimidonet.store.rows import Row, statements


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    monkeypatch.setattr(users_module, "_COST", 2)


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["serve", "--listen", "here"], "--listen='here' is not allowed: HOST:PORT"),
        (["serve", "--listen", "0.0.0.0:0"], "--users FILE"),
        (["serve", "--without-quirk", "MNA-1"], "one of MNA-1315, MNA-1293, MNA-1249, MNA-1251"),
        (["serve", "--users", "/nowhere/users"], "minimidonet passwd"),
        (["serve", "--token-seconds", "0", "--users", "/dev/null"], "more than 0"),
        (["serve", "--cert", "/nowhere/cert"], "no certificate"),
        (["serve", "--key", "/nowhere/key"], "used together with --cert"),
        (["serve", "--log-level", "loud"], "one of debug, info"),
        (["serve", "--listen", "127.0.0.1:0", "--store", "/nowhere/store"], "No such file"),
        (["backup", "/nowhere/store", "/nowhere/copy"], "not there"),
    ],
)
def test_a_mistake_is_one_line_that_says_what_to_do(arguments, says, capsys):
    assert main(arguments) in {1, 2}
    error = capsys.readouterr().err
    assert error.startswith("minimidonet: ")
    assert says in error
    assert error.count("\n") == 1


def test_a_user_is_added_with_a_password_from_standard_input(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO("secret\n"))
    assert main(["passwd", "ann", "--users", str(tmp_path / "users")]) == 0
    assert Users(tmp_path / "users").verify("ann", "secret") is not None
    monkeypatch.setattr("sys.stdin", io.StringIO("other\n"))
    assert main(["passwd", "bob", "--role", "tenant_user"]) == 0
    assert capsys.readouterr().out.startswith("bob:tenant_user:scrypt:")


def test_a_backup_is_a_copy(tmp_path):
    file = File(tmp_path / "store")
    file.write(statements(1, [Row("Router", "a", {"id": "a"})]))
    assert main(["backup", str(tmp_path / "store"), str(tmp_path / "copy")]) == 0
    file.close()
    copy = File(tmp_path / "copy")
    assert [id_ for _, id_, _ in copy.load()] == ["a"]
    copy.close()


@pytest.mark.parametrize("command", ["serve", "backup", "passwd"])
def test_help_names_every_option(command, capsys):
    with pytest.raises(SystemExit) as caught:
        main([command, "--help"])
    assert caught.value.code == 0
    assert "usage: minimidonet " + command in capsys.readouterr().out
