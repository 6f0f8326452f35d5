"""A small Kubernetes API in memory that goes wrong on demand: a transport for tests of clients.

It keeps objects of any kind, gives out resource versions, pages lists, checks versions on replacement and serves watches.
A test breaks it by hand: ``answers`` holds what the next requests get instead of the truth, ``streams`` the open watches.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qsl, unquote

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.exchange import Request, Response, StreamedResponse

_PATH = re.compile(r"(?P<root>/api/v1|/apis/[^/]+/[^/]+)(/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)(/(?P<name>[^/]+))?")

Answer = Response | Exception | Callable[[Request], Response]
Document = dict[str, Any]
_Place = tuple[str, str, str]  # collection without namespace, namespace, name


def failure(status: int, reason: str = "", message: str = "", *, headers: dict[str, str] | None = None) -> Response:
    """An answer with a ``Status``."""
    return Response(status, headers or {}, json.dumps(_status(status, reason, message)).encode())


def _status(status: int, reason: str = "", message: str = "") -> Document:
    return {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": status, "reason": reason, "message": message}


class Stream:
    """An open watch. ``deaf`` stops the truth, not what the test sends."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.deaf = False
        self.open = True
        self._chunks: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

    def send(self, chunk: bytes) -> None:
        """Send bytes as they are."""
        self._chunks.put_nowait(chunk)

    def event(self, occurrence: str, document: Document) -> None:
        """Send an event."""
        self.send(json.dumps({"type": occurrence, "object": document}).encode() + b"\n")

    def expire(self) -> None:
        """Say inside the stream that its version is too old."""
        self.event("ERROR", _status(410, "Expired", "too old resource version"))

    def cut(self) -> None:
        """Break the connection."""
        self._chunks.put_nowait(Unreachable("the connection was cut"))

    def end(self) -> None:
        """End the stream as a server does after ``timeoutSeconds``."""
        self._chunks.put_nowait(None)

    async def chunks(self) -> AsyncIterator[bytes]:
        """What the client reads."""
        while (chunk := await self._chunks.get()) is not None:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk


class FaultyKubernetes:
    """The API server.

    Attributes:
        answers: what the next requests get, lists and the start of watches included.
        requests: all that came.
        streams: all watches that were ever opened, in order.
        reachable: False refuses every connection.
    """

    def __init__(self) -> None:
        self.answers: deque[Answer] = deque()
        self.requests: list[Request] = []
        self.streams: list[Stream] = []
        self.reachable = True
        self._objects: dict[_Place, Document] = {}
        self._history: list[tuple[int, str, _Place, Document]] = []
        self._oldest = 0  # versions before this one are forgotten
        self._version = itertools.count(101)
        self._now = 100
        self._pages: dict[str, list[Document]] = {}

    @property
    def open_streams(self) -> list[Stream]:
        """The watches that are open."""
        return [stream for stream in self.streams if stream.open]

    def put(self, collection: str, document: Document) -> Document:
        """Create or change an object by hand; ``collection`` is the path without a namespace."""
        metadata = document["metadata"]
        place = (collection, metadata.get("namespace", ""), metadata["name"])
        return self._store(place, document)

    def remove(self, collection: str, key: str) -> None:
        """Delete an object by hand."""
        namespace, _, name = key.rpartition("/")
        self._delete((collection, namespace, name))

    def forget_history(self) -> None:
        """Compact: lists under way and watches from older versions are answered with 410."""
        self._oldest = self._now
        self._history.clear()
        self._pages.clear()

    async def send(self, request: Request) -> Response:
        """Answer a request."""
        self.requests.append(request)
        if (answer := self._instead(request)) is not None:
            return answer
        return self._handle(request)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[StreamedResponse]:
        """Answer a watch."""
        self.requests.append(request)
        stream = Stream(request)
        path, _, query = request.path.partition("?")
        asked = dict(parse_qsl(query))
        version, from_the_start = int(asked.get("resourceVersion", "0")), "sendInitialEvents" in asked
        answer = self._instead(request)
        if answer is None and version < self._oldest and not from_the_start:
            answer = failure(410, "Expired", "too old resource version")
        if answer is not None:
            stream.send(answer.body)
            stream.end()
            yield StreamedResponse(answer.status, answer.headers, stream.chunks())
            return
        collection, namespace, _ = _place(path)
        if from_the_start:
            self._send_all(stream, collection, namespace)
            version = self._now
        for at, occurrence, place, document in self._history:
            if at > version and _within(place, collection, namespace):
                stream.event(occurrence, document)
        self.streams.append(stream)
        try:
            yield StreamedResponse(200, {}, stream.chunks())
        finally:
            stream.open = False

    async def close(self) -> None:
        """Nothing to free."""

    def _send_all(self, stream: Stream, collection: str, namespace: str) -> None:
        for place, document in sorted(self._objects.items()):
            if _within(place, collection, namespace):
                stream.event("ADDED", document)
        annotations = {"k8s.io/initial-events-end": "true"}
        stream.event("BOOKMARK", {"metadata": {"resourceVersion": str(self._now), "annotations": annotations}})

    def _instead(self, request: Request) -> Response | None:
        if not self.reachable:
            raise Unreachable("connection refused")
        if not self.answers:
            return None
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return answer if isinstance(answer, Response) else answer(request)

    def _handle(self, request: Request) -> Response:
        path, _, query = request.path.partition("?")
        place = _place(path)
        body = json.loads(request.body) if request.body else {}
        match request.method:
            case "GET" if not place[2]:
                return self._list(place, dict(parse_qsl(query)))
            case "POST":
                place = (place[0], place[1], body["metadata"]["name"])
                if place in self._objects:
                    return failure(409, "AlreadyExists", f"{place[2]} already exists")
                return _answer(201, self._store(place, body))
        current = self._objects.get(place)
        if current is None:
            return failure(404, "NotFound", f"{place[2]} not found")
        match request.method:
            case "PUT":
                expected = body["metadata"].get("resourceVersion", "")
                if expected and expected != current["metadata"]["resourceVersion"]:
                    return failure(409, "Conflict", "the object has been modified")
                return _answer(200, self._store(place, body))
            case "PATCH":
                return _answer(200, self._store(place, _merge(current, body)))
            case "DELETE":
                self._delete(place)
        return _answer(200, current)

    def _list(self, place: _Place, query: dict[str, str]) -> Response:
        if "continue" in query:
            if query["continue"] not in self._pages:
                return failure(410, "Expired", "the continue token has expired")
            rest = self._pages.pop(query["continue"])
        else:
            rest = [found for at, found in sorted(self._objects.items()) if _within(at, place[0], place[1])]
        limit = int(query.get("limit", "0")) or len(rest)
        metadata = {"resourceVersion": str(self._now)}
        if rest[limit:]:
            metadata["continue"] = f"page-{len(self.requests)}"
            self._pages[metadata["continue"]] = rest[limit:]
        return _answer(200, {"metadata": metadata, "items": rest[:limit]})

    def _store(self, place: _Place, document: Document) -> Document:
        occurrence = "MODIFIED" if place in self._objects else "ADDED"
        return self._record(occurrence, place, document)

    def _delete(self, place: _Place) -> None:
        self._record("DELETED", place, self._objects[place])
        del self._objects[place]

    def _record(self, occurrence: str, place: _Place, document: Document) -> Document:
        self._now = next(self._version)
        metadata = {"namespace": place[1], **document["metadata"], "resourceVersion": str(self._now)}
        stored = {**document, "metadata": metadata}
        self._objects[place] = stored
        self._history.append((self._now, occurrence, place, stored))
        for stream in self.open_streams:
            collection, namespace, _ = _place(stream.request.path.partition("?")[0])
            if not stream.deaf and _within(place, collection, namespace):
                stream.event(occurrence, stored)
        return stored


def _place(path: str) -> _Place:
    match = _PATH.fullmatch(path.removesuffix("/status"))
    assert match is not None, path
    return f"{match['root']}/{match['plural']}", unquote(match["namespace"] or ""), unquote(match["name"] or "")


def _within(place: _Place, collection: str, namespace: str) -> bool:
    return place[0] == collection and namespace in {"", place[1]}


def _answer(status: int, document: Document) -> Response:
    return Response(status, {}, json.dumps(document).encode())


def _merge(target: Any, patch: Any) -> Any:
    """RFC 7396."""
    if not isinstance(patch, dict):
        return patch
    merged = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        else:
            merged[key] = _merge(merged.get(key), value)
    return merged
