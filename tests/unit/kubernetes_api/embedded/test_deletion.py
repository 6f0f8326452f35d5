import pytest

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"


def owned(server, name, owner, **more):
    reference = {"apiVersion": "v1", "kind": owner["kind"], "name": owner["metadata"]["name"], "uid": owner["metadata"]["uid"]}
    return server.config_map(name, ownerReferences=[{**reference, **more}])


async def test_an_object_with_finalizers_stays_until_the_last_is_gone(server):
    await server.ask("POST", MAPS, server.config_map("a", finalizers=["x.org/one", "x.org/two"]))
    answer = await server.ask("DELETE", f"{MAPS}/a")
    assert answer["metadata"]["deletionTimestamp"] == "2026-01-02T03:04:05Z"
    await server.ask("PATCH", f"{MAPS}/a", {"metadata": {"finalizers": ["x.org/two"]}}, MERGE)
    status = await server.refuse("PATCH", f"{MAPS}/a", {"metadata": {"finalizers": ["x.org/two", "x.org/new"]}}, MERGE)
    assert status["code"] == 422
    await server.ask("PATCH", f"{MAPS}/a", {"metadata": {"finalizers": None}}, MERGE)
    assert (await server.refuse("GET", f"{MAPS}/a"))["code"] == 404
    assert [change.type for change in server.store.since(server.store.revision - 1)] == ["DELETED"]


@pytest.mark.parametrize(("name", "value"), [("uid", "other"), ("resourceVersion", "1")])
async def test_a_precondition_that_does_not_hold_is_a_conflict(server, name, value):
    await server.ask("POST", MAPS, server.config_map("a"))
    status = await server.refuse("DELETE", f"{MAPS}/a", {"preconditions": {name: value}})
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert await server.names(MAPS) == ["a"]


async def test_a_pod_on_a_node_goes_when_its_kubelet_confirms(server):
    await server.ask("POST", PODS, server.pod("a", nodeName="n1"))
    answer = await server.ask("DELETE", f"{PODS}/a")
    assert answer["metadata"]["deletionTimestamp"] == "2026-01-02T03:04:35Z"
    assert answer["metadata"]["deletionGracePeriodSeconds"] == 30
    again = await server.ask("DELETE", f"{PODS}/a")
    assert again == answer
    sooner = await server.ask("DELETE", f"{PODS}/a", {"gracePeriodSeconds": 5})
    assert sooner["metadata"]["deletionTimestamp"] == "2026-01-02T03:04:10Z"
    await server.ask("DELETE", f"{PODS}/a", {"gracePeriodSeconds": 0})
    assert (await server.refuse("GET", f"{PODS}/a"))["code"] == 404


async def test_a_pod_that_no_kubelet_looks_after_goes_at_once(server):
    await server.ask("POST", PODS, server.pod("a"))
    await server.ask("POST", PODS, server.pod("b", nodeName="n1"))
    await server.ask("PATCH", f"{PODS}/b/status", {"status": {"phase": "Succeeded"}}, MERGE)
    await server.ask("DELETE", f"{PODS}/a")
    await server.ask("DELETE", f"{PODS}/b")
    assert await server.names(PODS) == []


async def test_what_belongs_to_a_deleted_object_is_deleted(server):
    owner = await server.ask("POST", MAPS, server.config_map("owner"))
    child = await server.ask("POST", MAPS, owned(server, "child", owner))
    await server.ask("POST", MAPS, owned(server, "grandchild", child))
    await server.ask("DELETE", f"{MAPS}/owner")
    assert await server.names(MAPS) == []


async def test_an_object_whose_owner_was_never_there_is_deleted(server):
    owner = {"kind": "ConfigMap", "metadata": {"name": "none", "uid": "none"}}
    await server.ask("POST", MAPS, owned(server, "child", owner))
    assert await server.names(MAPS) == []


async def test_an_object_with_another_living_owner_stays_without_the_reference(server):
    one = await server.ask("POST", MAPS, server.config_map("one"))
    two = await server.ask("POST", MAPS, server.config_map("two"))
    child = owned(server, "child", one)
    child["metadata"]["ownerReferences"] += owned(server, "child", two)["metadata"]["ownerReferences"]
    await server.ask("POST", MAPS, child)
    await server.ask("DELETE", f"{MAPS}/one")
    references = (await server.get(f"{MAPS}/child"))["metadata"]["ownerReferences"]
    assert [reference["name"] for reference in references] == ["two"]


async def test_an_orphaning_deletion_leaves_the_dependents(server):
    owner = await server.ask("POST", MAPS, server.config_map("owner"))
    await server.ask("POST", MAPS, owned(server, "child", owner))
    await server.ask("DELETE", f"{MAPS}/owner", {"propagationPolicy": "Orphan"})
    assert await server.names(MAPS) == ["child"]
    assert "ownerReferences" not in (await server.get(f"{MAPS}/child"))["metadata"]


async def test_a_foreground_deletion_waits_for_the_dependents_that_block_it(server):
    owner = await server.ask("POST", MAPS, server.config_map("owner"))
    child = owned(server, "child", owner, blockOwnerDeletion=True)
    child["metadata"]["finalizers"] = ["x.org/wait"]
    await server.ask("POST", MAPS, child)
    await server.ask("DELETE", f"{MAPS}/owner", {"propagationPolicy": "Foreground"})
    assert (await server.get(f"{MAPS}/owner"))["metadata"]["finalizers"] == ["foregroundDeletion"]
    await server.ask("PATCH", f"{MAPS}/child", {"metadata": {"finalizers": None}}, MERGE)
    assert await server.names(MAPS) == []


async def test_an_unknown_propagation_policy_is_refused(server):
    await server.ask("POST", MAPS, server.config_map("a"))
    assert (await server.refuse("DELETE", f"{MAPS}/a", {"propagationPolicy": "Sideways"}))["code"] == 422


async def test_a_namespace_goes_after_its_contents(server):
    await server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    base = "/api/v1/namespaces/shop/configmaps"
    await server.ask("POST", base, server.config_map("a", finalizers=["x.org/wait"]))
    await server.ask("POST", base, server.config_map("b"))
    await server.ask("DELETE", "/api/v1/namespaces/shop")
    assert (await server.get("/api/v1/namespaces/shop"))["status"]["phase"] == "Terminating"
    assert await server.names(base) == ["a"]
    status = await server.refuse("POST", base, server.config_map("c"))
    assert status["reason"] == "Forbidden"
    assert "because it is being terminated" in status["message"]
    await server.ask("PATCH", f"{base}/a", {"metadata": {"finalizers": None}}, MERGE)
    assert (await server.refuse("GET", "/api/v1/namespaces/shop"))["code"] == 404
    assert server.store.all("serviceaccounts", "shop") == []


async def test_the_default_namespace_stays(server):
    assert (await server.refuse("DELETE", "/api/v1/namespaces/default"))["code"] == 403
