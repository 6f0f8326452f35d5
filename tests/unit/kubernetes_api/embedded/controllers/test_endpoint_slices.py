from collections import Counter

import pytest

from midonet_kubernetes.kubernetes_api.embedded.store import Key

SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3D"
ENDPOINTS = "/api/v1/namespaces/default/endpoints"
PODS = "/api/v1/namespaces/default/pods"
MERGE = "application/merge-patch+json"


async def endpoints(server, name="web"):
    pieces = (await server.get(SLICES + name))["items"]
    return {endpoint["addresses"][0]: endpoint for piece in pieces for endpoint in piece["endpoints"]}


@pytest.fixture
async def web(server):
    await server.add_nodes("one")
    await server.ask("POST", SERVICES, server.service("web", ports=[{"port": 80, "targetPort": "http"}]))
    await server.ask("POST", "/apis/apps/v1/namespaces/default/deployments", server.deployment("web", replicas=2))
    server.run()
    return server


async def test_ready_pods_are_ready_endpoints_with_their_named_ports(web):
    (piece,) = (await web.get(SLICES + "web"))["items"]
    assert piece["ports"] == [{"name": "", "protocol": "TCP", "port": 8080}]
    assert piece["addressType"] == "IPv4"
    assert piece["metadata"]["name"].startswith("web-")
    assert piece["metadata"]["ownerReferences"][0]["name"] == "web"
    endpoint = piece["endpoints"][0]
    assert endpoint["conditions"] == {"ready": True, "serving": True, "terminating": False}
    assert (endpoint["nodeName"], endpoint["targetRef"]["kind"]) == ("one", "Pod")
    (subset,) = (await web.get(f"{ENDPOINTS}/web"))["subsets"]
    assert [address["ip"] for address in subset["addresses"]] == sorted(await endpoints(web))
    assert subset["ports"] == piece["ports"]


async def test_a_pod_that_is_not_ready_stays_listed_as_such(web):
    name = (await web.names(PODS))[0]
    web.kubelets.report(Key("pods", "default", name), ready=False)
    web.cluster.settle()
    states = Counter(endpoint["conditions"]["ready"] for endpoint in (await endpoints(web)).values())
    assert states == {True: 1, False: 1}
    (subset,) = (await web.get(f"{ENDPOINTS}/web"))["subsets"]
    assert (len(subset["addresses"]), len(subset["notReadyAddresses"])) == (1, 1)


async def test_a_pod_that_is_being_deleted_serves_and_is_not_ready(web):
    name = (await web.names(PODS))[0]
    await web.ask("DELETE", f"{PODS}/{name}")
    conditions = [e["conditions"] for e in (await endpoints(web)).values() if e["targetRef"]["name"] == name]
    assert conditions == [{"ready": False, "serving": True, "terminating": True}]
    web.run()
    assert name not in {endpoint["targetRef"]["name"] for endpoint in (await endpoints(web)).values()}


async def test_not_ready_addresses_are_published_on_request(web):
    await web.ask("PATCH", f"{SERVICES}/web", {"spec": {"publishNotReadyAddresses": True}}, MERGE)
    for name in await web.names(PODS):
        web.kubelets.report(Key("pods", "default", name), ready=False)
    web.cluster.settle()
    assert [e["conditions"]["ready"] for e in (await endpoints(web)).values()] == [True, True]


async def test_a_selector_that_changes_changes_the_endpoints(web):
    await web.ask("PATCH", f"{SERVICES}/web", {"spec": {"selector": {"app": "db"}}}, MERGE)
    assert await endpoints(web) == {}
    await web.ask("PATCH", f"{SERVICES}/web", {"spec": {"selector": {"app": "web"}}}, MERGE)
    assert len(await endpoints(web)) == 2


async def test_a_pod_whose_labels_change_leaves_and_comes(web):
    name = (await web.names(PODS))[0]
    await web.ask("PATCH", f"{PODS}/{name}", {"metadata": {"labels": {"app": "db"}}}, MERGE)
    assert name not in {endpoint["targetRef"]["name"] for endpoint in (await endpoints(web)).values()}
    await web.ask("PATCH", f"{PODS}/{name}", {"metadata": {"labels": {"app": "web"}}}, MERGE)
    assert name in {endpoint["targetRef"]["name"] for endpoint in (await endpoints(web)).values()}


async def test_a_service_without_pods_has_one_empty_slice(server):
    await server.ask("POST", SERVICES, server.service("web"))
    (piece,) = (await server.get(SLICES + "web"))["items"]
    assert piece["endpoints"] == []


async def test_slices_of_a_deleted_service_go(web):
    await web.ask("DELETE", f"{SERVICES}/web")
    assert await web.names(SLICES + "web") == []
    assert await web.names(ENDPOINTS) == ["kubernetes"]


async def test_many_endpoints_are_spread_over_slices_and_a_change_touches_one(server):
    await server.add_nodes("one")
    await server.ask("POST", SERVICES, server.service("web"))
    await server.ask("POST", "/apis/apps/v1/namespaces/default/deployments", server.deployment("web", replicas=250))
    server.run()
    assert sorted(len(piece["endpoints"]) for piece in (await server.get(SLICES + "web"))["items"]) == [50, 100, 100]
    revision = server.store.revision
    server.kubelets.report(Key("pods", "default", (await server.names(PODS))[0]), ready=False)
    server.cluster.settle()
    written = Counter(change.now.key.resource for change in server.store.since(revision))
    assert written["endpointslices.discovery.k8s.io"] == 1


async def test_pods_that_name_a_port_differently_are_in_slices_of_their_own(web):
    container = {"name": "c", "image": "c:1", "ports": [{"name": "http", "containerPort": 9090}]}
    body = web.pod("odd", nodeName="one", containers=[container])
    body["metadata"]["labels"] = {"app": "web"}
    await web.ask("POST", PODS, body)
    web.run()
    pieces = (await web.get(SLICES + "web"))["items"]
    assert sorted((piece["ports"][0]["port"], len(piece["endpoints"])) for piece in pieces) == [(8080, 2), (9090, 1)]


async def test_what_someone_else_breaks_is_put_right(web):
    (piece,) = (await web.get(SLICES + "web"))["items"]
    path = f"/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/{piece['metadata']['name']}"
    await web.ask("PATCH", path, {"endpoints": []}, MERGE)
    assert len(await endpoints(web)) == 2
    await web.ask("DELETE", path)
    assert len(await endpoints(web)) == 2


async def test_endpoints_of_a_service_without_a_selector_are_left_alone(server):
    body = server.service("db")
    del body["spec"]["selector"]
    await server.ask("POST", SERVICES, body)
    given = {"metadata": {"name": "db"}, "subsets": [{"addresses": [{"ip": "192.0.2.1"}], "ports": [{"port": 1}]}]}
    await server.ask("POST", ENDPOINTS, given)
    assert (await server.get(f"{ENDPOINTS}/db"))["subsets"] == given["subsets"]


async def test_the_kubernetes_service_has_the_advertised_endpoint(server):
    (piece,) = (await server.get(SLICES + "kubernetes"))["items"]
    assert (piece["metadata"]["name"], piece["endpoints"][0]["addresses"]) == ("kubernetes", ["172.16.0.1"])
    assert piece["ports"] == [{"name": "https", "protocol": "TCP", "port": 6443}]
    await server.ask("DELETE", f"{SERVICES}/kubernetes")
    assert (await server.get(f"{SERVICES}/kubernetes"))["spec"]["clusterIP"] == "10.96.0.1"
