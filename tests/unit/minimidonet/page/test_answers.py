from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from midonet_kubernetes.exchange import Request

PAGE = "/minimidonet/v1/page/"


def answer(service, name, **query):
    return service.handle(Request("GET", f"{PAGE}{name}?{urlencode(query)}"))


def rows(service, name, **query):
    said = answer(service, name, **query)
    assert said.status == 200
    return json.loads(said.body)


def id_of(service, table, name):
    (row,) = rows(service, table, search=name)["rows"]
    return row["id"]


def test_the_summary_counts(cluster):
    told = rows(cluster.service, "summary")
    assert told["hosts"] == {"alive": 1, "all": 2}
    assert told["revision"] == cluster.service.store.revision
    counts = {kind: count for kind, count in told["counts"].items() if count}
    assert counts == {"Router": 1, "Bridge": 2, "Port": 7, "Route": 4, "Chain": 7, "Rule": 8}


def test_the_picture_has_each_link_once(cluster):
    told = rows(cluster.service, "picture")
    (router,) = told["routers"]
    assert [router["name"], router["ports"], router["routes"]] == ["ClusterRouter", 2, 4]
    assert [(bridge["name"], bridge["marks"]) for bridge in told["bridges"]] == [
        ("node-a", ["linked", "bound"]),
        ("node-b", ["linked", "silent", "silent"]),
    ]
    assert sorted(link["addresses"] for link in told["links"]) == [["10.1.1.1/24"], ["10.1.2.1/24"]]
    assert {frozenset(link["ends"]) for link in told["links"]} == {frozenset((router["id"], b["id"])) for b in told["bridges"]}
    assert [(host["name"], host["alive"]) for host in told["hosts"]] == [("node-a", True), ("node-b", False)]
    assert [binding["ports"] for binding in told["bindings"]] == [1, 2]


def test_a_searched_picture_has_only_what_the_found_bridges_need(cluster):
    cluster.post("/routers", name="Another")
    told = rows(cluster.service, "picture", search="node-b")
    assert [one["name"] for one in (*told["routers"], *told["bridges"], *told["hosts"])] == ["ClusterRouter", "node-b", "node-b"]
    assert len(told["links"]) == 1
    assert [one["name"] for one in rows(cluster.service, "picture")["routers"]] == ["ClusterRouter", "Another"]


def test_links_among_routers_are_drawn(cluster):
    ports = []
    for name in ("r1", "r2"):
        router, port = f"{name[1]}0000000-0000-4000-8000-000000000000", f"{name[1]}1111111-0000-4000-8000-000000000000"
        cluster.post("/routers", id=router, name=name)
        cluster.post(f"/routers/{router}/ports", id=port, type="Router", portSubnet=["10.9.0.1/30"])
        ports.append(port)
    cluster.post(f"/ports/{ports[0]}/link", peerId=ports[1])
    told = rows(cluster.service, "picture")
    names = {one["id"]: one["name"] for one in told["routers"]}
    assert ["r1", "r2"] in [[names.get(end) for end in link["ends"]] for link in told["links"]]


def test_rules_come_in_their_order_with_what_they_are_for(cluster):
    told = rows(cluster.service, "rules", of=id_of(cluster.service, "chains", "KUBE-MAIN"))
    assert [(rule["position"], rule["target"]["name"]) for rule in told["rows"]] == [(1, "KUBE-PRE"), (2, "KUBE-SERVICES")]
    assert [(use["name"], use["as"]) for use in told["of"]["uses"]] == [("node-a", "inbound"), ("node-b", "inbound")]
    told = rows(cluster.service, "rules", of=id_of(cluster.service, "chains", "KUBE-SERVICES"), search="10.96")
    (rule,) = told["rows"]
    assert rule["condition"] == "ip, tcp, to 10.96.0.80, port 80, no later fragments"
    assert rule["origin"] == {"kind": "Service", "key": "default/web", "part": "http"}
    (use,) = rows(cluster.service, "rules", of=rule["target"]["id"])["of"]["uses"]
    assert (use["name"], use["as"]) == ("KUBE-SERVICES", "jump")


def test_ports_are_those_of_a_device_or_a_host(cluster):
    bridge, host = id_of(cluster.service, "bridges", "node-b"), id_of(cluster.service, "hosts", "node-b")
    of_bridge, of_host = rows(cluster.service, "ports", of=bridge), rows(cluster.service, "ports", of=host)
    assert (of_bridge["of"]["kind"], of_bridge["total"]) == ("Bridge", 3)
    assert (of_host["of"]["kind"], of_host["of"]["alive"], of_host["total"]) == ("Host", False, 2)
    assert [port["origin"]["kind"] for port in of_bridge["rows"]] == ["Node", "Pod", "Pod"]
    assert [port["peer"] and port["peer"]["name"] for port in of_bridge["rows"]] == ["ClusterRouter", None, None]
    assert rows(cluster.service, "ports", of=bridge, search="web-2")["total"] == 1


def test_routes_name_the_device_behind_their_port(cluster):
    told = rows(cluster.service, "routes", of=id_of(cluster.service, "routers", ""))
    normal = [(route["destination"], route["peer"]["name"]) for route in told["rows"] if route["hop"] != "the router itself"]
    assert normal == [("10.1.1.0/24", "node-a"), ("10.1.2.0/24", "node-b")]


def test_what_an_agent_reports_is_shown(cluster):
    host = id_of(cluster.service, "hosts", "node-a")
    report = Request("PUT", f"/minimidonet/v1/hosts/{host}/status", {}, b'{"revision": 7, "unsupportedCount": 2}')
    assert cluster.service.handle(report).status == 200
    assert rows(cluster.service, "ports", of=host)["of"]["status"] == {"revision": 7, "unsupportedCount": 2}


@pytest.mark.parametrize("name", ["rules", "ports", "routes", "nothing"])
def test_what_is_not_there_is_not_found(cluster, name):
    assert answer(cluster.service, name, of="nobody").status == 404
    assert answer(cluster.service, name).status == 404


def test_an_answer_is_small_however_large_the_topology_is(service, fill_large):
    fill_large(service, services=2_000, nodes=500)
    for name, query in (("picture", {}), ("chains", {}), ("bridges", {}), ("rules", {"of": "s"}), ("ports", {"of": "r"})):
        assert len(answer(service, name, **query).body) < 40_000


def test_every_kind_of_object_can_be_looked_at_with_nothing_but_an_id(service):
    with service.store.transaction() as transaction:
        for kind, more in (
            ("Router", {}),
            ("Bridge", {}),
            ("Chain", {}),
            ("Host", {}),
            ("Port", {"type": "Bridge", "deviceId": "x", "peerId": "gone", "hostId": "gone"}),
            ("Rule", {"type": "jump", "jumpChainId": "x", "chainId": "x", "rank": 0.0}),
            ("Route", {"type": "Reject", "routerId": "x"}),
        ):
            transaction.put(kind, "x", {"id": "x", **more})
    for name in ("picture", "hosts", "routers", "bridges", "chains", "rules", "ports", "routes"):
        assert answer(service, name, of="x").status == 200
