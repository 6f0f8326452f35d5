from __future__ import annotations

import pytest

from midonet_kubernetes.minimidonet.page.origins import of_bridge, of_chain, of_port, of_rule
from midonet_kubernetes.minimidonet.store.references import REFERENCES
from midonet_kubernetes.minimidonet.store.tables import Tables


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        ("KUBE-SVC-default/web/http", ("Service", "default/web", "http")),
        ("KUBE-SVC-default/web/", ("Service", "default/web", "")),
        ("KUBE-SEP-default/web/http/10.96.0.80/10.1.1.3/80/TCP", ("Endpoints", "default/web", "http/10.96.0.80/10.1.1.3/80/TCP")),
        ("KUBE-NODE-node-a", ("Node", "node-a", "")),
        ("KUBE-POD-OUT-default/web-1", ("Pod", "default/web-1", "")),
        ("KUBE-MAIN", None),
        ("KUBE-SVC", None),
        ("mine", None),
        (None, None),
    ],
)
def test_a_chain_is_told_by_its_name(name, wanted):
    found = of_chain({"id": "c", "name": name} if name else {"id": "c"})
    assert (found and (found["kind"], found["key"], found["part"])) == wanted


@pytest.fixture
def tables():
    made = Tables(REFERENCES)
    for id_, name in (("main", "KUBE-MAIN"), ("svc", "KUBE-SVC-a/web/p"), ("pod", "KUBE-POD-OUT-a/web-1"), ("own", "mine")):
        made.put("Chain", id_, {"id": id_, "name": name})
    made.put("Bridge", "node", {"id": "node", "name": "node-a", "inboundFilterId": "main"})
    made.put("Bridge", "other", {"id": "other", "name": "node-a", "inboundFilterId": "own"})
    made.put("Port", "link", {"id": "link", "type": "Bridge", "deviceId": "node", "peerId": "far"})
    made.put("Port", "far", {"id": "far", "type": "Router", "deviceId": "router", "peerId": "link"})
    return made


@pytest.mark.parametrize(
    ("rule", "key"),
    [
        ({"chainId": "svc", "type": "dnat"}, "a/web"),
        ({"chainId": "main", "type": "jump", "jumpChainId": "svc"}, "a/web"),
        ({"chainId": "pod", "type": "jump", "jumpChainId": "svc"}, "a/web-1"),
        ({"chainId": "main", "type": "accept"}, None),
    ],
)
def test_a_rule_is_its_chains_or_that_of_the_chain_it_jumps_to(tables, rule, key):
    found = of_rule(tables, rule)
    assert (found and found["key"]) == key


def test_a_bridge_with_the_clusters_filter_is_its_nodes(tables):
    assert of_bridge(tables, tables.get("Bridge", "node")) == {"kind": "Node", "key": "node-a", "part": ""}
    assert of_bridge(tables, tables.get("Bridge", "other")) is None


@pytest.mark.parametrize(
    ("port", "key"),
    [
        ({"deviceId": "node", "outboundFilterId": "pod"}, "a/web-1"),
        ({"deviceId": "node", "outboundFilterId": "own"}, "node-a"),
        ({"deviceId": "router", "peerId": "link"}, "node-a"),
        ({"deviceId": "node", "peerId": "far"}, "node-a"),
        ({"deviceId": "other"}, None),
    ],
)
def test_a_port_is_its_pods_or_its_nodes(tables, port, key):
    found = of_port(tables, port)
    assert (found and found["key"]) == key
