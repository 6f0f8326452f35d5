from __future__ import annotations

import json
import uuid

import pytest

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.minimidonet.server.api import Api
from midonet_kubernetes.minimidonet.store.store import Store

NIL = "00000000-0000-4000-8000-000000000000"
VENDOR = "application/vnd.org.midonet.{}+json"


class Client:
    def __init__(self) -> None:
        self.api = Api(Store())

    def __call__(self, method, path, body=None, kind="application/json", **headers):
        sent = {"Host": "h:1", "Content-Type": kind, "Accept": "application/json", **headers}
        raw = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = self.api.handle(Request(method, f"/midonet-api{path}", sent, raw))
        return answer.status, json.loads(answer.body) if answer.body else None

    def made(self, path, kind="application/json", **body):
        id_ = str(uuid.uuid4())
        assert self("POST", path, {"id": id_, **body}, kind)[0] == 201
        return id_


@pytest.fixture
def ask():
    return Client()


@pytest.mark.parametrize(
    ("path", "wrong", "broken", "status"),
    [
        ("/bridges", "Bridge-v3", b"{", 400),  # generic: the body is read first
        ("/bridges", "Bridge-v3", b'{"id":"x"}', 400),
        ("/bridges", "Bridge-v3", b"{}", 406),
        (f"/tunnel_zones/{NIL}/hosts", "Bridge-v4", b"{", 415),  # negotiated: the type is looked at first
    ],
)
def test_what_is_looked_at_first_depends_on_the_resource(ask, path, wrong, broken, status):
    assert ask("POST", path, broken, VENDOR.format(wrong))[0] == status


@pytest.mark.parametrize("parts", ["vips", "pool_members"])
def test_a_pool_is_looked_for_before_the_body_of_its_part(ask, parts):
    for kind, body in (("application/json", b"{"), ("text/plain", b"x"), ("application/json", {"poolId": 1})):
        status, answer = ask("POST", f"/pools/{NIL}/{parts}", body, kind)
        assert (status, answer["message"]) == (404, f"There is no Pool with ID {NIL}.")
    pool = ask.made("/pools", lbMethod="ROUND_ROBIN")
    assert ask("POST", f"/pools/{pool}/{parts}", b"{")[0] == 400
    assert ask("POST", f"/pools/{pool}/{parts}", {"address": "10.0.0.1"})[0] == 201


def test_a_new_object_is_checked_in_midonets_order(ask):
    bridge = ask.made("/bridges")
    steps = [
        ({"id": "x", "name": "n" * 300, "inboundFilterId": NIL}, 400, "Can not read"),
        ({"id": bridge, "name": "n" * 300, "inboundFilterId": NIL}, 400, "Validation error"),
        ({"id": bridge, "vxLanPortIds": [], "inboundFilterId": NIL}, 400, "VXLAN port ID"),
        ({"id": bridge, "inboundFilterId": NIL}, 404, "There is no Chain"),
        ({"id": bridge}, 409, "A(n) Network with ID"),
    ]
    for body, status, begins in steps:
        answer = ask("POST", "/bridges", body)
        assert (answer[0], answer[1]["message"][: len(begins)]) == (status, begins)


def test_a_replaced_object_is_checked_in_midonets_order(ask):
    bridge = ask.made("/bridges")
    assert ask("PUT", f"/bridges/{NIL}", {"name": "n" * 300})[0] == 404
    assert ask("PUT", f"/bridges/{NIL}", b"")[0] == 404
    assert ask("PUT", f"/bridges/{bridge}", b"")[0] == 400
    assert ask("PUT", f"/bridges/{bridge}", {"name": "n" * 300, "inboundFilterId": NIL})[0] == 400
    assert ask("PUT", f"/bridges/{bridge}", {"inboundFilterId": NIL})[0] == 404


def test_a_refused_request_changes_nothing(ask):
    router = ask.made("/routers")
    revision = ask.api.store.revision
    port = {"type": "Router", "portSubnet": ["10.0.0.1/24"], "inboundFilterId": NIL}
    assert ask("POST", f"/routers/{router}/ports", port)[0] == 404
    assert ask.api.store.revision == revision
    assert ask("GET", f"/routers/{router}/routes") == (200, [])


def test_a_router_port_brings_its_local_routes_and_takes_them_along(ask):
    router = ask.made("/routers")
    port = ask.made(f"/routers/{router}/ports", type="Router", portSubnet=["10.0.0.1/24", "fd00::1/64", "10.1.0.1/24"])
    routes = ask("GET", f"/routers/{router}/routes")[1]
    assert [(route["type"], route["dstNetworkAddr"], route["dstNetworkLength"]) for route in routes] == [
        ("Local", "10.0.0.1", 32),
        ("Local", "10.1.0.1", 32),
    ]
    ask("DELETE", f"/ports/{port}")
    assert ask("GET", f"/routers/{router}/routes") == (200, [])


