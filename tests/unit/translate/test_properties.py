"""What holds for every set of objects: order and repetition do not matter, ids are unique, referents come first."""

import json
import re
from ipaddress import IPv4Address
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.model.kubernetes import (
    Endpoint,
    EndpointAddress,
    EndpointConditions,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    EndpointSubset,
    Metadata,
    Node,
    NodeAddress,
    NodeSpec,
    NodeStatus,
    Pod,
    PodSpec,
    PodStatus,
    ReadinessCondition,
    Service,
    ServicePort,
    ServiceSpec,
)
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.translate import offline

NAMES = Names()
SUBDOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
REFERENCES = ("jumpChainId", "inboundFilterId", "outboundFilterId", "nextHopPort", "peerId", "portId")

names = st.sampled_from(["a", "b", "c.d", "e--f", "g" * 63, "h" * 211 + ".i-" + "j" * 39, "k" * 247, "l" * 253])
labels = st.sampled_from(["", "a", "b", "c" * 15, "d" * 63])
namespaces = st.sampled_from(["a", "b", "n" * 63])
addresses = st.integers(0x0A000000, 0x0A0000FF).map(lambda number: str(IPv4Address(number)))
ports = st.integers(1, 65535)
protocols = st.sampled_from(["TCP", "UDP"])
flags = st.none() | st.booleans()


def macs(number):
    return number.to_bytes(6, "big").hex(":")


def annotated(**annotations):
    return {f"midonet.org/{key.replace('_', '-')}": value for key, value in annotations.items() if value is not None}


@st.composite
def nodes(draw):
    """Nodes that can be translated, each on a host of its own."""
    found = draw(st.lists(names, max_size=3, unique=True))
    return [
        Node(
            metadata=Metadata(
                name=name,
                uid=f"node-{i}",
                annotations=annotated(
                    host_id=str(UUID(int=i + 1)),
                    tunnel_endpoint_ip=draw(st.none() | addresses),
                    mac_address=draw(st.none() | st.just(macs(i + 1))),
                ),
            ),
            spec=NodeSpec(pod_cidr=f"10.{i}.0.0/{draw(st.integers(16, 30))}"),
            status=NodeStatus(
                addresses=draw(
                    st.lists(
                        st.builds(NodeAddress, type=st.sampled_from(["InternalIP", "ExternalIP", "Hostname"]), address=addresses),
                        max_size=3,
                    )
                )
            ),
        )
        for i, name in enumerate(found)
    ]


@st.composite
def pods(draw, on):
    found = draw(st.lists(st.tuples(namespaces, names), max_size=4, unique=True))
    return [
        Pod(
            metadata=Metadata(
                name=name,
                namespace=namespace,
                uid=f"pod-{i}",
                labels=draw(st.sampled_from([{}, {"app": "x"}])),
                annotations=annotated(mac_address=draw(st.none() | st.just(macs(i + 100)))),
            ),
            spec=PodSpec(
                node_name=draw(st.sampled_from(["", *(node.metadata.name for node in on)])),
                host_network=draw(st.sampled_from([False, False, True])),
            ),
            status=PodStatus(
                phase=draw(st.sampled_from(["Pending", "Running", "Succeeded"])),
                pod_ip=draw(st.just("") | addresses),
                conditions=[ReadinessCondition(type="Ready", status=draw(st.sampled_from(["True", "False"])))],
            ),
        )
        for i, (namespace, name) in enumerate(found)
    ]


endpoint_ports = st.builds(EndpointPort, name=labels, protocol=protocols, port=ports)
conditions = st.builds(EndpointConditions, ready=flags, serving=flags, terminating=flags)
service_ports = st.builds(ServicePort, name=labels, protocol=protocols, port=ports)


@st.composite
def services(draw):
    """Services, each with EndpointSlices, an Endpoints object, a selector, or none of these."""
    made = []
    for i, (namespace, name) in enumerate(draw(st.lists(st.tuples(namespaces, names), max_size=3, unique=True))):
        spec = ServiceSpec(
            cluster_ip=draw(st.sampled_from(["", "None", f"10.96.0.{i}"])),
            ports=draw(st.lists(service_ports, max_size=3, unique_by=lambda port: port.name)),
            selector=draw(st.none() | st.just({"app": "x"})),
        )
        made.append(Service(metadata=Metadata(name=name, namespace=namespace, uid=f"service-{i}"), spec=spec))
        listed = st.lists(st.builds(Endpoint, addresses=st.lists(addresses, max_size=2), conditions=conditions), max_size=3)
        for number in range(draw(st.integers(0, 2))):
            metadata = Metadata(name=f"s{i}-{number}", namespace=namespace, labels={offline.SERVICE_NAME: name})
            offered = draw(st.lists(endpoint_ports, max_size=2))
            made.append(EndpointSlice(metadata=metadata, endpoints=draw(listed), ports=offered))
        if draw(st.booleans()):
            ready = st.lists(st.builds(EndpointAddress, ip=addresses), max_size=2)
            subsets = st.lists(st.builds(EndpointSubset, addresses=ready, ports=st.lists(endpoint_ports, max_size=2)), max_size=2)
            made.append(Endpoints(metadata=Metadata(name=name, namespace=namespace, uid=f"endpoints-{i}"), subsets=draw(subsets)))
    return made


@st.composite
def clusters(draw):
    """Everything that a cluster holds, in any order."""
    there = draw(nodes())
    return draw(st.permutations([*there, *draw(pods(there)), *draw(services())]))


def translated(objects, source="endpointslices"):
    gathered = offline.Objects()
    for value in objects:
        gathered.add(value)
    return offline.translate(gathered, NAMES, source)


