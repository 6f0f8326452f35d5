import json

import pytest

from midonet_kubernetes.errors import ManifestError, Unreachable
from midonet_kubernetes.exchange import Response
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.discovery import Discovery
from midonet_kubernetes.testing.faulty_kubernetes import FaultyKubernetes, failure

APPS = {
    "resources": [
        {"name": "deployments", "kind": "Deployment", "namespaced": True},
        {"name": "deployments/status", "kind": "Deployment", "namespaced": True},
        {"name": "deployments/scale", "kind": "Scale", "namespaced": True},
    ]
}


def answer(document):
    return Response(200, {}, json.dumps(document).encode())


@pytest.fixture
def api():
    return FaultyKubernetes()


async def test_a_manifest_leads_to_its_place_and_the_server_is_asked_once(api):
    api.answers.append(answer(APPS))
    discovery = Discovery(Client(api))
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment"}
    kind = await discovery.kind_of(manifest)
    assert kind.path(namespace="x", name="web") == "/apis/apps/v1/namespaces/x/deployments/web"
    assert await discovery.kind_of(manifest) is kind
    assert [request.path for request in api.requests] == ["/apis/apps/v1"]


async def test_the_core_group_is_asked_for_where_it_is(api):
    api.answers.append(answer({"resources": [{"name": "nodes", "kind": "Node", "namespaced": False}]}))
    kind = await Discovery(Client(api)).kind_of({"apiVersion": "v1", "kind": "Node"})
    assert kind.path(namespace="x", name="n") == "/api/v1/nodes/n"
    assert api.requests[0].path == "/api/v1"


async def test_a_kind_that_came_later_is_found(api):
    api.answers.extend([failure(404), answer(APPS)])
    discovery = Discovery(Client(api))
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment"}
    with pytest.raises(ManifestError, match="knows no Deployment in apps/v1"):
        await discovery.kind_of(manifest)
    assert (await discovery.kind_of(manifest)).plural == "deployments"


@pytest.mark.parametrize(
    "manifest", [{}, {"kind": "Pod"}, {"apiVersion": "v1"}, {"apiVersion": 1, "kind": "Pod"}, {"apiVersion": "v1", "kind": None}]
)
async def test_an_object_that_does_not_say_what_it_is_is_refused(api, manifest):
    with pytest.raises(ManifestError, match="apiVersion and kind"):
        await Discovery(Client(api)).kind_of(manifest)


async def test_an_answer_that_is_no_list_of_resources_is_no_usable_answer(api):
    api.answers.append(Response(200, {}, b"<html>"))
    with pytest.raises(Unreachable, match="no list of resources"):
        await Discovery(Client(api)).kind_of({"apiVersion": "v1", "kind": "Node"})
