from pathlib import Path

import msgspec
import pytest
import yaml

from midonet_kubernetes.kubernetes_api.embedded.controllers.first_objects import translation_definition
from midonet_kubernetes.model.translation import Condition, PushedResource, Resource, Translation, TranslationStatus

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
BASE = "/apis/midonet.org/v1/namespaces/default/translations"
MERGE = "application/merge-patch+json"
CHAIN = {"kind": "Chain", "parent": "", "body": '{"id":"x"}'}


def translation(name="a", resources=(CHAIN,), **more):
    return {
        "apiVersion": "midonet.org/v1",
        "kind": "Translation",
        "metadata": {"name": name},
        "resources": list(resources),
        **more,
    }


def box(**more):
    return {"kind": "Box", "metadata": {"name": "a"}, **more}


def definition(**version):
    schema = {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer", "default": 3}}}},
    }
    return {
        "metadata": {"name": "boxes.x.org"},
        "spec": {
            "group": "x.org",
            "scope": "Cluster",
            "names": {"kind": "Box", "plural": "boxes"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}, **version}],
        },
    }


def test_the_packaged_definition_is_the_one_to_deploy():
    root = next(parent for parent in Path(__file__).parents if (parent / "pyproject.toml").exists())
    assert yaml.safe_load((root / "deploy/translation.yaml").read_text()) == translation_definition()


@pytest.mark.parametrize(
    ("struct", "path"),
    [
        (Translation, ()),
        (Resource, ("resources", "items")),
        (TranslationStatus, ("status",)),
        (PushedResource, ("status", "pushed", "items")),
        (Condition, ("status", "conditions", "items")),
    ],
)
def test_the_schema_names_every_field_of_the_model(struct, path):
    schema = translation_definition()["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    for part in path:
        schema = schema["items"] if part == "items" else schema["properties"][part]
    assert {field.encode_name for field in msgspec.structs.fields(struct)} <= set(schema["properties"])


async def test_translations_are_served_from_the_start(server):
    made = await server.ask("POST", BASE, translation(status={"resourcesPushed": 1}))
    assert "status" not in made
    status = {"status": {"resourcesPushed": 1, "conditions": [{"type": "Pushed", "status": "True"}]}}
    await server.ask("PATCH", f"{BASE}/a/status", status, MERGE)
    accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
    table = await server.ask("GET", BASE, Accept=accept)
    assert [column["name"] for column in table["columnDefinitions"]][:5] == ["Name", "Ready", "Resources", "Owner", "Age"]
    assert table["rows"][0]["cells"][:5] == ["a", "True", 1, None, "0s"]


@pytest.mark.parametrize(
    ("resources", "field"),
    [
        ([{"kind": "Chain", "parent": ""}], "resources[0].body"),
        ([{**CHAIN, "body": "no json"}], "resources[0].body"),
        ([{**CHAIN, "body": '{"a":\n1}\n'}], "resources[0].body"),
        ([{**CHAIN, "kind": "chain"}], "resources[0].kind"),
        ([{**CHAIN, "parent": "ABC"}], "resources[0].parent"),
        (["text"], "resources[0]"),
    ],
)
async def test_a_broken_translation_is_refused(server, resources, field):
    status = await server.refuse("POST", BASE, translation(resources=resources))
    assert (status["code"], [cause["field"] for cause in status["details"]["causes"]]) == (422, [field])


async def test_unknown_fields_are_pruned_or_refused_as_the_client_wishes(server):
    status = await server.refuse("POST", f"{BASE}?fieldValidation=Strict", translation(colour="red"))
    assert (status["code"], status["message"]) == (
        400,
        'Translation in version "v1" cannot be handled as a Translation: strict decoding error: unknown field "colour"',
    )
    assert "colour" not in await server.ask("POST", BASE, translation(colour="red"))


async def test_a_strategic_patch_of_a_custom_resource_is_an_unsupported_media_type(server):
    await server.ask("POST", BASE, translation())
    assert (await server.refuse("PATCH", f"{BASE}/a", {}, "application/strategic-merge-patch+json"))["code"] == 415


async def test_a_definition_is_served_with_its_defaults_and_is_established(server):
    made = await server.ask("POST", CRDS, definition())
    conditions = {condition["type"]: condition["status"] for condition in made["status"]["conditions"]}
    assert conditions == {"NamesAccepted": "True", "Established": "True"}
    assert (await server.ask("POST", "/apis/x.org/v1/boxes", box(spec={})))["spec"] == {"size": 3}
    resources = (await server.get("/apis/x.org/v1"))["resources"]
    assert [(r["name"], r["singularName"], r["namespaced"]) for r in resources] == [("boxes", "box", False)]


async def test_without_a_status_subresource_status_is_written_with_the_rest(server):
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    await server.ask("POST", CRDS, definition(schema=schema))
    made = await server.ask("POST", "/apis/x.org/v1/boxes", box(status={"x": 1}))
    assert made["status"] == {"x": 1}
    assert (await server.refuse("PUT", "/apis/x.org/v1/boxes/a/status", made))["code"] == 405


async def test_the_scale_of_a_custom_resource(server):
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    scale = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}
    await server.ask("POST", CRDS, definition(schema=schema, subresources={"scale": scale}))
    await server.ask("POST", "/apis/x.org/v1/boxes", box(spec={"size": 3}))
    await server.ask("PATCH", "/apis/x.org/v1/boxes/a/scale", {"spec": {"replicas": 5}}, MERGE)
    assert (await server.get("/apis/x.org/v1/boxes/a"))["spec"] == {"size": 5}


async def test_a_deleted_definition_takes_its_objects_along(server):
    await server.ask("POST", CRDS, definition())
    await server.ask("POST", "/apis/x.org/v1/boxes", {"kind": "Box", "metadata": {"name": "a", "finalizers": ["x.org/wait"]}})
    await server.ask("DELETE", f"{CRDS}/boxes.x.org")
    assert await server.names("/apis/x.org/v1/boxes") == ["a"]
    await server.ask("PATCH", "/apis/x.org/v1/boxes/a", {"metadata": {"finalizers": None}}, MERGE)
    assert (await server.refuse("GET", f"{CRDS}/boxes.x.org"))["code"] == 404
    assert (await server.refuse("GET", "/apis/x.org/v1/boxes"))["code"] == 404


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"group": "y.org"}, "metadata.name"),
        ({"scope": "Everywhere"}, "spec.scope"),
        ({"names": {"kind": "Box"}}, "spec.names.plural"),
        ({"versions": []}, "spec.versions"),
        ({"versions": [{"name": "v1", "served": True, "storage": True}]}, "spec.versions[0].schema.openAPIV3Schema"),
    ],
)
async def test_a_broken_definition_is_refused(server, change, field):
    broken = definition()
    broken["spec"] |= change
    status = await server.refuse("POST", CRDS, broken)
    assert field in [cause["field"] for cause in status["details"]["causes"]]


async def test_definitions_are_known_after_a_restart(server):
    await server.ask("POST", CRDS, definition())
    again = type(server)(server.store)
    assert await again.names("/apis/x.org/v1/boxes") == []
