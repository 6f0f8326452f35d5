from midonet_kubernetes.kubernetes_api.embedded.catalogue import BUILT_IN


async def test_every_kind_is_found_through_discovery(server):
    found = set()
    paths = ["/api/v1"]
    for group in (await server.get("/apis"))["groups"]:
        assert (await server.get(f"/apis/{group['name']}"))["versions"] == group["versions"]
        paths += [f"/apis/{version['groupVersion']}" for version in group["versions"]]
    for path in paths:
        listed = await server.get(path)
        found |= {(listed["groupVersion"], entry["name"]) for entry in listed["resources"]}
    wanted = {(resource.api_version, resource.plural) for resource in BUILT_IN}
    assert wanted | {("midonet.org/v1", "translations"), ("apps/v1", "deployments/scale"), ("v1", "pods/status")} <= found


async def test_every_group_has_an_openapi_document_that_leaves_validation_to_the_server(server):
    index = await server.get("/openapi/v3")
    for path, entry in index["paths"].items():
        document = await server.get(entry["serverRelativeURL"])
        for operations in document["paths"].values():
            assert "fieldValidation" in [parameter["name"] for parameter in operations["patch"]["parameters"]], path
    custom = await server.get("/openapi/v3/apis/midonet.org/v1")
    assert "resources" in custom["components"]["schemas"]["midonet.org.v1.Translation"]["properties"]


async def test_what_is_not_served_has_no_document(server):
    for path in ("/apis/none", "/apis/none/v1", "/apis/apps/v9", "/api/v9"):
        assert (await server.refuse("GET", path))["code"] == 404


async def test_health_and_version(server):
    for path in ("/healthz", "/livez", "/readyz"):
        assert (await server.send("GET", path)).body == b"ok"
    assert (await server.get("/version"))["gitVersion"].startswith("v1.35")
