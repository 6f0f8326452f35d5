import json

import pytest

BASE = "/api/v1/namespaces/default/configmaps"
MERGE = "application/merge-patch+json"


async def test_a_created_object_gets_what_the_server_sets(server):
    made = await server.ask(
        "POST", BASE, {**server.config_map("a"), "metadata": {"name": "a", "uid": "mine", "creationTimestamp": None}}
    )
    about = made["metadata"]
    assert about["creationTimestamp"] == "2026-01-02T03:04:05Z"
    assert about["uid"] != "mine"
    assert about["namespace"] == "default"
    assert about["resourceVersion"] == str(server.store.revision)
    assert (made["apiVersion"], made["kind"]) == ("v1", "ConfigMap")
    assert await server.get(f"{BASE}/a") == made


async def test_a_generated_name_is_made_of_the_prefix_and_five_characters(server):
    made = await server.ask("POST", BASE, {"metadata": {"generateName": "web-"}})
    assert made["metadata"]["name"].startswith("web-")
    assert len(made["metadata"]["name"]) == len("web-") + 5


async def test_a_second_object_of_the_same_name_is_refused(server):
    await server.ask("POST", BASE, server.config_map("a"))
    status = await server.refuse("POST", BASE, server.config_map("a"))
    assert (status["code"], status["reason"], status["message"]) == (409, "AlreadyExists", 'configmaps "a" already exists')
    assert status["details"] == {"name": "a", "kind": "configmaps"}


async def test_what_is_not_there_is_not_found(server):
    assert (await server.refuse("GET", f"{BASE}/a"))["message"] == 'configmaps "a" not found'
    status = await server.refuse("GET", "/apis/apps/v1/namespaces/default/deployments/a")
    assert status["message"] == 'deployments.apps "a" not found'
    assert (await server.refuse("POST", "/api/v1/namespaces/none/configmaps", server.config_map("a")))["message"] == (
        'namespaces "none" not found'
    )
    for path in ("/api/v1/nothing", "/apis/none/v1/things", "/apis/apps/v1/namespaces/default/deployments/a/nothing", "/nothing"):
        assert (await server.refuse("GET", path))["reason"] == "NotFound"


async def test_replacing_with_an_old_revision_is_a_conflict(server):
    old = await server.ask("POST", BASE, server.config_map("a"))
    await server.ask("PUT", f"{BASE}/a", {**old, "data": {"a": "2"}})
    status = await server.refuse("PUT", f"{BASE}/a", {**old, "data": {"a": "3"}})
    assert (status["code"], status["reason"]) == (409, "Conflict")
    assert "the object has been modified" in status["message"]
    del old["metadata"]["resourceVersion"]
    assert (await server.ask("PUT", f"{BASE}/a", {**old, "data": {"a": "3"}}))["data"] == {"a": "3"}


async def test_a_patch_with_an_old_revision_is_a_conflict(server):
    await server.ask("POST", BASE, server.config_map("a"))
    patch = {"metadata": {"resourceVersion": "1"}, "data": {"a": "2"}}
    assert (await server.refuse("PATCH", f"{BASE}/a", patch, MERGE))["reason"] == "Conflict"


async def test_a_write_that_changes_nothing_is_no_change(server):
    made = await server.ask("POST", BASE, server.config_map("a"))
    assert await server.ask("PUT", f"{BASE}/a", made) == made
    assert await server.ask("PATCH", f"{BASE}/a", {"data": {"a": "1"}}, MERGE) == made


async def test_the_generation_counts_changes_of_what_is_wanted_only(server):
    path = "/apis/apps/v1/namespaces/default/deployments"
    await server.ask("POST", path, server.deployment("web"))
    assert (await server.get(f"{path}/web"))["metadata"]["generation"] == 1
    await server.ask("PATCH", f"{path}/web", {"metadata": {"labels": {"a": "b"}}}, MERGE)
    await server.ask("PATCH", f"{path}/web/status", {"status": {"readyReplicas": 1}}, MERGE)
    assert (await server.get(f"{path}/web"))["metadata"]["generation"] == 1
    await server.ask("PATCH", f"{path}/web", {"spec": {"replicas": 1}}, MERGE)
    assert (await server.get(f"{path}/web"))["metadata"]["generation"] == 2


