import msgspec
import pytest

from midonet_kubernetes.model.kubernetes import Endpoints, EndpointSlice, Event, Lease, Metadata, Node, Pod, Service
from midonet_kubernetes.model.translation import Translation


@pytest.mark.parametrize(
    ("kind", "version"),
    [
        (Node, "v1"),
        (Pod, "v1"),
        (Service, "v1"),
        (Endpoints, "v1"),
        (Event, "v1"),
        (EndpointSlice, "discovery.k8s.io/v1"),
        (Lease, "coordination.k8s.io/v1"),
        (Translation, "midonet.org/v1"),
    ],
)
def test_an_object_always_says_what_it_is(kind, version):
    assert msgspec.to_builtins(kind()) == {"apiVersion": version, "kind": kind.__name__} | ({"spec": {}} if kind is Lease else {})


def test_an_item_of_a_list_need_not_say_what_it_is():
    assert msgspec.json.decode(b'{"metadata":{"name":"a"}}', type=Pod).kind == "Pod"


def test_unknown_fields_are_skipped():
    decoded = msgspec.json.decode(b'{"spec":{"clusterIP":"10.0.0.1","new":[{}]},"status":{"x":1}}', type=Service)
    assert decoded.spec.cluster_ip == "10.0.0.1"


@pytest.mark.parametrize(("namespace", "key"), [("shop", "shop/web"), ("", "web")])
def test_a_key_has_the_namespace_if_there_is_one(namespace, key):
    assert Metadata(namespace=namespace, name="web").key == key
