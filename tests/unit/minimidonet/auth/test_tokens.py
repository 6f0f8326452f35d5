from __future__ import annotations

import base64

import pytest

from midonet_kubernetes.minimidonet.auth import tokens as tokens_module
from midonet_kubernetes.minimidonet.auth import users as users_module
from midonet_kubernetes.minimidonet.auth.tokens import TokenAccess
from midonet_kubernetes.minimidonet.auth.users import Users, new_user, write_user
from midonet_kubernetes.minimidonet.rest.refusal import Refusal


class Clock:
    now = 1576210762.0  # Fri, 13-12-2019 04:19:22 UTC

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def access(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(users_module, "_COST", 2)
    write_user(tmp_path / "users", new_user("ann", "secret"))
    write_user(tmp_path / "users", new_user("bob", "secret", "tenant_user"))
    return TokenAccess(Users(tmp_path / "users"), clock, seconds=300)


def login(access, name="ann", password="secret"):
    return access.login("Basic " + base64.b64encode(f"{name}:{password}".encode()).decode())


def refusal(access, token):
    with pytest.raises(Refusal) as caught:
        access.check({"x-auth-token": token} if token else {})
    return caught.value


def test_a_token_holds_until_it_expires(access, clock):
    token = login(access)
    assert token.expires == "Fri, 13-12-2019 04:24:22 UTC"
    clock.now += 299
    access.check({"x-auth-token": token.key})
    clock.now += 1
    assert refusal(access, token.key).status == 401


def test_no_token_and_an_unknown_token_are_refused(access):
    missing, unknown = refusal(access, ""), refusal(access, "garbage")
    assert (missing.status, missing.message, missing.headers) == (401, "No token was passed in.", {})
    assert (unknown.status, unknown.message) == (401, "Authentication error")
    assert "www-authenticate" in unknown.headers


def test_a_user_who_is_no_admin_gets_a_token_that_opens_nothing(access):
    found = refusal(access, login(access, "bob").key)
    assert (found.status, found.message) == (401, None)


@pytest.mark.parametrize(("name", "password"), [("ann", "wrong"), ("eve", "secret")])
def test_a_wrong_user_and_a_wrong_password_look_the_same(access, name, password):
    with pytest.raises(Refusal, match="Invalid user name or password") as caught:
        login(access, name, password)
    assert caught.value.status == 401


def test_tokens_do_not_pile_up(access, clock, monkeypatch):
    monkeypatch.setattr(tokens_module, "MOST_TOKENS", 3)
    first, *others = [login(access) for _ in range(4)]
    assert refusal(access, first.key).status == 401
    for token in others:
        access.check({"x-auth-token": token.key})
    clock.now += 300
    login(access)
    assert len(access._grants) == 1
