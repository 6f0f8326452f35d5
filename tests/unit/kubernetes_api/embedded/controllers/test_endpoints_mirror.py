import pytest

ENDPOINTS = "/api/v1/namespaces/default/endpoints"
SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices?labelSelector=kubernetes.io/service-name%3Ddb"
MERGE = "application/merge-patch+json"


def subset(*addresses, waiting=(), port=5432):
    return {
        "addresses": [{"ip": address} for address in addresses],
        "notReadyAddresses": [{"ip": address} for address in waiting],
        "ports": [{"port": port}],
    }


async def listed(server):
    pieces = (await server.get(SLICES))["items"]
    return sorted(
        (piece["ports"][0]["port"], endpoint["addresses"][0], endpoint["conditions"]["ready"])
        for piece in pieces
        for endpoint in piece["endpoints"]
    )


@pytest.fixture
async def db(server):
    body = server.service("db")
    del body["spec"]["selector"]
    await server.ask("POST", SERVICES, body)
    given = {"metadata": {"name": "db"}, "subsets": [subset("192.0.2.1", waiting=["192.0.2.2"]), subset("192.0.2.1", port=1)]}
    await server.ask("POST", ENDPOINTS, given)
    return server


async def test_each_subset_becomes_a_slice(db):
    assert await listed(db) == [(1, "192.0.2.1", True), (5432, "192.0.2.1", True), (5432, "192.0.2.2", False)]


async def test_changes_are_followed(db):
    await db.ask("PATCH", f"{ENDPOINTS}/db", {"subsets": [subset("192.0.2.9", "fd00::1")]}, MERGE)
    assert await listed(db) == [(5432, "192.0.2.9", True)]
    await db.ask("DELETE", f"{ENDPOINTS}/db")
    assert await listed(db) == []


async def test_a_service_that_gets_a_selector_is_no_longer_mirrored(db):
    await db.ask("PATCH", f"{SERVICES}/db", {"spec": {"selector": {"app": "db"}}}, MERGE)
    assert await listed(db) == []


async def test_endpoints_that_say_so_are_not_mirrored(db):
    await db.ask("PATCH", f"{ENDPOINTS}/db", {"metadata": {"labels": {"endpointslice.kubernetes.io/skip-mirror": "true"}}}, MERGE)
    assert await listed(db) == []
