import asyncio
import json

import pytest

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.kubernetes_api.embedded import watches
from midonet_kubernetes.testing.virtual_time import turn

BASE = "/api/v1/namespaces/default/configmaps"


class Watch:
    def __init__(self, chunks):
        self.chunks, self.lines = chunks, []

    async def next(self):
        while not self.lines:
            self.lines = (await anext(self.chunks)).splitlines()
        event = json.loads(self.lines.pop(0))
        about = event["object"].get("metadata", {})
        return event["type"], about.get("name") or about.get("resourceVersion") or event["object"].get("code")

    async def rest(self):
        events = []
        try:
            while True:
                events.append(await self.next())
        except StopAsyncIteration:
            return events


@pytest.fixture
async def watch(server):
    contexts = []

    async def start(path=BASE, **query):
        text = "&".join(f"{name}={value}" for name, value in {"watch": "1", **query}.items())
        context = server.api.stream(Request("GET", f"{path}?{text}"))
        contexts.append(context)
        return Watch((await context.__aenter__()).chunks)

    yield start
    for context in contexts:
        await context.__aexit__(None, None, None)


async def make(server, name, **metadata):
    return await server.ask("POST", BASE, server.config_map(name, **metadata))


async def relabel(server, name, **labels):
    await server.ask("PATCH", f"{BASE}/{name}", {"metadata": {"labels": labels}}, "application/merge-patch+json")


async def test_a_watch_without_a_revision_starts_with_what_is_there(server, watch):
    await make(server, "a")
    stream = await watch()
    assert await stream.next() == ("ADDED", "a")
    await make(server, "b")
    await server.ask("DELETE", f"{BASE}/a")
    assert [await stream.next(), await stream.next()] == [("ADDED", "b"), ("DELETED", "a")]


async def test_a_watch_with_a_revision_goes_on_after_it(server, watch):
    first = await make(server, "a")
    await make(server, "b")
    await relabel(server, "a", x="1")
    stream = await watch(resourceVersion=first["metadata"]["resourceVersion"], timeoutSeconds=1)
    assert [await stream.next(), await stream.next()] == [("ADDED", "b"), ("MODIFIED", "a")]


async def test_objects_that_start_and_stop_matching_are_added_and_deleted(server, watch):
    revision = server.store.revision
    stream = await watch(labelSelector="x%3D1")
    await make(server, "a")
    await relabel(server, "a", x="1")
    await relabel(server, "a", y="2")
    await relabel(server, "a", x="2")
    await relabel(server, "a", z="2")
    await relabel(server, "a", x="1")
    await server.ask("DELETE", f"{BASE}/a")
    seen = [(await stream.next())[0] for _ in range(5)]
    assert seen == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
    replayed = await watch(labelSelector="x%3D1", resourceVersion=revision)
    assert [(await replayed.next())[0] for _ in range(5)] == seen


async def test_an_object_that_stops_matching_is_shown_as_it_was_at_the_revision_at_which_it_left(server, watch):
    await make(server, "a", labels={"x": "1"})
    stream = await watch(labelSelector="x%3D1", resourceVersion=server.store.revision)
    await relabel(server, "a", x="2")
    event = json.loads(await anext(stream.chunks))
    assert (event["type"], event["object"]["metadata"]["labels"]) == ("DELETED", {"x": "1"})
    assert event["object"]["metadata"]["resourceVersion"] == str(server.store.revision)


async def test_field_selectors_and_namespaces_hold_in_watches(server, watch):
    await server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "other"}})
    stream = await watch("/api/v1/configmaps", fieldSelector="metadata.name%3Db,metadata.namespace%3Ddefault")
    await make(server, "a")
    await server.ask("POST", "/api/v1/namespaces/other/configmaps", server.config_map("b"))
    await make(server, "b")
    event = json.loads(await anext(stream.chunks))
    assert event["object"]["metadata"]["namespace"] == "default"


async def test_a_revision_that_is_forgotten_is_an_error_in_the_stream(server, watch):
    await make(server, "a")
    server.store.forget_history()
    stream = await watch(resourceVersion=1)
    assert await stream.rest() == [("ERROR", 410)]


async def test_a_revision_of_another_life_is_expired_before_the_stream_starts(server):
    path = f"{BASE}?watch=1&resourceVersion={server.store.revision + 1}"
    async with server.api.stream(Request("GET", path)) as answer:
        body = json.loads(b"".join([chunk async for chunk in answer.chunks]))
    assert (answer.status, body["reason"]) == (410, "Expired")


@pytest.mark.looptime
async def test_bookmarks_come_at_intervals_and_the_watch_ends_in_time(server, watch):
    stream = await watch(resourceVersion=server.store.revision, allowWatchBookmarks="true", timeoutSeconds=25)
    start = asyncio.get_running_loop().time()
    await server.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "another"}})
    events = await stream.rest()
    assert events == [("BOOKMARK", str(server.store.revision))] * 2
    assert asyncio.get_running_loop().time() - start == 25


async def test_initial_events_end_with_a_marked_bookmark(server, watch):
    await make(server, "a")
    stream = await watch(sendInitialEvents="true", resourceVersionMatch="NotOlderThan", allowWatchBookmarks="true")
    assert await stream.next() == ("ADDED", "a")
    event = json.loads(stream.lines.pop(0))
    assert event["type"] == "BOOKMARK"
    assert event["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


async def test_initial_events_without_bookmarks_are_refused(server):
    async with server.api.stream(Request("GET", f"{BASE}?watch=1&sendInitialEvents=true")) as answer:
        assert answer.status == 422


async def test_a_watcher_that_does_not_read_is_told_to_list_again(server, watch, monkeypatch):
    monkeypatch.setattr(watches, "_MOST_BEHIND", 5)
    stream = await watch(resourceVersion=server.store.revision)
    reading = asyncio.ensure_future(stream.next())
    await turn()
    for number in range(10):
        await make(server, f"n{number}")
    assert [await reading, *await stream.rest()] == [("ERROR", 410)]


async def test_an_event_is_encoded_once_for_all_who_see_it(server, watch):
    streams = [await watch(resourceVersion=server.store.revision) for _ in range(3)]
    readings = [asyncio.ensure_future(anext(stream.chunks)) for stream in streams]
    await turn()
    await make(server, "a")
    chunks = await asyncio.gather(*readings)
    assert chunks[0] == chunks[1] == chunks[2]


async def test_closing_the_api_ends_every_watch_cleanly(server, watch):
    stream = await watch(resourceVersion=server.store.revision)
    reading = asyncio.ensure_future(stream.rest())
    await turn()
    server.api.close()
    assert await reading == []


async def test_a_table_watch_sends_rows(server):
    request = Request("GET", f"{BASE}?watch=1", {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"})
    await make(server, "a")
    async with server.api.stream(request) as answer:
        event = json.loads(await anext(answer.chunks))
    assert event["object"]["rows"][0]["cells"][:2] == ["a", 1]
