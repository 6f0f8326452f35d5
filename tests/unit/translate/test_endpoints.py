import json
from itertools import permutations

import pytest

from midonet_kubernetes.model.kubernetes import (
    Endpoint,
    EndpointAddress,
    EndpointConditions,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    EndpointSubset,
    Metadata,
    Service,
    ServicePort,
    ServiceSpec,
)
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate import endpoints, service
from midonet_kubernetes.translate.outcome import Outcome

NAMES = Names()
SERVICE = Service(
    metadata=Metadata(name="web", namespace="shop", uid="service-uid"),
    spec=ServiceSpec(
        cluster_ip="10.96.0.9", ports=[ServicePort(name="http", port=80), ServicePort(name="dns", port=53, protocol="UDP")]
    ),
)
HTTP, DNS = EndpointPort(name="http", port=8080), EndpointPort(name="dns", port=5353, protocol="UDP")
READY, UNREADY = EndpointConditions(ready=True), EndpointConditions(ready=False)
LEAVING = EndpointConditions(ready=False, serving=True, terminating=True)


def a_slice(*listed, ports=(HTTP,), family="IPv4"):
    return EndpointSlice(
        address_type=family,
        ports=list(ports),
        endpoints=[Endpoint(addresses=[ip] if ip else [], conditions=conditions) for ip, conditions in listed],
    )


def rules(outcome):
    return [json.loads(r.body) for t in outcome.translations for r in t.resources]


def targets(rule):
    return [(target["addressFrom"], target["portFrom"]) for target in rule.get("natTargets", ())]


def of_http(*slices):
    """The targets of the Service's first port."""
    return targets(rules(endpoints.from_slices(SERVICE, slices, NAMES))[0])


def test_a_port_has_one_rule_with_a_target_for_each_endpoint():
    outcome = endpoints.from_slices(SERVICE, [a_slice(("10.1.0.10", READY), ("10.1.0.9", READY), ports=(HTTP, DNS))], NAMES)
    assert [t.metadata.name.split(".4.")[0] for t in outcome.translations] == ["endpoints-port"] * 2
    http, dns = rules(outcome)
    del http["id"]
    assert http == {
        "type": "dnat",
        "dlType": 2048,
        "flowAction": "accept",
        "natTargets": [
            {"addressFrom": "10.1.0.9", "addressTo": "10.1.0.9", "portFrom": 8080, "portTo": 8080},
            {"addressFrom": "10.1.0.10", "addressTo": "10.1.0.10", "portFrom": 8080, "portTo": 8080},
        ],
    }
    assert targets(dns) == [("10.1.0.9", 5353), ("10.1.0.10", 5353)]


def test_the_rule_is_in_the_chain_of_its_port():
    chains = [json.loads(r.body)["id"] for r in service.translate(SERVICE, NAMES).translations[0].resources]
    parents = [r.parent for t in endpoints.from_slices(SERVICE, (), NAMES).translations for r in t.resources]
    assert parents == chains


@pytest.mark.parametrize("slices", [(), (a_slice(),), (a_slice(("10.1.0.9", UNREADY)),)])
def test_without_endpoints_a_port_rejects(slices):
    http, dns = rules(endpoints.from_slices(SERVICE, slices, NAMES))
    assert (http["type"], dns["type"]) == ("reject", "reject")
    assert http["id"] != dns["id"]


@pytest.mark.parametrize(
    ("conditions", "counts"),
    [
        (EndpointConditions(), True),
        (EndpointConditions(ready=True), True),
        (EndpointConditions(ready=False), False),
        (EndpointConditions(ready=False, serving=True), False),
        (EndpointConditions(ready=False, terminating=True), True),
        (EndpointConditions(ready=False, serving=True, terminating=True), True),
        (EndpointConditions(ready=False, serving=False, terminating=True), False),
        (EndpointConditions(ready=True, serving=True, terminating=True), True),
    ],
)
def test_an_endpoint_on_its_own_counts_as_in_kube_proxy(conditions, counts):
    assert of_http(a_slice(("10.1.0.9", conditions))) == ([("10.1.0.9", 8080)] if counts else [])


def test_endpoints_that_shut_down_count_only_when_none_is_ready():
    assert of_http(a_slice(("10.1.0.9", LEAVING), ("10.1.0.10", READY))) == [("10.1.0.10", 8080)]
    assert of_http(a_slice(("10.1.0.9", LEAVING), ("10.1.0.10", UNREADY))) == [("10.1.0.9", 8080)]


def test_each_port_of_a_service_falls_back_on_its_own():
    slices = a_slice(("10.1.0.9", LEAVING), ports=(HTTP, DNS)), a_slice(("10.1.0.10", READY), ports=(HTTP,))
    http, dns = rules(endpoints.from_slices(SERVICE, slices, NAMES))
    assert (targets(http), targets(dns)) == ([("10.1.0.10", 8080)], [("10.1.0.9", 5353)])


def test_slices_are_merged_in_any_order_and_without_doubles():
    slices = (
        a_slice(("10.1.0.9", UNREADY), ("10.1.0.10", READY)),
        a_slice(("10.1.0.9", READY), ("10.1.0.11", LEAVING)),
        a_slice(("10.1.0.10", READY), ports=(EndpointPort(name="http", port=8081),)),
    )
    outcomes = {endpoints.from_slices(SERVICE, order, NAMES).translations[0].resources[0] for order in permutations(slices)}
    assert len(outcomes) == 1
    assert of_http(*slices) == [("10.1.0.9", 8080), ("10.1.0.10", 8080), ("10.1.0.10", 8081)]


