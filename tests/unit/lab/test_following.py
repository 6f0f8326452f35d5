import msgspec
import pytest

from midonet_kubernetes.lab.following import followed
from midonet_kubernetes.model.kubernetes import EndpointSlice, Pod, Service


def pod(address="10.1.1.3", namespace="default", **labels):
    document = {"metadata": {"name": "p", "namespace": namespace, "labels": labels}, "status": {"podIP": address}}
    return msgspec.convert(document, Pod)


def service(**selector):
    return msgspec.convert({"metadata": {"name": "web", "namespace": "default"}, "spec": {"selector": selector or None}}, Service)


def slice_of(name, *addresses, ready=True):
    document = {
        "metadata": {"name": f"{name}-x", "namespace": "default", "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": ready}} for address in addresses],
    }
    return msgspec.convert(document, EndpointSlice)


@pytest.mark.parametrize(
    ("pods", "service", "slices", "answer"),
    [
        ([pod(app="web")], service(app="web"), [slice_of("web", "10.1.1.3")], True),
        ([pod(app="web"), pod("10.1.1.4", app="web")], service(app="web"), [slice_of("web", "10.1.1.3")], False),
        ([pod(app="web")], service(app="web"), [slice_of("web", "10.1.1.3", ready=False)], False),
        ([pod(app="web")], service(app="web"), [slice_of("other", "10.1.1.3")], False),
        ([pod(app="web")], service(app="web"), [], False),
        ([pod(app="cart")], service(app="web"), [], True),
        ([pod(app="web", namespace="other")], service(app="web"), [], True),
        ([pod(app="web")], service(), [], True),
    ],
)
def test_each_service_leads_to_all_pods_that_it_selects(pods, service, slices, answer):
    assert followed(pods, [service], slices) is answer
