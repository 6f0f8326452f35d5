from __future__ import annotations

import pytest

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.minimidonet.auth import users as users_module
from midonet_kubernetes.minimidonet.auth.users import Users, new_user, write_user


@pytest.fixture(autouse=True)
def cheap(monkeypatch):
    monkeypatch.setattr(users_module, "_COST", 2)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "users"


def test_a_password_is_right_for_its_user_only(path):
    write_user(path, new_user("ann", "secret"))
    write_user(path, new_user("bob", "other", "tenant_user"))
    users = Users(path)
    assert users.verify("ann", "secret").role == "admin"
    assert users.verify("bob", "other").role == "tenant_user"
    assert [users.verify(*pair) for pair in (("ann", "other"), ("bob", "secret"), ("eve", "secret"), ("", ""))] == [None] * 4


def test_nobody_logs_in_as_the_user_that_stands_in_for_missing_ones(path):
    path.write_text("")
    users = Users(path)
    users._nobody = new_user("nobody", "guessed")
    assert users.verify("nobody", "guessed") is None


def test_a_wrong_user_costs_one_hash_as_a_wrong_password_does(path, monkeypatch):
    write_user(path, new_user("ann", "secret"))
    users, hashed = Users(path), []
    monkeypatch.setattr(users_module, "_hash", lambda _, salt: hashed.append(salt) or b"")
    users.verify("ann", "x")
    users.verify("eve", "x")
    assert len(hashed) == 2


def test_the_file_is_for_its_owner_only_and_a_new_password_replaces_the_old(path):
    write_user(path, new_user("ann", "old"))
    write_user(path, new_user("ann", "new"))
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(path.read_text().splitlines()) == 1
    users = Users(path)
    assert users.verify("ann", "old") is None
    assert users.verify("ann", "new") is not None


def test_the_password_is_not_in_the_file(path):
    write_user(path, new_user("ann", "secret"))
    assert "secret" not in path.read_text()


def test_a_change_of_the_file_is_seen(path):
    path.write_text("# nobody yet\n")
    users = Users(path)
    write_user(path, new_user("ann", "secret"))
    users.refresh()
    assert users.verify("ann", "secret") is not None


@pytest.mark.parametrize(
    "line", ["ann", "ann:admin:md5:x:y", "ann:root:scrypt:eA==:eA==", "ann:admin:scrypt:!:eA==", "a:b:c:d:e:f"]
)
def test_a_line_that_is_wrong_is_named(path, line):
    path.write_text(f"\n# comment\n{line}\n")
    with pytest.raises(UserError, match="line 3"):
        Users(path)


def test_a_file_that_is_not_there_is_said(path):
    with pytest.raises(UserError, match="minimidonet passwd"):
        Users(path)


@pytest.mark.parametrize(("name", "password"), [("a b", "x"), ("a:b", "x"), ("", "x"), ("a", ""), ("a", "x:y")])
def test_what_midonets_login_cannot_take_is_refused(name, password):
    with pytest.raises(UserError):
        new_user(name, password)