def test_routes_are_listed_router_first_then_port_by_port(ask):
    router = ask.made("/routers")
    ports = [ask.made(f"/routers/{router}/ports", type="Router", portSubnet=[f"10.0.{number}.1/24"]) for number in range(2)]
    prefix = {"srcNetworkAddr": "0.0.0.0", "dstNetworkAddr": "10.9.0.0", "dstNetworkLength": 16}
    late = ask.made(f"/routers/{router}/routes", type="Normal", nextHopPort=ports[0], **prefix)
    hole = ask.made(f"/routers/{router}/routes", type="BlackHole", **prefix)
    listed = [(route["id"], route["nextHopPort"]) for route in ask("GET", f"/routers/{router}/routes")[1]]
    assert listed[0] == (hole, None)
    assert [port for _, port in listed[1:]] == [ports[0], ports[0], ports[1]]
    assert listed[2][0] == late


def test_bindings_are_listed_in_the_order_in_which_they_were_made(ask):
    host, zone, bridge = ask.made("/hosts", name="h"), ask.made("/tunnel_zones", name="z", type="gre"), ask.made("/bridges")
    kind = VENDOR.format("TunnelZoneHost-v1")
    assert ask("POST", f"/tunnel_zones/{zone}/hosts", {"hostId": host, "ipAddress": "10.0.0.1"}, kind)[0] == 201
    ports = [ask.made(f"/bridges/{bridge}/ports", type="Bridge") for _ in range(3)]
    for number in (2, 0, 1):
        assert ask("POST", f"/hosts/{host}/ports", {"portId": ports[number], "interfaceName": f"eth{number}"})[0] == 201
    accept = {"Accept": VENDOR.format("collection.HostInterfacePort-v1")}
    listed = [binding["interfaceName"] for binding in ask("GET", f"/hosts/{host}/ports", **accept)[1]]
    assert listed == ["eth2", "eth0", "eth1"]
    assert ask("DELETE", f"/hosts/{NIL}/ports/{ports[2].upper()}")[0] == 404  # an id in a path is text
    assert ask("DELETE", f"/hosts/{NIL}/ports/{ports[2]}")[0] == 204
    listed = [binding["interfaceName"] for binding in ask("GET", f"/hosts/{host}/ports", **accept)[1]]
    assert listed == ["eth0", "eth1"]


def test_rules_have_positions_that_follow_from_their_order(ask):
    chain = ask.made("/chains")
    first = ask.made(f"/chains/{chain}/rules", type="accept")
    last = ask.made(f"/chains/{chain}/rules", type="drop", position=2)
    head = ask.made(f"/chains/{chain}/rules", type="return")
    listed = ask("GET", f"/chains/{chain}/rules")[1]
    assert [(rule["id"], rule["position"]) for rule in listed] == [(head, 1), (first, 2), (last, 3)]
    assert ask("GET", f"/rules/{last}")[1]["position"] == 3
    ask("DELETE", f"/rules/{head}")
    assert ask("GET", f"/rules/{last}")[1]["position"] == 2


@pytest.mark.parametrize(
    ("rule", "policy"),
    [
        ({"type": "accept"}, "any"),
        ({"type": "accept", "tpDst": {"start": 1, "end": 2}}, "header"),
        ({"type": "dnat", "natTargets": [{"addressFrom": "10.0.0.1", "addressTo": "10.0.0.1"}]}, "any"),
        ({"type": "dnat", "natTargets": [{"addressFrom": "10.0.0.1", "addressTo": "10.0.0.2"}]}, "unfragmented"),
        ({"type": "snat", "natTargets": [{"addressFrom": "10.0.0.1", "addressTo": "10.0.0.1", "portFrom": 1}]}, "unfragmented"),
        ({"type": "dnat", "natTargets": [{"addressFrom": "10.0.0.1", "addressTo": "10.0.0.1"}] * 2}, "unfragmented"),
        (
            {"type": "dnat", "tpSrc": {"start": 1, "end": 1}, "natTargets": [{"addressFrom": "1.1.1.1", "addressTo": "1.1.1.1"}]},
            "unfragmented",
        ),
    ],
)
def test_the_fragment_policy_follows_from_the_rule(ask, rule, policy):
    chain = ask.made("/chains")
    id_ = ask.made(f"/chains/{chain}/rules", flowAction="accept", **rule)
    assert ask("GET", f"/rules/{id_}")[1]["fragmentPolicy"] == policy


