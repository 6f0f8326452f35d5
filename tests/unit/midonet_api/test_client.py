from __future__ import annotations

import base64
import json

import pytest

from midonet_kubernetes.errors import MidonetApiError, Unreachable
from midonet_kubernetes.exchange import Request, Response
from midonet_kubernetes.midonet_api import Client, Credentials, InProcessTransport
from midonet_kubernetes.minimidonet.auth import users as users_module
from midonet_kubernetes.minimidonet.auth.tokens import TokenAccess
from midonet_kubernetes.minimidonet.auth.users import Users, new_user, write_user
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.model.resource_kinds import KINDS

BRIDGE = "22222222-2222-4222-8222-222222222222"


class Recorder:
    """Passes requests on and remembers them."""

    def __init__(self, handle) -> None:
        self._handle = handle
        self.seen: list[Request] = []

    def __call__(self, request: Request) -> Response:
        self.seen.append(request)
        return self._handle(request)

    @property
    def asked(self) -> list[str]:
        return [f"{request.method} {request.path.removeprefix('/midonet-api')}" for request in self.seen]


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def strict(tmp_path, clock, monkeypatch):
    monkeypatch.setattr(users_module, "_COST", 2)
    write_user(tmp_path / "users", new_user("ann", "secret"))
    write_user(tmp_path / "users", new_user("bob", "secret", "tenant_user"))
    return Recorder(Service(Store(), access=TokenAccess(Users(tmp_path / "users"), clock, seconds=100)).handle)


def client_of(recorder, **credentials) -> Client:
    return Client(InProcessTransport(recorder), credentials=Credentials(**credentials))


async def test_an_object_is_made_read_replaced_and_deleted():
    client = client_of(Recorder(Service(Store()).handle))
    kind = KINDS["Bridge"]
    created = await client.create(kind, "", {"id": BRIDGE, "name": "b"})
    assert (created.status, created.ok, created.location) == (201, True, f"http://localhost/midonet-api/bridges/{BRIDGE}")
    assert (await client.get(kind, "", BRIDGE)).object()["name"] == "b"
    assert (await client.replace(kind, "", BRIDGE, '{"name": "c"}')).status == 204
    listed = await client.list("/bridges", kind.collection_media_type)
    assert [bridge["name"] for bridge in listed] == ["c"]
    assert (await client.delete(kind, "", BRIDGE)).status == 204
    assert (await client.get(kind, "", BRIDGE)).status == 404


async def test_a_body_is_sent_as_written():
    recorder = Recorder(Service(Store()).handle)
    text = '{ "name":"b", "id":"' + BRIDGE + '"}'
    await client_of(recorder).create(KINDS["Bridge"], "", json.loads(text), text)
    assert recorder.seen[0].body == text.encode()
    assert recorder.seen[0].headers["Content-Type"] == "application/vnd.org.midonet.Bridge-v4+json"


async def test_a_refusal_is_a_value_with_what_the_server_said():
    client = client_of(Recorder(Service(Store()).handle))
    answer = await client.create(KINDS["TunnelZone"], "", {"name": ""})
    assert (answer.status, answer.ok) == (400, False)
    assert answer.message.startswith("Validation error(s) found; ")
    assert "name: size must be between 1 and 255" in answer.message


async def test_a_list_that_is_refused_is_an_error():
    client = client_of(Recorder(Service(Store()).handle))
    with pytest.raises(MidonetApiError, match="answers GET /nothing with 404: Root resource nothing not found") as caught:
        await client.list("/nothing", "application/json")
    assert caught.value.status == 404


async def test_it_logs_in_when_asked_and_only_once(strict):
    client = client_of(strict, username="ann", password="secret", project="p")
    for _ in range(3):
        await client.list("/bridges", KINDS["Bridge"].collection_media_type)
    assert strict.asked == ["GET /bridges", "POST /login", *["GET /bridges"] * 3]
    login = strict.seen[1]
    assert login.headers["Authorization"] == "Basic " + base64.b64encode(b"ann:secret").decode()
    assert login.headers["X-Auth-Project"] == "p"


async def test_an_expired_token_is_replaced(strict, clock):
    client = client_of(strict, username="ann", password="secret")
    await client.list("/bridges", KINDS["Bridge"].collection_media_type)
    clock.now += 100
    await client.list("/bridges", KINDS["Bridge"].collection_media_type)
    assert strict.asked == ["GET /bridges", "POST /login", "GET /bridges"] * 2


@pytest.mark.parametrize(
    ("username", "password", "asked"),
    [
        ("ann", "", ["GET /bridges"]),
        ("ann", "wrong", ["GET /bridges", "POST /login"]),
        ("bob", "secret", ["GET /bridges", "POST /login", "GET /bridges"]),
    ],
)
async def test_a_login_that_does_not_help_is_not_repeated(strict, username, password, asked):
    answer = await client_of(strict, username=username, password=password).request("GET", "/bridges", accept="application/json")
    assert answer.status == 401
    assert strict.asked == asked


@pytest.mark.parametrize("body", [b"<html>", b"", b"[1]", b'"x"', b'{"message": 7}', b"[" * 9000, b"\xff"])
async def test_an_answer_that_is_no_json_is_told_in_few_words(body):
    client = client_of(lambda _: Response(200, {"content-type": "text/html"}, body))
    answer = await client.get(KINDS["Bridge"], "", BRIDGE)
    assert answer.message == ""
    for read in (answer.objects,) if body.startswith(b"{") else (answer.object, answer.objects):
        with pytest.raises(MidonetApiError, match="answered 200 with text/html instead of"):
            read()


async def test_a_closed_transport_reaches_nobody():
    client = client_of(Recorder(Service(Store()).handle))
    await client.close()
    with pytest.raises(Unreachable):
        await client.get(KINDS["Bridge"], "", BRIDGE)


def test_a_password_is_not_shown():
    assert "secret" not in repr(Credentials("ann", "secret"))
