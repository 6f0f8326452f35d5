import json

import pytest

from midonet_kubernetes.model.kubernetes import Metadata, Node, NodeAddress, NodeSpec, NodeStatus
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate import node

NAMES = Names()
HOST = "33333333-3333-4333-8333-000000000001"
ZONE = "0f3b9c52-5a0e-4c56-8a34-2d8b4f1e7c90"


def a_node(*addresses, host=HOST, cidr="10.1.0.0/24", **annotations):
    written = {f"midonet.org/{key.replace('_', '-')}": value for key, value in annotations.items()}
    if host is not None:
        written["midonet.org/host-id"] = host
    return Node(
        metadata=Metadata(name="a", uid="u", annotations=written),
        spec=NodeSpec(pod_cidr=cidr),
        status=NodeStatus(addresses=[NodeAddress(type=kind, address=at) for kind, at in addresses]),
    )


def made(outcome):
    """Kinds of the keys of what was made: the name up to the version."""
    return [t.metadata.name.split(".4.")[0] for t in outcome.translations]


def reasons(outcome):
    return [problem.reason for problem in outcome.problems]


@pytest.mark.parametrize("host", [None, ""])
def test_a_node_without_a_host_becomes_nothing_and_loses_what_it_was(host):
    assert node.translate(a_node(host=host), NAMES) == node.Outcome()


@pytest.mark.parametrize("host", ["node-a", "{" + HOST + "}", HOST.replace("-", "")])
def test_a_host_id_that_is_none_is_a_problem_and_loses_what_was(host):
    outcome = node.translate(a_node(host=host), NAMES)
    assert (made(outcome), reasons(outcome), outcome.keep) == ([], ["HostIDUnusable"], False)


@pytest.mark.parametrize(
    ("cidr", "reason"),
    [
        ("", "PodCIDRMissing"),
        ("10.1.0.0/33", "PodCIDRUnusable"),
        ("fd00::/64", "PodCIDRUnusable"),
        ("10.1.0.0/31", "PodCIDRUnusable"),
    ],
)
def test_a_pod_cidr_that_cannot_be_used_is_a_problem_and_leaves_all_as_it_was(cidr, reason):
    outcome = node.translate(a_node(cidr=cidr), NAMES)
    assert (made(outcome), reasons(outcome), outcome.keep) == ([], [reason], True)


def test_a_host_is_in_its_tunnel_zone_before_anything_is_bound_on_it():
    outcome = node.translate(a_node(tunnel_endpoint_ip="192.0.2.1", mac_address="ac:ca:ba:00:00:01"), NAMES)
    assert made(outcome) == ["node-tunnel-endpoint", "node", "node-mac", "node-arp"]


@pytest.mark.parametrize("zone", [ZONE, ZONE.upper(), "urn:uuid:" + ZONE])
def test_a_tunnel_zone_is_written_in_lower_case(zone):
    endpoint = node.translate(a_node(tunnel_endpoint_ip="192.0.2.1", tunnel_zone_id=zone), NAMES).translations[0]
    assert endpoint.resources[0].parent == ZONE
    assert json.loads(endpoint.resources[0].body) == {"hostId": HOST, "ipAddress": "192.0.2.1"}


@pytest.mark.parametrize(
    "annotations",
    [
        {"tunnel_endpoint_ip": "192.0.2.999"},
        {"tunnel_endpoint_ip": ""},
        {"tunnel_endpoint_ip": "2001:db8::5"},
        {"tunnel_endpoint_ip": "192.0.2.1", "tunnel_zone_id": "blue"},
    ],
)
def test_a_bad_tunnel_endpoint_leaves_out_only_itself(annotations):
    outcome = node.translate(a_node(**annotations), NAMES)
    assert (made(outcome), reasons(outcome), outcome.keep) == (["node"], ["TunnelEndpointUnusable"], False)


@pytest.mark.parametrize("mac", ["", "zz", "02:00:5e:10:00:00:00:01"])
def test_a_bad_mac_leaves_out_its_entries_and_does_not_remove_earlier_ones(mac):
    outcome = node.translate(a_node(mac_address=mac), NAMES)
    assert (made(outcome), reasons(outcome), outcome.keep) == (["node"], ["MACAddressUnusable"], True)


def test_a_route_leads_to_each_address_of_each_type_once():
    outcome = node.translate(
        a_node(
            ("InternalIP", "192.0.2.1"),
            ("ExternalIP", "192.0.2.1"),
            ("InternalIP", "192.0.2.1"),
            ("InternalIP", "::ffff:192.0.2.1"),
            ("InternalIP", "2001:db8::1"),
            ("Hostname", "a"),
        ),
        NAMES,
    )
    routes = [json.loads(t.resources[0].body) for t in outcome.translations[1:]]
    assert [(r["dstNetworkAddr"], r["nextHopGateway"]) for r in routes] == [("192.0.2.1", "10.1.0.2")] * 2
    assert routes[0]["id"] != routes[1]["id"]
    assert not outcome.problems


def test_a_bad_address_leaves_out_only_itself():
    outcome = node.translate(a_node(("InternalIP", "a.example"), ("InternalIP", "192.0.2.1")), NAMES)
    assert (made(outcome), reasons(outcome)) == (["node", "node-address"], ["NodeAddressUnusable"])


def test_a_nodes_translations_live_in_the_default_namespace():
    assert {t.metadata.namespace for t in node.translate(a_node(), NAMES).translations} == {"default"}
