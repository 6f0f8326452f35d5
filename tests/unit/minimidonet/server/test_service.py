from __future__ import annotations

import base64
import json

import pytest

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.minimidonet.auth import users as users_module
from midonet_kubernetes.minimidonet.auth.tokens import TokenAccess
from midonet_kubernetes.minimidonet.auth.users import Users, new_user, write_user
from midonet_kubernetes.minimidonet.routes import ROUTES
from midonet_kubernetes.minimidonet.server.service import Service, is_stream
from midonet_kubernetes.minimidonet.store.store import Store

HOST = "11111111-1111-4111-8111-111111111111"
EXTENSIONS = [
    ("GET", "/minimidonet/v1/version"),
    ("GET", "/minimidonet/v1/topology"),
    ("GET", "/minimidonet/v1/hosts"),
    ("GET", "/minimidonet/v1/page/summary"),
    ("GET", "/minimidonet/v1/page/chains?search=x"),
    ("PUT", f"/minimidonet/v1/hosts/{HOST}"),
    ("PUT", f"/minimidonet/v1/hosts/{HOST}/status"),
    ("GET", "/minimidonet/v1/nothing"),
]


@pytest.fixture
def service(tmp_path, monkeypatch):
    monkeypatch.setattr(users_module, "_COST", 2)
    write_user(tmp_path / "users", new_user("ann", "secret"))
    return Service(Store(), access=TokenAccess(Users(tmp_path / "users")))


def token_of(service):
    basic = base64.b64encode(b"ann:secret").decode()
    answer = service.handle(Request("POST", "/midonet-api/login", {"authorization": f"Basic {basic}"}))
    return json.loads(answer.body)["key"]


@pytest.mark.parametrize(("method", "path"), EXTENSIONS)
def test_no_extension_is_open_without_a_token(service, method, path):
    assert service.handle(Request(method, path, {}, b'{"name": "n"}')).status == 401
    assert service.store.revision == 0
    assert service.handle(Request(method, path, {"X-Auth-Token": token_of(service)}, b'{"name": "n"}')).status != 401


def test_no_route_is_open_without_a_token(service):
    for route in ROUTES:
        path = "/midonet-api" + route.path.replace(":uuid", "").replace("{", "").replace("}", "")
        assert service.handle(Request(route.method, path, {"X-Auth-Token": "wrong"})).status == 401
    assert service.handle(Request("GET", "/midonet-api/no_such_thing")).status == 401


async def test_no_stream_is_open_without_a_token(service):
    token = token_of(service)
    service.handle(Request("PUT", f"/minimidonet/v1/hosts/{HOST}", {"X-Auth-Token": token}, b'{"name": "n"}'))
    for headers, status in (({}, 401), ({"X-Auth-Token": "wrong"}, 401), ({"X-Auth-Token": token}, 200)):
        async with service.stream(Request("GET", f"/minimidonet/v1/hosts/{HOST}/stream", headers)) as streamed:
            assert streamed.status == status


def test_a_preflight_needs_no_token(service):
    assert service.handle(Request("OPTIONS", "/midonet-api/bridges")).status == 200


@pytest.mark.parametrize(
    ("method", "path", "wanted"),
    [
        ("GET", f"/minimidonet/v1/hosts/{HOST}/stream", True),
        ("GET", f"/minimidonet/v1/hosts/{HOST}/stream?revision=1", True),
        ("PUT", f"/minimidonet/v1/hosts/{HOST}/stream", False),
        ("GET", f"/minimidonet/v1/hosts/{HOST}", False),
        ("GET", "/midonet-api/hosts/stream", False),
    ],
)
def test_a_stream_is_told_from_other_requests(method, path, wanted):
    assert is_stream(method, path) is wanted


def test_head_is_get_without_its_body():
    service = Service(Store())
    answer = service.handle(Request("HEAD", "/minimidonet/v1/version"))
    assert (answer.status, answer.body) == (200, b"")
