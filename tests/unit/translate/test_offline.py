import json

import pytest

from midonet_kubernetes.model.kubernetes import (
    Container,
    ContainerPort,
    EndpointAddress,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    EndpointSubset,
    Metadata,
    Node,
    NodeSpec,
    Pod,
    PodSpec,
    PodStatus,
    ReadinessCondition,
    Service,
    ServicePort,
    ServiceSpec,
)
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate import offline

NODE = Node(
    metadata=Metadata(name="a", annotations={"midonet.org/host-id": "33333333-3333-4333-8333-000000000001"}),
    spec=NodeSpec(pod_cidr="10.1.0.0/24"),
)


def a_pod(name="web-0", *, ip="10.1.0.9", ready="True", app="web", namespace="shop", phase="Running", deleted=None):
    http = ContainerPort(name="http", container_port=8080)
    return Pod(
        metadata=Metadata(name=name, namespace=namespace, labels={"app": app, "x": "y"}, deletion_timestamp=deleted),
        spec=PodSpec(node_name="a", containers=[Container(name="c", ports=[http])]),
        status=PodStatus(phase=phase, pod_ip=ip, conditions=[ReadinessCondition(type="Ready", status=ready)]),
    )


def a_service(port=None, **spec):
    spec = {"selector": {"app": "web"}} | spec
    ports = [port or ServicePort(name="http", port=80)]
    return Service(
        metadata=Metadata(name="web", namespace="shop", uid="u"), spec=ServiceSpec(cluster_ip="10.96.0.9", ports=ports, **spec)
    )


def listed(*ips):
    subset = EndpointSubset(addresses=[EndpointAddress(ip=ip) for ip in ips], ports=[EndpointPort(name="http", port=1)])
    return Endpoints(metadata=Metadata(name="web", namespace="shop", uid="e"), subsets=[subset])


SLICE = EndpointSlice(metadata=Metadata(name="web-x", namespace="shop", labels={"kubernetes.io/service-name": "web"}))


def endpoints_of(*values, source="endpointslices"):
    """Owner and targets of the rule in the chain of the Service's port, None when there is none."""
    objects = offline.Objects()
    for value in values:
        objects.add(value)
    for translation in offline.translate(objects, Names(), source).translations:
        if translation.metadata.name.startswith("endpoints-port."):
            rule = json.loads(translation.resources[0].body)
            targets = [(target["addressFrom"], target["portFrom"]) for target in rule.get("natTargets", ())]
            return translation.metadata.owner_references[0].kind, targets
    return None


def test_everything_comes_in_the_order_in_which_it_is_pushed():
    objects = offline.Objects()
    for value in (a_service(), a_pod(), NODE):
        objects.add(value)
    kinds = [t.metadata.name.split(".4.")[0] for t in offline.translate(objects, Names(), "endpointslices").translations]
    assert kinds == ["midonet-global"] * 3 + ["node", "pod", "service", "service-port", "endpoints-port"]


def test_objects_of_a_kind_come_by_key_in_whatever_order_they_were_added():
    values = [NODE, a_pod("a"), a_pod("b", ip="10.1.0.10"), a_pod("c", namespace="default"), a_service()]
    forwards, backwards = offline.Objects(), offline.Objects()
    for value in values:
        forwards.add(value)
    for value in reversed(values):
        backwards.add(value)
    assert offline.translate(forwards, Names(), "endpointslices") == offline.translate(backwards, Names(), "endpointslices")


def test_a_problem_says_whose_it_is():
    objects = offline.Objects()
    objects.add(a_pod())
    ((title, problem),) = offline.translate(objects, Names(), "endpointslices").problems
    assert (title, problem.reason) == ("Pod shop/web-0", "NodeUnknown")


def test_of_two_objects_with_one_name_the_later_counts():
    assert endpoints_of(a_service(), a_pod(), a_pod(ip="10.1.0.10")) == ("Service", [("10.1.0.10", 80)])


@pytest.mark.parametrize(
    ("source", "owner"), [("endpointslices", "Service"), ("endpoints", "Endpoints")], ids=["endpointslices", "endpoints"]
)
def test_endpoints_come_from_ready_pods_when_nothing_else_names_them(source, owner):
    pods = (
        a_pod("b", ip="10.1.0.10"),
        a_pod("a"),
        a_pod("unready", ip="10.1.0.11", ready="False"),
        a_pod("done", ip="10.1.0.12", phase="Succeeded"),
        a_pod("leaving", ip="10.1.0.13", deleted="2026-01-01T00:00:00Z"),
        a_pod("no-address", ip=""),
        a_pod("other", ip="10.1.0.14", app="other"),
        a_pod("elsewhere", ip="10.1.0.15", namespace="default"),
    )
    assert endpoints_of(a_service(), *pods, source=source) == (owner, [("10.1.0.9", 80), ("10.1.0.10", 80)])


@pytest.mark.parametrize(
    ("port", "targets"),
    [
        (ServicePort(name="http", port=80, target_port=8080), [("10.1.0.9", 8080)]),
        (ServicePort(name="x", port=80, target_port="http"), [("10.1.0.9", 8080)]),
        (ServicePort(name="x", port=80, target_port="http", protocol="UDP"), []),
        (ServicePort(name="x", port=80, target_port="unknown"), []),
    ],
)
def test_a_target_port_is_a_number_or_the_name_of_a_container_port(port, targets):
    assert endpoints_of(a_service(port), a_pod()) == ("Service", targets)


def test_unready_pods_count_when_the_service_says_so():
    pod = a_pod(ready="False")
    assert endpoints_of(a_service(publish_not_ready_addresses=True), pod) == ("Service", [("10.1.0.9", 80)])


def test_slices_come_before_endpoints_and_these_before_pods():
    assert endpoints_of(a_service(), listed("10.1.0.7"), a_pod()) == ("Service", [("10.1.0.7", 1)])
    assert endpoints_of(a_service(), listed("10.1.0.7"), a_pod(), SLICE) == ("Service", [])


@pytest.mark.parametrize("selector", [None, {}])
def test_a_service_without_a_selector_selects_no_pods(selector):
    assert endpoints_of(a_service(selector=selector), a_pod()) == ("Service", [])
    assert endpoints_of(a_service(selector=selector), a_pod(), source="endpoints") is None
