import json

import pytest

from midonet_kubernetes.model.kubernetes import Metadata, Node, NodeSpec, Pod, PodSpec, PodStatus
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate import pod
from midonet_kubernetes.translate.outcome import Outcome

NAMES = Names()
HOST = "33333333-3333-4333-8333-000000000001"


def a_node(host=HOST, cidr="10.1.0.0/24"):
    return Node(metadata=Metadata(name="a", annotations={"midonet.org/host-id": host}), spec=NodeSpec(pod_cidr=cidr))


def a_pod(*, ip="10.1.0.9", node="a", phase="Running", host_network=False, **annotations):
    written = {f"midonet.org/{key.replace('_', '-')}": value for key, value in annotations.items()}
    return Pod(
        metadata=Metadata(name="web", namespace="shop", uid="u", annotations=written),
        spec=PodSpec(node_name=node, host_network=host_network),
        status=PodStatus(phase=phase, pod_ip=ip),
    )


def kinds(translation):
    return [resource.kind for resource in translation.resources]


def body(translation, kind):
    return next(json.loads(resource.body) for resource in translation.resources if resource.kind == kind)


@pytest.mark.parametrize("changes", [{"node": ""}, {"host_network": True}, {"phase": "Succeeded"}, {"phase": "Failed"}])
def test_a_pod_without_a_place_in_the_virtual_network_becomes_nothing(changes):
    assert pod.translate(a_pod(**changes), a_node(), NAMES) == Outcome()


@pytest.mark.parametrize(("node", "reason"), [(None, "NodeUnknown"), (a_node(host=""), "NodeWithoutHost")])
def test_a_pod_whose_node_is_not_there_yet_keeps_what_it_was(node, reason):
    outcome = pod.translate(a_pod(), node, NAMES)
    assert not outcome.translations
    assert [problem.reason for problem in outcome.problems] == [reason]
    assert outcome.keep


@pytest.mark.parametrize(
    ("a_pod", "node"),
    [
        (a_pod(ip=""), a_node()),
        (a_pod(ip="fd00::9"), a_node()),
        (a_pod(), a_node(cidr="")),
        (a_pod(), a_node(cidr="fd00::/64")),
    ],
)
def test_without_address_or_gateway_a_pod_is_a_port_and_its_binding(a_pod, node):
    outcome = pod.translate(a_pod, node, NAMES)
    assert [kinds(t) for t in outcome.translations] == [["Port", "HostInterfacePort"]]
    assert "outboundFilterId" not in body(outcome.translations[0], "Port")
    assert not outcome.problems


def test_what_a_pod_sends_to_itself_comes_from_the_gateway():
    (translation,) = pod.translate(a_pod(), a_node(), NAMES).translations
    assert kinds(translation) == ["Chain", "Rule", "Port", "HostInterfacePort"]
    chain, rule, port = body(translation, "Chain"), body(translation, "Rule"), body(translation, "Port")
    assert chain["name"] == "KUBE-POD-OUT-shop/web"
    assert translation.resources[1].parent == port["outboundFilterId"] == chain["id"]
    assert {key: value for key, value in rule.items() if key != "id"} == {
        "type": "snat",
        "dlType": 2048,
        "nwSrcAddress": "10.1.0.9",
        "nwSrcLength": 32,
        "flowAction": "accept",
        "natTargets": [{"addressFrom": "10.1.0.1", "addressTo": "10.1.0.1", "portFrom": 30000, "portTo": 60000}],
    }


@pytest.mark.parametrize(
    ("other", "node"), [(a_pod(ip="10.1.0.10"), a_node()), (a_pod(), a_node(cidr="10.1.0.4/24"))], ids=["address", "gateway"]
)
def test_another_address_or_gateway_makes_another_rule_and_no_other_port(other, node):
    (before,), (after,) = (pod.translate(p, n, NAMES).translations for p, n in ((a_pod(), a_node()), (other, node)))
    assert body(before, "Rule")["id"] != body(after, "Rule")["id"]
    assert body(before, "Port") == body(after, "Port")
    assert before.metadata == after.metadata


def test_the_hairpin_chain_changes_nothing_else():
    (without,), (with_chain,) = (pod.translate(a_pod(ip=ip), a_node(), NAMES).translations for ip in ("", "10.1.0.9"))
    port = body(with_chain, "Port")
    del port["outboundFilterId"]
    assert port == body(without, "Port")
    assert body(with_chain, "HostInterfacePort") == body(without, "HostInterfacePort")


@pytest.mark.parametrize(
    ("ip", "made"), [("", ["pod", "pod-mac"]), ("10.1.0.9", ["pod", "pod-mac", "pod-arp"]), ("fd00::9", ["pod", "pod-mac"])]
)
def test_the_bridge_is_told_the_mac_and_the_address_if_both_are_known(ip, made):
    outcome = pod.translate(a_pod(ip=ip, mac_address="AC-CA-BA-00-00-01"), a_node(), NAMES)
    assert [t.metadata.name.split(".4.")[0] for t in outcome.translations] == made
    assert {t.metadata.namespace for t in outcome.translations} == {"shop"}


@pytest.mark.parametrize("mac", ["", "none"])
def test_a_bad_mac_leaves_out_its_entries_and_does_not_remove_earlier_ones(mac):
    outcome = pod.translate(a_pod(mac_address=mac), a_node(), NAMES)
    assert [t.metadata.name for t in outcome.translations] == ["pod.4.web"]
    assert [problem.reason for problem in outcome.problems] == ["MACAddressUnusable"]
    assert outcome.keep


def test_a_bad_address_is_a_problem_and_the_pod_is_attached():
    outcome = pod.translate(a_pod(ip="10.1.0"), a_node(), NAMES)
    assert [kinds(t) for t in outcome.translations] == [["Port", "HostInterfacePort"]]
    assert [problem.reason for problem in outcome.problems] == ["PodIPUnusable"]