@pytest.mark.parametrize(
    "other",
    [
        a_slice(("fd00::9", READY), family="IPv6"),
        a_slice(("web.example", READY), family="FQDN"),
        a_slice(("10.1.0.9", READY), ports=(EndpointPort(name="other", port=8080),)),
        a_slice(("10.1.0.9", READY), ports=(EndpointPort(name="http", port=8080, protocol="UDP"),)),
        a_slice(("10.1.0.9", READY), ports=(EndpointPort(name="http"),)),
        a_slice(("", READY)),
        EndpointSlice(endpoints=None, ports=None),
    ],
)
def test_what_is_not_an_ipv4_endpoint_of_the_port_does_not_count(other):
    outcome = endpoints.from_slices(SERVICE, [other], NAMES)
    assert [rule["type"] for rule in rules(outcome)] == ["reject", "reject"]
    assert not outcome.problems


def test_an_unnamed_port_is_that_without_a_name():
    unnamed = Service(metadata=SERVICE.metadata, spec=ServiceSpec(cluster_ip="10.96.0.9", ports=[ServicePort(port=80)]))
    part = a_slice(("10.1.0.9", READY), ports=(EndpointPort(name=None, protocol=None, port=8080),))
    assert targets(rules(endpoints.from_slices(unnamed, [part], NAMES))[0]) == [("10.1.0.9", 8080)]


@pytest.mark.parametrize(
    "bad", [a_slice(("10.1.0", READY)), a_slice(("10.1.0.8", READY), ports=(EndpointPort(name="http", port=0),))]
)
def test_a_bad_endpoint_is_a_problem_and_the_others_go_on(bad):
    outcome = endpoints.from_slices(SERVICE, [bad, a_slice(("10.1.0.9", READY))], NAMES)
    assert targets(rules(outcome)[0]) == [("10.1.0.9", 8080)]
    assert [problem.reason for problem in outcome.problems] == ["EndpointUnusable"]


def test_a_change_of_endpoints_makes_another_rule_in_the_same_translation():
    (before, *_), (after, *_) = (
        endpoints.from_slices(SERVICE, [a_slice((ip, READY))], NAMES).translations for ip in ("10.1.0.9", "10.1.0.10")
    )
    assert before.metadata == after.metadata
    assert json.loads(before.resources[0].body)["id"] != json.loads(after.resources[0].body)["id"]


def test_the_service_owns_what_comes_from_its_slices():
    (translation, *_) = endpoints.from_slices(SERVICE, (), NAMES).translations
    assert translation.metadata.labels == {"midonet.org/owner-uid": "service-uid"}
    assert translation.metadata.owner_references[0].kind == "Service"


@pytest.mark.parametrize("cluster_ip", ["", "None", "fd00::9"])
def test_endpoints_of_a_service_without_a_cluster_ip_become_nothing(cluster_ip):
    headless = Service(metadata=SERVICE.metadata, spec=ServiceSpec(cluster_ip=cluster_ip, ports=SERVICE.spec.ports))
    assert endpoints.from_slices(headless, [a_slice(("10.1.0.9", READY))], NAMES) == Outcome()


def v1_endpoints(*subsets):
    return Endpoints(metadata=Metadata(name="web", namespace="shop", uid="endpoints-uid"), subsets=list(subsets))


def subset(*ready, unready=(), ports=(HTTP,)):
    return EndpointSubset(
        addresses=[EndpointAddress(ip=ip) for ip in ready],
        not_ready_addresses=[EndpointAddress(ip=ip) for ip in unready],
        ports=list(ports),
    )


def test_v1_endpoints_own_what_they_become():
    outcome = endpoints.from_endpoints(v1_endpoints(subset("10.1.0.9")), SERVICE, NAMES)
    owner = outcome.translations[0].metadata.owner_references[0]
    assert (owner.api_version, owner.kind, owner.name, owner.uid) == ("v1", "Endpoints", "web", "endpoints-uid")


def test_v1_endpoints_and_slices_say_the_same():
    slices = a_slice(("10.1.0.9", READY), ("10.1.0.10", UNREADY)), a_slice(("10.1.0.11", READY), ports=(DNS,))
    listed = v1_endpoints(subset("10.1.0.9", unready=["10.1.0.10"]), subset("10.1.0.11", ports=(DNS,)))
    assert [t.resources for t in endpoints.from_slices(SERVICE, slices, NAMES).translations] == [
        t.resources for t in endpoints.from_endpoints(listed, SERVICE, NAMES).translations
    ]


def test_v1_endpoints_without_a_service_become_nothing():
    assert endpoints.from_endpoints(v1_endpoints(subset("10.1.0.9")), None, NAMES) == Outcome()


def test_empty_v1_endpoints_reject():
    empty = Endpoints(metadata=Metadata(name="web", namespace="shop"), subsets=None)
    assert [rule["type"] for rule in rules(endpoints.from_endpoints(empty, SERVICE, NAMES))] == ["reject", "reject"]
