from __future__ import annotations

import json

import pytest

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.minimidonet.server.agents import LEASE_SECONDS
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store

HOST = "11111111-1111-4111-8111-111111111111"
BRIDGE = "22222222-2222-4222-8222-222222222222"
PORT = "33333333-3333-4333-8333-333333333333"
BODY = {
    "name": "node1",
    "addresses": ["10.0.0.1"],
    "interfaces": ["eth0", {"name": "midoabc", "mac": "aa:bb:cc:dd:ee:ff", "mtu": 1450}],
}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def service(clock):
    return Service(Store(), clock=clock)


def ask(service, method, path, body=None, **headers):
    base = "" if path.startswith("/minimidonet") else "/midonet-api"
    sent = {"Content-Type": "application/json", "Accept": "application/json", **headers}
    answer = service.handle(Request(method, base + path, sent, b"" if body is None else json.dumps(body).encode()))
    return answer.status, json.loads(answer.body) if answer.body else None


def register(service, body=BODY):
    return ask(service, "PUT", f"/minimidonet/v1/hosts/{HOST}", body)


def test_a_registration_makes_the_host_and_says_how_long_it_holds(service):
    assert register(service) == (200, {"leaseSeconds": LEASE_SECONDS})
    status, host = ask(service, "GET", f"/hosts/{HOST}")
    assert (status, host["name"], host["alive"], host["addresses"]) == (200, "node1", True, ["10.0.0.1"])
    assert [(known["name"], known["mtu"]) for known in host["hostInterfaces"]] == [("eth0", 0), ("midoabc", 1450)]
    assert ask(service, "GET", f"/hosts/{HOST}/interfaces/midoabc")[1]["mac"] == "aa:bb:cc:dd:ee:ff"


def test_a_host_is_alive_while_its_lease_runs(service, clock):
    register(service)
    clock.now += LEASE_SECONDS - 1
    assert ask(service, "GET", f"/hosts/{HOST}")[1]["alive"] is True
    register(service)
    clock.now += LEASE_SECONDS
    assert ask(service, "GET", f"/hosts/{HOST}")[1]["alive"] is False


def test_a_registration_that_says_nothing_new_writes_nothing(service):
    register(service)
    revision = service.store.revision
    register(service)
    assert service.store.revision == revision


def test_new_interfaces_of_one_host_are_no_news_for_the_others(service):
    register(service)
    heard = []
    service.store.subscribe(lambda _, changes: heard.extend(changes))
    register(service, {**BODY, "interfaces": ["eth1"]})
    assert [change.object for change in heard] == [{"id": HOST, "name": "node1", "addresses": ["10.0.0.1"]}]
    assert service.hub._log[-1][0] < service.store.revision


def test_a_registration_keeps_what_the_rest_api_set(service):
    register(service)
    weights = {"floodingProxyWeight": 7, "containerWeight": 1, "containerLimit": -1, "enforceContainerLimit": True}
    assert ask(service, "PUT", f"/hosts/{HOST}", weights)[0] == 200
    register(service, {**BODY, "addresses": []})
    host = ask(service, "GET", f"/hosts/{HOST}")[1]
    assert (host["floodingProxyWeight"], host["enforceContainerLimit"], host["addresses"]) == (7, True, [])


def test_a_port_is_active_when_its_host_is_alive_and_has_the_interface(service, clock):
    register(service)
    ask(service, "POST", "/bridges", {"id": BRIDGE})
    ask(service, "POST", f"/bridges/{BRIDGE}/ports", {"id": PORT, "type": "Bridge", "hostId": HOST, "interfaceName": "midoabc"})
    assert ask(service, "GET", f"/ports/{PORT}")[1]["active"] is True
    register(service, {**BODY, "interfaces": ["eth0"]})
    assert ask(service, "GET", f"/ports/{PORT}")[1]["active"] is False
    register(service)
    clock.now += LEASE_SECONDS
    assert ask(service, "GET", f"/ports/{PORT}")[1]["active"] is False


def test_a_host_that_is_alive_cannot_be_deleted(service, clock):
    register(service)
    assert ask(service, "DELETE", f"/hosts/{HOST}") == (
        403,
        {"message": f"Cannot delete host {HOST} because it is active.", "code": 403},
    )
    clock.now += LEASE_SECONDS
    assert ask(service, "DELETE", f"/hosts/{HOST}")[0] == 200


def test_what_an_agent_reports_can_be_read(service):
    register(service)
    assert ask(service, "PUT", f"/minimidonet/v1/hosts/{HOST}/status", {"revision": 3, "problems": []}) == (200, {})
    wanted = {"id": HOST, "name": "node1", "alive": True, "status": {"revision": 3, "problems": []}}
    assert ask(service, "GET", f"/minimidonet/v1/hosts/{HOST}/status") == (200, wanted)
    assert ask(service, "GET", "/minimidonet/v1/hosts") == (200, [wanted])


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {},
        {"name": ""},
        {"name": 1},
        {"name": "n", "addresses": "x"},
        {"name": "n", "interfaces": [1]},
        {"name": "n", "interfaces": [{}]},
    ],
)
def test_a_registration_that_cannot_be_read_is_refused(service, body):
    status, answer = register(service, body)
    assert (status, answer["code"]) == (400, 400)
    assert ask(service, "GET", f"/hosts/{HOST}")[0] == 404


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("PUT", "/minimidonet/v1/hosts/xyz", 404),
        ("PUT", f"/minimidonet/v1/hosts/{HOST}/status", 404),
        ("GET", f"/minimidonet/v1/hosts/{HOST}/status", 404),
        ("DELETE", f"/minimidonet/v1/hosts/{HOST}", 405),
        ("GET", "/minimidonet/v1/nothing", 404),
        ("GET", "/minimidonet/v1/version", 200),
    ],
)
def test_an_extension_answers_what_it_is_asked(service, method, path, status):
    assert ask(service, method, path, {})[0] == status


def test_the_topology_is_one_document(service):
    register(service)
    ask(service, "POST", "/bridges", {"id": BRIDGE})
    document = ask(service, "GET", "/minimidonet/v1/topology")[1]
    assert (document["store"], document["revision"]) == (service.store.id, service.store.revision)
    assert document["objects"] == {
        "Host": {HOST: {"id": HOST, "name": "node1", "addresses": ["10.0.0.1"]}},
        "Bridge": {BRIDGE: {"id": BRIDGE}},
    }
