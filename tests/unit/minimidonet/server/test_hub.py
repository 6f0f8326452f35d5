from __future__ import annotations

import asyncio
import json

import pytest

from midonet_kubernetes.minimidonet.server import hub as hub_module
from midonet_kubernetes.minimidonet.server.hub import ALIVE_SECONDS, Hub
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.testing.virtual_time import turn

HOST, OTHER = "h1", "h2"
pytestmark = pytest.mark.looptime


def put(store: Store, kind: str, id_: str, **fields: object) -> None:
    with store.transaction() as transaction:
        transaction.put(kind, id_, {"id": id_, **fields})


def remove(store: Store, kind: str, id_: str) -> None:
    with store.transaction() as transaction:
        transaction.delete(kind, id_)


@pytest.fixture
def store():
    store = Store()
    put(store, "Host", HOST, name="one")
    put(store, "Router", "r1")
    return store


class Listener:
    """Reads a stream line by line."""

    def __init__(self, hub: Hub, host: str = HOST, store_id: str = "", revision: int | None = None) -> None:
        self._chunks = hub.lines(host, store_id, revision)
        self._lines: list[dict] = []

    async def line(self) -> dict:
        while not self._lines:
            chunk = await anext(self._chunks)
            assert chunk.endswith(b"\n")
            self._lines = [json.loads(line) for line in chunk.splitlines()]
        return self._lines.pop(0)

    async def until_commit(self) -> list[dict]:
        lines = [await self.line()]
        while lines[-1]["type"] != "commit":
            lines.append(await self.line())
        return lines

    async def close(self) -> None:
        await self._chunks.aclose()


def told(lines: list[dict]) -> list[tuple[str, ...]]:
    return [tuple(str(line[key]) for key in ("type", "kind", "id") if key in line) for line in lines]


async def test_a_stream_starts_with_everything_and_goes_on_in_order(store):
    listener = Listener(Hub(store))
    first = await listener.until_commit()
    assert first[0] == {"type": "snapshot", "store": store.id, "revision": 2}
    assert sorted(told(first[1:-1])) == [("put", "Host", HOST), ("put", "Router", "r1")]
    put(store, "Router", "r2", name="new")
    remove(store, "Router", "r1")
    assert await listener.until_commit() == [
        {"type": "put", "kind": "Router", "id": "r2", "object": {"id": "r2", "name": "new"}},
        {"type": "commit", "revision": 3},
    ]
    assert told(await listener.until_commit()) == [("delete", "Router", "r1"), ("commit",)]
    await listener.close()


@pytest.mark.parametrize("steps", [0, 1, 2, 99])
async def test_what_each_host_needs_is_there_however_far_its_preparation_has_come(store, steps):
    with store.transaction() as transaction:
        for number in range(5_000):
            transaction.put("Route", f"r{number}", {"id": f"r{number}", "routerId": "r1", "type": "Reject"})
    hub = Hub(store)
    preparing = asyncio.create_task(hub.prepare())
    for _ in range(steps):
        await turn()
    remove(store, "Route", "r0")  # what is written later does not disturb it
    listener = Listener(hub)
    assert len(await listener.until_commit()) == 1 + 2 + 4_999 + 1
    await preparing
    put(store, "Router", "r2")
    assert told(await listener.until_commit()) == [("put", "Router", "r2"), ("commit",)]
    await listener.close()


async def test_a_stream_says_that_it_is_alive(store):
    listener = Listener(Hub(store))
    await listener.until_commit()
    began = asyncio.get_running_loop().time()
    assert await listener.line() == {"type": "alive", "revision": 2}
    assert asyncio.get_running_loop().time() - began == pytest.approx(ALIVE_SECONDS)
    await listener.close()


async def test_a_reader_goes_on_where_it_was(store):
    hub = Hub(store)
    put(store, "Router", "r2")
    put(store, "Router", "r3")
    listener = Listener(hub, HOST, store.id, 3)
    assert told(await listener.until_commit()) == [("put", "Router", "r3"), ("commit",)]
    put(store, "Router", "r4")
    assert (await listener.line())["type"] == "alive"
    assert told(await listener.until_commit()) == [("put", "Router", "r4"), ("commit",)]
    await listener.close()


@pytest.mark.parametrize(
    ("history", "revision"),
    [("another", 2), ("", None), ("same", 1), ("same", 99)],
    ids=["other store", "new", "too old", "future"],
)
async def test_a_reader_that_cannot_go_on_starts_anew(store, history, revision):
    hub = Hub(store)
    put(store, "Router", "r2")
    listener = Listener(hub, HOST, store.id if history == "same" else history, revision)
    assert (await listener.line())["type"] == "snapshot"
    await listener.close()


async def test_what_fell_out_of_the_log_is_not_skipped(store, monkeypatch):
    monkeypatch.setattr(hub_module, "LONGEST_LOG", 3)
    hub = Hub(store)
    for number in range(6):
        put(store, "Router", f"x{number}")
    for revision, begins in ((store.revision - 4, "snapshot"), (store.revision - 3, "put")):
        listener = Listener(hub, HOST, store.id, revision)
        assert (await listener.line())["type"] == begins
        await listener.close()


async def test_a_reader_that_is_too_slow_is_cut_and_goes_on_later(store, monkeypatch):
    monkeypatch.setattr(hub_module, "LONGEST_QUEUE", 3)
    hub = Hub(store)
    slow = Listener(hub)
    await slow.until_commit()
    for number in range(10):
        put(store, "Router", f"x{number}")
    with pytest.raises(StopAsyncIteration):
        await slow.until_commit()
    assert hub.readers() == 0
    again = Listener(hub, HOST, store.id, 2)
    assert [(await again.until_commit())[0]["id"] for _ in range(10)] == [f"x{number}" for number in range(10)]
    await again.close()


async def test_a_host_hears_only_what_it_needs(store):
    put(store, "Host", OTHER)
    put(store, "Bridge", "b")
    hub = Hub(store)
    mine, other = Listener(hub), Listener(hub, OTHER)
    await mine.until_commit()
    await other.until_commit()
    put(store, "Port", "p", type="Bridge", deviceId="b", hostId=HOST, interfaceName="eth0")
    assert ("put", "Port", "p") in told(await mine.until_commit())
    assert told(await other.until_commit()) == [("put", "BridgeHome", "b"), ("commit",)]
    await mine.close()
    await other.close()


async def test_a_host_that_was_deleted_and_comes_back_starts_anew(store):
    hub = Hub(store)
    listener = Listener(hub)
    await listener.until_commit()
    remove(store, "Host", HOST)
    with pytest.raises(StopAsyncIteration):
        await listener.until_commit()
    put(store, "Router", "while it was away")
    put(store, "Host", HOST)
    again = Listener(hub, HOST, store.id, 3)
    lines = await again.until_commit()
    assert lines[0]["type"] == "snapshot"
    assert ("put", "Router", "while it was away") in told(lines)
    await again.close()


async def test_the_end_of_the_server_ends_every_stream(store):
    hub = Hub(store)
    listener = Listener(hub)
    await listener.until_commit()
    hub.close()
    with pytest.raises(StopAsyncIteration):
        await listener.line()


async def test_every_reader_of_a_host_hears_everything(store):
    hub = Hub(store)
    listeners = [Listener(hub) for _ in range(5)]
    for listener in listeners:
        await listener.until_commit()
    put(store, "Router", "r2")
    for listener in listeners:
        assert told(await listener.until_commit()) == [("put", "Router", "r2"), ("commit",)]
        await listener.close()
    assert hub.readers() == 0
