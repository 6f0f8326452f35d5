import msgspec
import pytest

from midonet_kubernetes.lab.check.facts import gather
from midonet_kubernetes.model.kubernetes import EndpointSlice, Node, Service

NODE = msgspec.convert(
    {
        "metadata": {"name": "node-1"},
        "spec": {"podCIDR": "10.1.1.0/24"},
        "status": {"addresses": [{"type": "InternalIP", "address": "192.0.2.1"}]},
    },
    Node,
)
API = msgspec.convert(
    {
        "metadata": {"name": "kubernetes", "namespace": "default"},
        "spec": {"clusterIP": "10.96.0.1", "ports": [{"name": "https", "port": 443, "targetPort": 6443}]},
    },
    Service,
)


def api_slice(address):
    document = {
        "metadata": {
            "name": "kubernetes",
            "namespace": "default",
            "labels": {"kubernetes.io/service-name": "kubernetes"},
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
        "ports": [{"name": "https", "port": 6443}],
    }
    return msgspec.convert(document, EndpointSlice)


@pytest.mark.parametrize(
    ("slices", "api"),
    [([api_slice("192.0.2.1")], ("10.96.0.1", 443)), ([api_slice("203.0.113.1")], None), ([], None)],
    ids=["on a node", "elsewhere", "nowhere"],
)
def test_the_api_servers_service_is_tried_when_the_server_is_on_a_node(slices, api):
    facts = gather([NODE], [], [API], slices, node_port=1)
    assert facts.api == api
    assert facts.service_ports == ()