def resources(report):
    """Each resource with its fields and its id."""
    for translation in report.translations:
        for resource in translation.resources:
            fields = json.loads(resource.body)
            yield resource, fields, KINDS[resource.kind].id_of(resource.parent, fields)


sources = st.sampled_from(["endpointslices", "endpoints"])


@given(clusters(), sources, st.data())
def test_order_and_repetition_change_nothing(objects, source, data):
    again = data.draw(st.permutations([*objects, *objects[: len(objects) // 2]]))
    assert translated(again, source) == translated(objects, source)


@given(clusters(), sources)
def test_no_id_and_no_name_is_used_twice(objects, source):
    report = translated(objects, source)
    places = [(resource.kind, resource.parent if len(of) != 36 else "", of) for resource, _, of in resources(report)]
    assert len(set(places)) == len(places)
    ids = [fields["id"] for _, fields, _ in resources(report) if "id" in fields]
    assert len(set(ids)) == len(ids)
    names = [(t.metadata.namespace, t.metadata.name) for t in report.translations]
    assert len(set(names)) == len(names)


@given(clusters(), sources)
def test_every_referent_comes_before_what_refers_to_it(objects, source):
    there = {node.metadata.annotations["midonet.org/host-id"] for node in objects if isinstance(node, Node)}
    for resource, fields, _ in resources(translated(objects, source)):
        if resource.parent:
            assert resource.parent in there
        for reference in REFERENCES:
            if fields.get(reference):
                assert fields[reference] in there
        there.add(fields.get("id"))


@given(clusters())
def test_a_host_is_in_a_tunnel_zone_before_ports_are_bound_on_it(objects):
    bound = set()
    for resource, fields, _ in resources(translated(objects)):
        if resource.kind == "HostInterfacePort":
            bound.add(fields["hostId"])
        if resource.kind == "TunnelZoneHost":
            assert fields["hostId"] not in bound


@given(clusters(), sources)
def test_every_name_is_one_that_kubernetes_takes(objects, source):
    for translation in translated(objects, source).translations:
        assert SUBDOMAIN.fullmatch(translation.metadata.name)


@given(clusters())
def test_every_translated_port_of_a_service_has_exactly_one_rule(objects):
    report = translated(objects)
    chains = {fields["id"] for _, fields, _ in resources(report) if fields.get("name", "").startswith("KUBE-SVC-")}
    parents = [resource.parent for resource, _, _ in resources(report) if resource.kind == "Rule" and resource.parent in chains]
    assert sorted(parents) == sorted(chains)


anything = st.text(max_size=6) | st.sampled_from(
    [
        "10.0.0.1",
        "10.0.0.0/24",
        "255.255.255.255/8",
        "fd00::1",
        "::ffff:10.0.0.1",
        str(UUID(int=1)),
        "ac:ca:ba:00:00:01",
        "None",
        "TCP",
        "SCTP",
        "a",
    ]
)
numbers = st.integers(-(2**40), 2**40)
metadata = st.builds(
    Metadata,
    name=anything,
    namespace=anything,
    uid=anything,
    labels=st.dictionaries(anything | st.just(offline.SERVICE_NAME), anything, max_size=2),
    annotations=st.dictionaries(
        st.sampled_from(list(annotated(host_id="", tunnel_zone_id="", tunnel_endpoint_ip="", mac_address=""))), anything
    ),
)
bad_endpoint_ports = st.none() | st.lists(
    st.builds(EndpointPort, name=st.none() | anything, protocol=st.none() | anything, port=st.none() | numbers), max_size=2
)
bad_addresses = st.none() | st.lists(st.builds(EndpointAddress, ip=anything), max_size=2)
wild = st.one_of(
    st.builds(
        Node,
        metadata=metadata,
        spec=st.builds(NodeSpec, pod_cidr=anything),
        status=st.builds(
            NodeStatus, addresses=st.lists(st.builds(NodeAddress, type=st.just("InternalIP"), address=anything), max_size=2)
        ),
    ),
    st.builds(
        Pod,
        metadata=metadata,
        spec=st.builds(PodSpec, node_name=anything, host_network=st.booleans()),
        status=st.builds(PodStatus, phase=anything, pod_ip=anything),
    ),
    st.builds(
        Service,
        metadata=metadata,
        spec=st.builds(
            ServiceSpec,
            type=st.sampled_from(["ClusterIP", "", "ExternalName"]),
            cluster_ip=anything,
            cluster_ips=st.lists(anything, max_size=2),
            ports=st.lists(
                st.builds(
                    ServicePort,
                    name=anything,
                    protocol=anything | protocols,
                    port=numbers | ports,
                    target_port=anything | numbers,
                ),
                max_size=3,
            ),
            selector=st.none() | st.dictionaries(anything, anything, max_size=1),
        ),
    ),
    st.builds(
        EndpointSlice,
        metadata=metadata,
        address_type=st.just("IPv4") | anything,
        endpoints=st.none()
        | st.lists(st.builds(Endpoint, addresses=st.lists(anything, max_size=2), conditions=conditions), max_size=2),
        ports=bad_endpoint_ports,
    ),
    st.builds(
        Endpoints,
        metadata=metadata,
        subsets=st.none()
        | st.lists(
            st.builds(EndpointSubset, addresses=bad_addresses, not_ready_addresses=bad_addresses, ports=bad_endpoint_ports),
            max_size=2,
        ),
    ),
)


@pytest.mark.parametrize("source", ["endpointslices", "endpoints"])
@given(st.lists(wild, max_size=8))
def test_no_object_does_harm(source, objects):
    report = translated(objects, source)
    ids = [fields["id"] for _, fields, _ in resources(report) if "id" in fields]
    assert len(set(ids)) == len(ids)
    assert all(problem.reason and problem.message for _, problem in report.problems)
