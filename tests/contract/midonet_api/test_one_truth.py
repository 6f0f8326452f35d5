"""After any history the file, the memory, the indices and what a host was streamed say the same."""

from __future__ import annotations

import json
import random
import re
import uuid
from pathlib import Path
from typing import Any

import pytest

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.minimidonet.quirks import Quirks
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.references import REFERENCES
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.minimidonet.store.tables import Tables

CASES: list[dict[str, Any]] = json.loads(Path(__file__).with_name("cases.json").read_text("utf-8"))["cases"]
HOST = "11111111-1111-4111-8111-111111111111"
VARIABLE = re.compile(r"\$\{([A-Za-z0-9_]+)(?:!u)?\}")


def fill(value: Any) -> Any:
    text = VARIABLE.sub(lambda match: str(uuid.uuid5(uuid.NAMESPACE_URL, match[1])), json.dumps(value))
    return json.loads(text)


def a_history(seed: int) -> list[Request]:
    """Most of the recorded writes, some of them twice, deletions late."""
    chosen = random.Random(seed)
    requests = []
    for case in CASES:
        method, path = fill(case["do"]).split(" ", 1)
        if method not in {"POST", "PUT", "DELETE"} or "body" not in case or chosen.random() < 0.15:
            continue
        if method == "DELETE" and chosen.random() < 0.5:
            continue
        kind = case.get("type", "json")
        media = "application/json" if kind == "json" else f"application/vnd.org.midonet.{kind}+json"
        request = Request(method, f"/midonet-api{path}", {"Content-Type": media}, json.dumps(fill(case["body"])).encode())
        requests += [request] * chosen.choice((1, 1, 2))
        if chosen.random() < 0.1 and method == "POST":
            requests.append(Request("DELETE", request.path.rpartition("/")[0]))
    return requests


class Follower:
    """Holds what a stream has said so far."""

    def __init__(self, service: Service) -> None:
        self._lines = service.hub.lines(HOST, "", None)
        self.objects: dict[tuple[str, str], dict] = {}

    async def read(self, revision: int) -> None:
        """Until the commit with this revision (a line that says less is not the last)."""
        seen = -1
        while seen < revision:
            for text in (await anext(self._lines)).splitlines():
                line = json.loads(text)
                if line["type"] == "put":
                    self.objects[line["kind"], line["id"]] = line["object"]
                elif line["type"] == "delete":
                    del self.objects[line["kind"], line["id"]]
                elif line["type"] in {"commit", "alive"}:
                    seen = line["revision"]

    async def close(self) -> None:
        await self._lines.aclose()


@pytest.mark.looptime
@pytest.mark.parametrize("seed", range(12))
async def test_file_memory_indices_and_stream_agree(tmp_path, seed):
    path = str(tmp_path / "store")
    store = Store.open(path)
    service = Service(store, quirks=Quirks(mna_1293=False))
    service.handle(Request("PUT", f"/minimidonet/v1/hosts/{HOST}", {}, b'{"name": "node1"}'))
    store.flush()
    follower = Follower(service)
    await follower.read(store.revision)
    statuses = set()
    for request in a_history(seed):
        statuses.add(service.handle(request).status)
        store.flush()
    assert {201, 204, 400, 404, 409} <= statuses
    await follower.read(service.hub.revision)
    assert follower.objects == {(change.kind, change.id): change.object for change in service.hub._views.snapshot(HOST)}
    await follower.close()

    before = {kind: dict(objects) for kind, objects in store.tables._objects.items() if objects}
    await store.close()
    again = Store.open(path)
    assert {kind: dict(objects) for kind, objects in again.tables._objects.items() if objects} == before
    for kind, objects in before.items():
        assert list(again.tables.all(kind)) == list(objects)
    assert_indices_agree(store.tables, again.tables)
    await again.close()


def assert_indices_agree(one: Tables, other: Tables) -> None:
    for reference in REFERENCES:
        for object_ in one.all(reference.kind).values():
            value = object_.get(reference.field)
            for id_ in value if isinstance(value, list) else [value] if value else []:
                found = one.find(reference.kind, reference.field, id_)
                assert object_["id"] in found or reference.kind == "MacTable"
                if reference.order or not reference.many:
                    assert sorted(found) == sorted(other.find(reference.kind, reference.field, id_))
                if reference.order:
                    assert found == other.find(reference.kind, reference.field, id_)