async def test_status_is_written_by_its_subresource_only_and_writes_nothing_else(server):
    path = "/api/v1/namespaces/default/pods"
    made = await server.ask("POST", path, {**server.pod("a"), "status": {"phase": "Running"}})
    assert made["status"]["phase"] == "Pending"
    patch = {"metadata": {"labels": {"x": "1"}}, "spec": {"hostNetwork": True}, "status": {"phase": "Running"}}
    patched = await server.ask("PATCH", f"{path}/a/status", patch, MERGE)
    assert patched["status"]["phase"] == "Running"
    assert "hostNetwork" not in patched["spec"]
    patched = await server.ask("PATCH", f"{path}/a", {"status": {"phase": "Failed"}, "metadata": {"labels": {"x": "1"}}}, MERGE)
    assert (patched["status"]["phase"], patched["metadata"]["labels"]["x"]) == ("Running", "1")


async def test_the_kinds_of_patch_are_told_apart_by_their_media_type(server):
    await server.ask("POST", BASE, server.config_map("a", labels={"x": "1"}))
    operations = [{"op": "replace", "path": "/metadata/labels/x", "value": "2"}]
    assert (await server.ask("PATCH", f"{BASE}/a", operations, "application/json-patch+json"))["metadata"]["labels"] == {"x": "2"}
    patch = {"metadata": {"labels": {"x": None, "y": "1"}}}
    answer = await server.ask("PATCH", f"{BASE}/a", patch, "application/strategic-merge-patch+json")
    assert answer["metadata"]["labels"] == {"y": "1"}
    assert (await server.refuse("PATCH", f"{BASE}/a", {}, "text/plain"))["code"] == 415
    assert (await server.refuse("PATCH", f"{BASE}/a", {}, "application/json-patch+json"))["code"] == 400
    assert (await server.refuse("PATCH", f"{BASE}/a", [], MERGE))["code"] == 400


async def test_server_side_apply_makes_and_changes(server):
    document = b"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {x: '1'}\n"
    media = "application/apply-patch+yaml"
    assert (await server.send("PATCH", f"{BASE}/a?fieldManager=me", document, media)).status == 201
    answer = await server.ask("PATCH", f"{BASE}/a?fieldManager=me", document.replace(b"x:", b"y:"), media)
    assert answer["data"] == {"x": "1", "y": "1"}


async def test_a_dry_run_answers_and_stores_nothing(server):
    revision = server.store.revision
    assert (await server.ask("POST", f"{BASE}?dryRun=All", server.config_map("a")))["metadata"]["name"] == "a"
    assert server.store.revision == revision
    await server.ask("POST", BASE, server.config_map("a"))
    revision = server.store.revision
    assert (await server.ask("PATCH", f"{BASE}/a?dryRun=All", {"data": {"b": "2"}}, MERGE))["data"] == {"a": "1", "b": "2"}
    await server.ask("DELETE", f"{BASE}/a?dryRun=All")
    assert server.store.revision == revision


async def test_selectors_and_namespaces_choose_from_lists(server):
    await server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    for name, labels in (("a", {"x": "1"}), ("b", {"x": "2"}), ("c", {})):
        await server.ask("POST", BASE, server.config_map(name, labels=labels))
    await server.ask("POST", "/api/v1/namespaces/other/configmaps", server.config_map("d", labels={"x": "1"}))
    assert await server.names(f"{BASE}?labelSelector=x") == ["a", "b"]
    assert await server.names("/api/v1/configmaps?labelSelector=x%3D1") == ["a", "d"]
    assert await server.names(f"{BASE}?fieldSelector=metadata.name!%3Da") == ["b", "c"]
    assert (await server.refuse("GET", f"{BASE}?labelSelector=a,,"))["code"] == 400


async def test_all_pages_show_the_store_as_it_was_at_the_first(server):
    for number in range(10):
        await server.ask("POST", BASE, server.config_map(f"n{number}"))
    page = await server.get(f"{BASE}?limit=4")
    revision, names = page["metadata"]["resourceVersion"], [item["metadata"]["name"] for item in page["items"]]
    assert page["metadata"]["remainingItemCount"] == 6
    await server.ask("DELETE", f"{BASE}/n9")
    await server.ask("POST", BASE, server.config_map("n55"))
    while token := page["metadata"].get("continue"):
        page = await server.get(f"{BASE}?limit=4&continue={token}")
        assert page["metadata"]["resourceVersion"] == revision
        names += [item["metadata"]["name"] for item in page["items"]]
    assert names == [f"n{number}" for number in range(10)]


async def test_a_page_of_a_forgotten_list_is_expired(server):
    for number in range(3):
        await server.ask("POST", BASE, server.config_map(f"n{number}"))
    token = (await server.get(f"{BASE}?limit=1"))["metadata"]["continue"]
    for _ in range(100):
        await server.get(f"{BASE}?limit=1")
    status = await server.refuse("GET", f"{BASE}?limit=1&continue={token}")
    assert (status["code"], status["reason"]) == (410, "Expired")
    assert (await server.refuse("GET", f"{BASE}?limit=1&continue=rubbish"))["code"] == 400


