import asyncio
import json
import socket

import aiohttp
import pytest

from midonet_kubernetes.kubernetes_api.embedded.http_face import HttpFace, Listeners

BASE = "/api/v1/namespaces/default/configmaps"


@pytest.fixture
async def session():
    async with aiohttp.ClientSession() as opened:
        yield opened


async def test_it_answers_on_made_and_on_inherited_sockets(server, session):
    with socket.create_server(("127.0.0.1", 0)) as inherited:
        face = HttpFace(server.api, Listeners([("127.0.0.1", 0), ("127.0.0.1", 0)], [inherited]))
        urls = await face.start()
        assert len(set(urls)) == 3
        for url in urls:
            async with session.get(f"{url}/version") as answer:
                assert (await answer.json())["minor"] == "35"
        await face.stop()


async def test_requests_and_watches_pass_through_and_a_stop_ends_watches_cleanly(server, session):
    face = HttpFace(server.api, Listeners([("127.0.0.1", 0)]))
    (url,) = await face.start()
    async with session.get(f"{url}{BASE}?watch=1") as watch:
        async with session.post(f"{url}{BASE}", json=server.config_map("a")) as made:
            assert made.status == 201
        event = json.loads(await watch.content.readline())
        assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "a")
        stopping = asyncio.ensure_future(face.stop())
        assert await watch.content.read() == b""
        await stopping


async def test_a_client_that_goes_away_ends_its_watch(server, session):
    face = HttpFace(server.api, Listeners([("127.0.0.1", 0)]))
    (url,) = await face.start()
    watch = await session.get(f"{url}{BASE}?watch=1")
    assert len(server.api._watches._watchers["configmaps"]) == 1
    watch.close()
    async with asyncio.timeout(5):
        while server.api._watches._watchers["configmaps"]:
            async with session.get(f"{url}/healthz") as answer:
                await answer.read()
    await face.stop()


async def test_a_name_with_escapes_is_read_as_it_was_meant(server, session):
    face = HttpFace(server.api, Listeners([("127.0.0.1", 0)]))
    (url,) = await face.start()
    path = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
    await server.ask("POST", path, {"metadata": {"name": "system:node x"}})
    async with session.get(f"{url}{path}/system%3Anode%20x") as answer:
        assert (await answer.json())["metadata"]["name"] == "system:node x"
    await face.stop()
