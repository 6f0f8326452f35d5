import json

import pytest

from midonet_kubernetes.model.kubernetes import Metadata, Service, ServicePort, ServiceSpec
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate import service
from midonet_kubernetes.translate.outcome import Outcome

NAMES = Names()
HTTP = ServicePort(name="http", port=80)


def a_service(*ports, **spec):
    spec = {"cluster_ip": "10.96.0.9"} | spec
    return Service(
        metadata=Metadata(name="web", namespace="shop", uid="u"), spec=ServiceSpec(ports=list(ports or (HTTP,)), **spec)
    )


def chains(outcome):
    return [json.loads(r.body)["name"] for t in outcome.translations for r in t.resources if r.kind == "Chain"]


def jumps(outcome):
    rules = [json.loads(r.body) for t in outcome.translations for r in t.resources if r.kind == "Rule"]
    return [(r["nwDstAddress"], r["nwProto"], r["tpDst"]["start"]) for r in rules]


@pytest.mark.parametrize("kind", ["ClusterIP", "NodePort", "LoadBalancer"])
def test_every_service_with_a_cluster_ip_is_translated(kind):
    outcome = service.translate(a_service(type=kind), NAMES)
    assert chains(outcome) == ["KUBE-SVC-shop/web/http"]
    assert jumps(outcome) == [("10.96.0.9", 6, 80)]


@pytest.mark.parametrize(
    "spec", [{"cluster_ip": ""}, {"cluster_ip": "None"}, {"type": "ExternalName"}, {"type": "Whatever"}], ids=str
)
def test_a_service_without_a_cluster_ip_becomes_nothing(spec):
    assert service.translate(a_service(**spec), NAMES) == Outcome()


def test_a_service_without_ports_becomes_nothing():
    empty = Service(metadata=Metadata(name="web"), spec=ServiceSpec(cluster_ip="10.96.0.9"))
    assert service.translate(empty, NAMES) == Outcome()


def test_an_ipv6_service_is_a_problem():
    outcome = service.translate(a_service(cluster_ip="fd00::9"), NAMES)
    assert not outcome.translations
    assert [problem.reason for problem in outcome.problems] == ["ClusterIPUnusable"]


def test_of_two_families_the_ipv4_address_is_translated():
    outcome = service.translate(a_service(cluster_ip="fd00::9", cluster_ips=["fd00::9", "10.96.0.9"]), NAMES)
    assert jumps(outcome) == [("10.96.0.9", 6, 80)]
    assert not outcome.problems


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (ServicePort(name="x", port=3868, protocol="SCTP"), "ProtocolUnsupported"),
        (ServicePort(name="x", port=80, protocol="tcp"), "ProtocolUnsupported"),
        (ServicePort(name="x", port=0), "PortUnusable"),
        (ServicePort(name="x", port=65536), "PortUnusable"),
        (ServicePort(name="http", port=81), "PortNameTaken"),
    ],
)
def test_a_bad_port_is_a_problem_and_the_others_go_on(bad, reason):
    outcome = service.translate(a_service(HTTP, bad, ServicePort(name="dns", port=53, protocol="UDP")), NAMES)
    assert jumps(outcome) == [("10.96.0.9", 6, 80), ("10.96.0.9", 17, 53)]
    assert [problem.reason for problem in outcome.problems] == [reason]
    assert not outcome.keep


def test_a_service_of_bad_ports_only_becomes_nothing():
    outcome = service.translate(a_service(ServicePort(name="x", port=1, protocol="SCTP")), NAMES)
    assert not outcome.translations


def test_all_chains_are_one_translation_and_each_jump_is_one():
    outcome = service.translate(a_service(HTTP, ServicePort(port=81)), NAMES)
    assert [t.metadata.name.split(".4.")[0] for t in outcome.translations] == ["service", "service-port", "service-port"]
    assert chains(outcome) == ["KUBE-SVC-shop/web/http", "KUBE-SVC-shop/web/"]


def test_another_address_makes_another_jump_and_no_other_chain():
    before, after = (service.translate(a_service(cluster_ip=ip), NAMES).translations for ip in ("10.96.0.9", "10.96.0.10"))
    assert before[0] == after[0]
    assert before[1].metadata.name != after[1].metadata.name
    assert json.loads(before[1].resources[0].body)["id"] != json.loads(after[1].resources[0].body)["id"]
