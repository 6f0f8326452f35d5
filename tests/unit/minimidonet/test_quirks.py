from __future__ import annotations

import json

import pytest

from midonet_kubernetes.errors import SettingError
from midonet_kubernetes.exchange import Request
from midonet_kubernetes.minimidonet.quirks import Quirks
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store

BRIDGE, ROUTER, PORT, PEER, ZONE = (f"{digit * 8}-1111-4111-8111-111111111111" for digit in "12345")


@pytest.fixture(params=[True, False], ids=["shown", "not shown"])
def shown(request):
    return request.param


@pytest.fixture
def ask(shown):
    quirks = Quirks() if shown else Quirks.without(["MNA-1315", "mna-1293", "MNA-1249", "MNA-1251"])
    service = Service(Store(), quirks=quirks)

    def answer(method, path, body=None, kind="application/json"):
        headers = {"Content-Type": kind, "Accept": "application/json"}
        return service.handle(Request(method, f"/midonet-api{path}", headers, json.dumps(body or {}).encode()))

    answer("POST", "/bridges", {"id": BRIDGE})
    answer("POST", "/routers", {"id": ROUTER})
    answer("POST", f"/bridges/{BRIDGE}/ports", {"id": PEER, "type": "Bridge"})
    answer(
        "POST",
        f"/routers/{ROUTER}/ports",
        {"id": PORT, "type": "Router", "portSubnet": ["10.0.0.1/24"], "portMac": "aa:bb:cc:dd:ee:ff"},
    )
    return answer


def test_an_identical_table_entry_is_a_crash_or_a_conflict(ask, shown):
    entries = (
        (f"/bridges/{BRIDGE}/mac_table", {"macAddr": "aa:bb:cc:dd:ee:ff", "portId": PEER}, "MacPort-v2"),
        (f"/bridges/{BRIDGE}/arp_table", {"ip": "10.0.0.1", "mac": "aa:bb:cc:dd:ee:ff"}, "IP4Mac-v1"),
    )
    for path, body, name in entries:
        kind = f"application/vnd.org.midonet.{name}+json"
        assert ask("POST", path, body, kind).status == 201
        again = ask("POST", path, body, kind)
        assert again.status == (500 if shown else 409)
        assert (b"<html" in again.body) is shown


def test_a_tunnel_zone_that_keeps_its_name_clashes_with_itself(ask, shown):
    zone = {"id": ZONE, "name": "z", "type": "vxlan"}
    ask("POST", "/tunnel_zones", zone)
    ask("POST", "/tunnel_zones", {"name": "other", "type": "vxlan"})
    assert ask("PUT", f"/tunnel_zones/{ZONE}", zone).status == (409 if shown else 204)
    assert ask("PUT", f"/tunnel_zones/{ZONE}", {**zone, "name": "other"}).status == 409


def test_a_link_with_port_id_links_nothing(ask, shown):
    answer = ask("POST", f"/ports/{PORT}/link", {"portId": PORT, "peerId": PEER})
    assert answer.status == (500 if shown else 201)
    assert json.loads(ask("GET", f"/ports/{PEER}").body)["peerId"] == (None if shown else PORT)


def test_a_port_put_without_its_mac_loses_it(ask, shown):
    ask("PUT", f"/ports/{PORT}", {"type": "Router", "portSubnet": ["10.0.0.1/24"]})
    assert json.loads(ask("GET", f"/ports/{PORT}").body)["portMac"] == (None if shown else "aa:bb:cc:dd:ee:ff")


def test_a_ticket_that_is_not_known_is_refused():
    with pytest.raises(SettingError, match="MNA-1315"):
        Quirks.without(["MNA-1"])
