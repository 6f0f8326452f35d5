from collections import Counter

PODS = "/api/v1/namespaces/default/pods"
MERGE = "application/merge-patch+json"


async def places(server):
    return {pod["metadata"]["name"]: pod["spec"].get("nodeName") for pod in (await server.get(PODS))["items"]}


async def test_pods_are_spread_over_the_ready_nodes(server):
    await server.add_nodes("one", "two", "three")
    await server.ask("POST", "/api/v1/nodes", {"metadata": {"name": "broken"}})
    for number in range(9):
        await server.ask("POST", PODS, server.pod(f"p{number}"))
    assert Counter((await places(server)).values()) == {"one": 3, "two": 3, "three": 3}


async def test_a_pod_waits_for_a_node_that_takes_it(server):
    await server.ask("POST", PODS, server.pod("a", nodeSelector={"disk": "fast"}))
    await server.add_nodes("one")
    waiting = await server.get(f"{PODS}/a")
    assert "nodeName" not in waiting["spec"]
    assert [(c["status"], c["reason"]) for c in waiting["status"]["conditions"]] == [("False", "Unschedulable")]
    await server.ask("PATCH", "/api/v1/nodes/one", {"metadata": {"labels": {"disk": "fast"}}}, MERGE)
    placed = await server.get(f"{PODS}/a")
    assert placed["spec"]["nodeName"] == "one"
    assert [(c["type"], c["status"]) for c in placed["status"]["conditions"]] == [("PodScheduled", "True")]


async def test_a_cordoned_node_takes_no_pods(server):
    await server.add_nodes("one")
    await server.ask("PATCH", "/api/v1/nodes/one", {"spec": {"unschedulable": True}}, MERGE)
    await server.ask("POST", PODS, server.pod("a"))
    assert (await places(server))["a"] is None
    await server.ask("PATCH", "/api/v1/nodes/one", {"spec": {"unschedulable": None}}, MERGE)
    assert (await places(server))["a"] == "one"


async def test_a_pod_that_names_its_node_is_left_there(server):
    await server.add_nodes("one")
    await server.ask("POST", PODS, server.pod("a", nodeName="other"))
    assert (await places(server))["a"] == "other"


async def test_a_pod_is_bound_once(server):
    await server.ask("POST", PODS, server.pod("a"))
    await server.ask("POST", f"{PODS}/a/binding", {"metadata": {"name": "a"}, "target": {"kind": "Node", "name": "n1"}})
    assert (await places(server))["a"] == "n1"
    assert (await server.refuse("POST", f"{PODS}/a/binding", {"metadata": {"name": "a"}, "target": {"name": "n2"}}))[
        "code"
    ] == 409
    assert (await server.refuse("POST", f"{PODS}/a/binding", {"metadata": {"name": "a"}, "target": {}}))["code"] == 422


async def test_each_node_has_a_network_of_its_own_and_a_freed_one_is_used_again(server):
    await server.add_nodes("one", "two")
    await server.ask("POST", "/api/v1/nodes", {"metadata": {"name": "own"}, "spec": {"podCIDR": "10.244.2.0/24"}})
    await server.add_nodes("three")

    async def networks():
        return {node["metadata"]["name"]: node["spec"]["podCIDR"] for node in (await server.get("/api/v1/nodes"))["items"]}

    assert await networks() == {
        "one": "10.244.0.0/24",
        "two": "10.244.1.0/24",
        "own": "10.244.2.0/24",
        "three": "10.244.3.0/24",
    }
    await server.ask("DELETE", "/api/v1/nodes/one")
    await server.add_nodes("four")
    assert (await networks())["four"] == "10.244.0.0/24"


async def test_a_network_once_given_stays_and_a_bad_one_is_refused(server):
    await server.add_nodes("one")
    status = await server.refuse("PATCH", "/api/v1/nodes/one", {"spec": {"podCIDR": "10.244.9.0/24"}}, MERGE)
    assert status["code"] == 422
    bad = {"metadata": {"name": "bad"}, "spec": {"podCIDR": "10.244.0.0/99"}}
    assert (await server.refuse("POST", "/api/v1/nodes", bad))["code"] == 422


async def test_the_pods_of_a_deleted_node_go(server):
    await server.add_nodes("one", "two")
    for number in range(4):
        await server.ask("POST", PODS, server.pod(f"p{number}"))
    await server.ask("DELETE", "/api/v1/nodes/one")
    assert set((await places(server)).values()) == {"two"}