def test_a_load_balancer_goes_with_its_pools_and_leaves_its_router(ask):
    balancer = ask.made("/load_balancers")
    router = ask.made("/routers", loadBalancerId=balancer)
    pool = ask.made(f"/load_balancers/{balancer}/pools", lbMethod="ROUND_ROBIN")
    member = ask.made(f"/pools/{pool}/pool_members", address="10.0.0.1")
    vip = ask.made(f"/pools/{pool}/vips", address="10.0.0.2")
    assert ask("DELETE", f"/routers/{router}")[0] == 409
    assert ask("DELETE", f"/load_balancers/{balancer}")[0] == 204
    for path in (f"/pools/{pool}", f"/pool_members/{member}", f"/vips/{vip}"):
        assert ask("GET", path)[0] == 404
    assert ask("GET", f"/routers/{router}")[1]["loadBalancerId"] is None


def test_a_dhcp_subnet_moves_with_its_hosts(ask):
    bridge = ask.made("/bridges")
    assert ask("POST", f"/bridges/{bridge}/dhcp", {"subnetPrefix": "10.0.0.0", "subnetLength": 24})[0] == 201
    assert (
        ask("POST", f"/bridges/{bridge}/dhcp/10.0.0.0_24/hosts", {"macAddr": "aa:bb:cc:dd:ee:01", "ipAddr": "10.0.0.9"})[0] == 201
    )
    assert ask("PUT", f"/bridges/{bridge}/dhcp/10.0.0.0_24", {"subnetPrefix": "10.1.0.0", "subnetLength": 16})[0] == 204
    assert ask("GET", f"/bridges/{bridge}/dhcp/10.0.0.0_24")[0] == 404
    assert ask("GET", f"/bridges/{bridge}/dhcp/10.1.0.0_16/hosts/aa:bb:cc:dd:ee:01")[1]["ipAddr"] == "10.0.0.9"
    assert ask("GET", f"/bridges/{bridge}/dhcp/10.1.0.0_16/hosts/aa-bb-cc-dd-ee-01")[0] == 400


def test_dhcpv6_subnets_go_when_their_bridge_is_replaced(ask):
    bridge = ask.made("/bridges")
    path, lists = f"/bridges/{bridge}/dhcpV6", {"Accept": VENDOR.format("collection.DhcpV6Subnet-v1")}
    assert ask("POST", path, {"prefix": "fd00:0:0:0:0:0:0:0", "prefixLength": 64})[0] == 201
    (subnet,) = ask("GET", path, **lists)[1]
    assert (subnet["prefix"], subnet["uri"].rpartition("/")[2]) == ("fd00:0:0:0:0:0:0:0", "fd00:0:0:0:0:0:0:0_64")
    hosts = f"{path}/fd00::_64/hostsV6"
    host = {"clientId": "01:02", "fixedAddress": "fd00::9", "name": "h"}
    assert [ask("POST", hosts, host)[0] for _ in range(2)] == [201, 409]
    assert ask("GET", f"{hosts}/01-02")[1]["fixedAddress"] == "fd00:0:0:0:0:0:0:9"
    assert ask("GET", f"{hosts}/03")[0] == 404
    assert ask("POST", path, {"prefix": "10.0.0.0"})[0] == 400
    assert ask("PUT", f"/bridges/{bridge}", {"name": "b"})[0] == 204
    assert ask("GET", path, **lists) == (200, [])


def test_the_fragment_policy_is_one_violation_among_others(ask):
    chain = ask.made("/chains")
    rule = {"type": "drop", "fragmentPolicy": "any", "tpDst": {"start": 1, "end": 2}, "dlType": 5}
    status, answer = ask("POST", f"/chains/{chain}/rules", rule)
    assert status == 400
    assert {violation["property"] for violation in answer["violations"]} == {"", "dlType"}


def test_a_path_outside_of_the_api_says_where_it_is(ask):
    answer = ask.api.handle(Request("GET", "/elsewhere"))
    assert answer.status == 404
    assert b"/midonet-api/" in answer.body


def test_an_answer_is_compressed_for_those_who_take_that(ask):
    plain = ask.api.handle(Request("GET", "/midonet-api/system_state"))
    packed = ask.api.handle(Request("GET", "/midonet-api/system_state", {"Accept-Encoding": "deflate, gzip;q=0.5"}))
    assert (plain.headers.get("content-encoding"), packed.headers["content-encoding"]) == (None, "gzip")
    assert plain.headers["vary"] == packed.headers["vary"] == "Accept-Encoding"
