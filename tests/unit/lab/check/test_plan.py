from __future__ import annotations

import pytest

from midonet_kubernetes.lab.check.facts import Facts, NodeFact, PodFact, ServicePortFact
from midonet_kubernetes.lab.check.plan import CONNECTIONS, MOST_PAIRS, plan

NODES = (NodeFact("node-1", "192.0.2.1", "10.1.1.2", "10.1.1.1"), NodeFact("node-2", "192.0.2.2", "10.1.2.2", "10.1.2.1"))
PODS = (
    PodFact("shop/a", "node-1", "10.1.1.3", (80,)),
    PodFact("shop/b", "node-1", "10.1.1.4", (80,)),
    PodFact("shop/c", "node-2", "10.1.2.3", (80,)),
)
WEB = ServicePortFact("shop/web", "10.96.0.5", "TCP", 80, PODS[1:], expected=True)
EMPTY = ServicePortFact("shop/none", "10.96.0.6", "TCP", 80, (), expected=False)
FACTS = Facts(NODES, PODS, (WEB, EMPTY), ("10.96.0.1", 443), 10250)


def row(title, facts=FACTS):
    return next(row for row in plan(facts) if row.title.startswith(title))


@pytest.mark.parametrize(
    ("title", "pairs"),
    [
        ("pod → pod, same node", {("shop/a", "10.1.1.4"), ("shop/b", "10.1.1.3")}),
        (
            "pod → own node",
            {(pod.key, address) for pod in PODS for address in ("192.0.2." + pod.node[-1], f"10.1.{pod.node[-1]}.2")},
        ),
        ("node → own pod", {("node-1", "10.1.1.3"), ("node-1", "10.1.1.4"), ("node-2", "10.1.2.3")}),
        ("pod → API server", {(pod.key, "10.96.0.1") for pod in PODS}),
        ("pod → Service, TCP", {("shop/a", "10.96.0.5")}),
        ("pod → itself", {("shop/b", "10.96.0.5"), ("shop/c", "10.96.0.5")}),
        ("Service without endpoints", {(source, "10.96.0.6") for source in ("shop/a", "shop/c", "node-1", "node-2")}),
    ],
)
def test_each_path_is_tried_from_everywhere(title, pairs):
    assert {(trial.source, trial.probe["address"]) for trial in row(title).trials} == pairs


def test_between_pods_tcp_udp_and_ping_are_tried_and_the_source_address_has_to_stay():
    trials = row("pod → pod, other node").trials
    assert {trial.probe["kind"] for trial in trials} == {"tcp", "udp", "ping"}
    assert all(
        trial.addresses == {{p.key: p.ip for p in PODS}[trial.source]} for trial in trials if trial.probe["kind"] != "ping"
    )


def test_a_pod_that_reaches_itself_is_seen_as_its_gateway():
    assert {trial.source: trial.addresses for trial in row("pod → itself").trials} == {
        "shop/b": {"10.1.1.4", "10.1.1.1"},
        "shop/c": {"10.1.2.3", "10.1.2.1"},
    }


def test_an_unused_port_is_one_that_no_port_of_that_address_has():
    ports = tuple(ServicePortFact("shop/web", "10.96.0.5", "TCP", port, PODS, expected=True) for port in range(9, 12))
    facts = Facts(NODES, PODS, ports, None, 10250)
    assert {trial.probe["port"] for trial in row("unused port", facts).trials} == {12}


def test_a_spread_is_at_least_600_new_connections():
    assert sum(trial.probe["count"] for trial in row("spread of shop/web").trials) >= CONNECTIONS >= 600


def test_a_large_cluster_is_sampled():
    pods = tuple(PodFact(f"shop/p{n}", f"node-{n % 2 + 1}", f"10.1.{n % 2 + 1}.{n + 3}", (80,)) for n in range(60))
    rows = plan(Facts(NODES, pods, (WEB,), None, 10250))
    assert all(len(row.trials) <= 6 * MOST_PAIRS for row in rows)
    for row in rows[:6]:
        assert {trial.probe["kind"] for trial in row.trials} == {"tcp", "udp", "ping"}


def test_a_cluster_without_pods_has_rows_but_nothing_to_try():
    assert not any(row.trials for row in plan(Facts(NODES, (), (), None, 10250)))