async def test_a_list_at_a_revision_to_come_is_refused_with_a_hint_to_wait(server):
    status = await server.refuse("GET", f"{BASE}?resourceVersion={server.store.revision + 5}")
    assert (status["code"], status["details"]["retryAfterSeconds"]) == (504, 1)


async def test_a_collection_is_deleted_by_selector(server):
    for name, labels in (("a", {"x": "1"}), ("b", {"x": "2"})):
        await server.ask("POST", BASE, server.config_map(name, labels=labels))
    await server.ask("DELETE", f"{BASE}?labelSelector=x%3D1")
    assert await server.names(BASE) == ["b"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"{", 400),
        (b"[]", 400),
        (b'{"metadata": []}', 400),
        (b'{"kind": "Secret", "metadata": {"name": "a"}}', 400),
        (b'{"metadata": {"name": "a", "namespace": "other"}}', 400),
        (b'{"metadata": {"name": "a", "resourceVersion": "3"}}', 400),
        (b'{"metadata": {}}', 422),
        (b'{"metadata": {"name": "No_Name"}}', 422),
        (b'{"metadata": {"name": "a", "labels": {"a": "b c"}}}', 422),
        (b'{"metadata": {"name": "a", "labels": {"-": "b"}}}', 422),
    ],
)
async def test_what_is_no_object_of_the_kind_is_refused(server, body, code):
    assert (await server.refuse("POST", BASE, body))["code"] == code


async def test_a_field_of_the_wrong_type_is_named(server):
    status = await server.refuse(
        "POST", "/apis/apps/v1/namespaces/default/deployments", server.deployment("web", replicas="three")
    )
    assert status["code"] == 400
    assert "$.spec.replicas" in status["message"]


async def test_methods_that_a_resource_does_not_have(server):
    assert (await server.refuse("POST", f"{BASE}/a", server.config_map("a")))["code"] == 405
    assert (await server.refuse("GET", f"{BASE}/a/status"))["code"] == 405


async def test_a_table_has_the_columns_of_kubectl(server):
    await server.ask("POST", "/api/v1/namespaces/default/services", server.service("web"))
    server.clock.forward(600)
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
    table = await server.ask("GET", "/api/v1/namespaces/default/services", Accept=accept)
    assert [column["name"] for column in table["columnDefinitions"] if not column["priority"]] == (
        ["Name", "Type", "Cluster-IP", "External-IP", "Port(s)", "Age"]
    )
    cells = {row["cells"][0]: row["cells"] for row in table["rows"]}
    assert cells["kubernetes"][1:6] == ["ClusterIP", "10.96.0.1", "<none>", "443/TCP", "10m"]
    assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"


async def test_metadata_only_lists(server):
    await server.ask("POST", BASE, server.config_map("a"))
    accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"
    listed = await server.ask("GET", BASE, Accept=accept)
    assert listed["kind"] == "PartialObjectMetadataList"
    assert [sorted(item) for item in listed["items"]] == [["apiVersion", "kind", "metadata"]]


async def test_the_text_of_a_list_is_made_of_the_stored_texts(server):
    await server.ask("POST", BASE, server.config_map("a"))
    answer = await server.send("GET", BASE)
    assert server.store.all("configmaps")[0].raw in answer.body
    assert json.loads(answer.body)["kind"] == "ConfigMapList"


async def test_an_event_has_two_names_and_is_one_object(server):
    new, old = ("/apis/events.k8s.io/v1/namespaces/default/events", "/api/v1/namespaces/default/events")
    regarding = {"kind": "Pod", "name": "p", "namespace": "default"}
    event = {"metadata": {"name": "e"}, "regarding": regarding, "note": "hello", "reason": "R", "reportingController": "c"}
    made = await server.ask("POST", new, event)
    assert (made["apiVersion"], made["note"], made["regarding"]) == ("events.k8s.io/v1", "hello", regarding)
    seen = await server.get(f"{old}/e")
    assert (seen["apiVersion"], seen["message"], seen["involvedObject"]) == ("v1", "hello", regarding)
    await server.ask("PATCH", f"{new}/e", {"note": "again"}, MERGE)
    assert (await server.get(f"{old}?fieldSelector=involvedObject.name%3Dp"))["items"][0]["message"] == "again"
    assert (await server.get(new))["items"][0]["note"] == "again"
    assert (await server.get(new))["kind"] == "EventList"
    await server.ask("DELETE", f"{new}/e")
    assert await server.names(old) == []
