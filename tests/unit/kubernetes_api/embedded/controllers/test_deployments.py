import pytest

BASE = "/apis/apps/v1/namespaces/default/deployments"
SETS = "/apis/apps/v1/namespaces/default/replicasets"
PODS = "/api/v1/namespaces/default/pods"
MERGE = "application/merge-patch+json"


async def images(server):
    pods = (await server.get(PODS))["items"]
    return sorted(pod["spec"]["containers"][0]["image"] for pod in pods if "deletionTimestamp" not in pod["metadata"])


async def condition(server, kind, name="web"):
    conditions = (await server.get(f"{BASE}/{name}"))["status"]["conditions"]
    return next(entry for entry in conditions if entry["type"] == kind)


async def set_image(server, image):
    containers = server.deployment("web", image=image)["spec"]["template"]["spec"]["containers"]
    await server.ask("PATCH", f"{BASE}/web", {"spec": {"template": {"spec": {"containers": containers}}}}, MERGE)


@pytest.fixture
async def web(server):
    await server.add_nodes("one", "two")
    await server.ask("POST", BASE, server.deployment("web", replicas=4))
    server.run()
    return server


async def test_a_deployment_becomes_ready_pods(web):
    status = (await web.get(f"{BASE}/web"))["status"]
    assert {name: status[name] for name in ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")} == {
        "replicas": 4,
        "updatedReplicas": 4,
        "readyReplicas": 4,
        "availableReplicas": 4,
    }
    assert status["observedGeneration"] == 1
    assert (await condition(web, "Available"))["status"] == "True"
    assert (await condition(web, "Progressing"))["reason"] == "NewReplicaSetAvailable"
    pods = (await web.get(PODS))["items"]
    assert sorted(pod["spec"]["nodeName"] for pod in pods) == ["one", "one", "two", "two"]


async def test_scaling_changes_the_number_of_pods(web):
    for replicas in (7, 2, 0, 3):
        await web.ask("PATCH", f"{BASE}/web/scale", {"spec": {"replicas": replicas}}, MERGE)
        web.run()
        assert len(await web.names(PODS)) == replicas
        assert (await web.get(f"{BASE}/web/scale"))["status"]["replicas"] == replicas


async def test_a_new_template_replaces_the_pods_and_never_has_too_few_ready(web):
    ready = []

    def watch(change):
        if change.now.key.resource == "pods":
            pods = [stored.body() for stored in web.store.all("pods")]
            ready.append(sum(p["status"]["phase"] == "Running" and "deletionTimestamp" not in p["metadata"] for p in pods))

    end = web.store.subscribe(watch)
    await set_image(web, "c:2")
    web.run()
    end()
    assert await images(web) == ["c:2"] * 4
    assert min(ready) >= 3
    assert len(await web.names(SETS)) == 2


async def test_a_template_that_does_not_become_ready_stops_the_rollout(web):
    web.kubelets.work = lambda: None
    await set_image(web, "c:broken")
    assert await images(web) == ["c:1"] * 3 + ["c:broken"] * 2
    assert (await condition(web, "Available"))["status"] == "True"
    assert (await condition(web, "Progressing"))["reason"] == "ReplicaSetUpdated"


async def test_going_back_to_an_old_template_uses_its_replica_set_again(web):
    await set_image(web, "c:2")
    web.run()
    await set_image(web, "c:1")
    web.run()
    assert await images(web) == ["c:1"] * 4
    assert len(await web.names(SETS)) == 2
    assert (await web.get(f"{BASE}/web"))["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


async def test_a_recreating_deployment_ends_the_old_pods_first(server):
    await server.add_nodes("one")
    await server.ask("POST", BASE, server.deployment("web", replicas=2, strategy={"type": "Recreate"}))
    server.run()
    await set_image(server, "c:2")
    assert await images(server) == []
    assert len(await server.names(PODS)) == 2  # the old ones, which are ending
    server.run()
    assert await images(server) == ["c:2"] * 2


async def test_a_pod_that_is_lost_or_fails_is_replaced(web):
    first, second, *_ = await web.names(PODS)
    await web.ask("DELETE", f"{PODS}/{first}", {"gracePeriodSeconds": 0})
    await web.ask("PATCH", f"{PODS}/{second}/status", {"status": {"phase": "Failed"}}, MERGE)
    web.run()
    names = await web.names(PODS)
    assert first not in names
    assert len(names) == 5  # the failed one is kept to be looked at


async def test_deleting_a_deployment_deletes_its_sets_and_pods(web):
    await web.ask("DELETE", f"{BASE}/web")
    web.run()
    assert await web.names(SETS) == await web.names(PODS) == []


async def test_a_foreground_deletion_of_a_deployment_ends(web):
    await web.ask("DELETE", f"{BASE}/web", {"propagationPolicy": "Foreground"})
    assert await web.names(BASE) == ["web"]
    web.run()
    assert await web.names(BASE) == await web.names(SETS) == await web.names(PODS) == []


async def test_only_so_many_old_sets_are_kept(server):
    await server.ask("POST", BASE, server.deployment("web", replicas=0, revisionHistoryLimit=2))
    for number in range(5):
        await set_image(server, f"c:{number}")
    assert len(await server.names(SETS)) == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"replicas": -1}, "spec.replicas"),
        ({"selector": {"matchLabels": {"app": "other"}}}, "spec.template.metadata.labels"),
        ({"selector": {}}, "spec.selector"),
        ({"selector": {"matchExpressions": [{"key": "a", "operator": "Is"}]}}, "spec.selector.matchExpressions[0].operator"),
        ({"template": {"metadata": {"labels": {"app": "web"}}}}, "spec.template.spec.containers"),
        ({"strategy": {"type": "Slowly"}}, "spec.strategy"),
        ({"strategy": {"rollingUpdate": {"maxSurge": "some"}}}, "spec.strategy.rollingUpdate.maxSurge"),
    ],
)
async def test_a_broken_deployment_is_refused(server, change, field):
    body = server.deployment("web")
    body["spec"] |= change
    status = await server.refuse("POST", BASE, body)
    assert status["code"] == 422
    assert field in [cause["field"] for cause in status["details"]["causes"]]
