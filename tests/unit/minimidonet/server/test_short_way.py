from __future__ import annotations

import asyncio
import re

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midonet_kubernetes.exchange import Response
from midonet_kubernetes.minimidonet.server.connections import KEEP_ALIVE_SECONDS, Connections
from midonet_kubernetes.minimidonet.server.face import Face
from midonet_kubernetes.minimidonet.server.metrics import ServerMetrics
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.server.wire import LONGEST_PIECE, rendered
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.testing.virtual_time import elapse, turn

CHAIN = "11111111-1111-4111-8111-111111111111"


def request(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    lines = [f"{method} {path} HTTP/1.1", "Host: api:8181", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode(errors="surrogateescape") + body


JSON = "Content-Type: application/json"
GET = request("GET", "/midonet-api/system_state")
POST = request("POST", "/midonet-api/chains", b'{"id": "%s", "name": "c", "tenantId": "t"}' % CHAIN.encode(), JSON)


class Line(asyncio.Transport):
    """A client's end of a connection, without a socket."""

    def __init__(self) -> None:
        super().__init__()
        self.said = b""
        self.is_closed = self.is_paused = False

    def write(self, data) -> None:
        self.said += bytes(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed

    def pause_reading(self) -> None:
        self.is_paused = True

    def resume_reading(self) -> None:
        self.is_paused = False


class SlowStore(Store):
    """Is durable when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = []

    def when_durable(self, done) -> None:
        self.waiting.append(done)

    def written(self) -> None:
        waiting, self.waiting = self.waiting, []
        for done in waiting:
            done(None)


class Watched(Face):
    """Counts who came by the short way."""

    short = 0

    def ask(self, *asked) -> None:
        self.short += 1
        super().ask(*asked)


class Dialogue:
    """A connection to a server over a store."""

    def __init__(self, store: Store | None = None) -> None:
        service = Service(store or Store())
        metrics = ServerMetrics(frozenset(), streams=lambda: 0, alive=lambda: 0, revision=lambda: 0)
        self.face = Watched(service, metrics)
        self.server = Connections(self.face)
        self.line, self.connection = Line(), self.server()
        self.connection.connection_made(self.line)

    async def say(self, *pieces: bytes) -> bytes:
        for piece in pieces:
            await self.settle()
            self.connection.data_received(piece)
        await self.settle()
        return self.line.said

    async def settle(self) -> None:
        for _ in range(20):  # more turns than any answer takes
            await turn()

    def end(self) -> None:
        self.connection.connection_lost(None)


@pytest.fixture
async def dialogue():
    made = Dialogue()
    yield made
    made.end()


@pytest.fixture
async def slow():
    made = Dialogue(SlowStore())
    yield made
    made.end()


def undated(answer: bytes) -> bytes:
    return re.sub(rb"Date: [^\r]*", b"Date: today", answer)


REQUESTS = {
    "made": POST,
    "read": GET,
    "listed as gzip": request("GET", "/midonet-api/chains", b"", "Accept-Encoding: gzip"),
    "nothing there": request("GET", f"/midonet-api/chains/{CHAIN}"),
    "nothing to delete": request("DELETE", f"/midonet-api/bridges/{CHAIN}"),
    "violations": request("POST", "/midonet-api/vips", b"{}", JSON),
    "no JSON": request("POST", "/midonet-api/chains", b"{", JSON),
    "no media type": request("PUT", f"/midonet-api/chains/{CHAIN}", b"{}"),
    "no method": request("DELETE", "/midonet-api/chains"),
    "redirected": request("GET", "/midonet-api"),
    "bytes that are no text": request("GET", "/midonet-api/chains", b"", "Accept: application/json;\udcff=\udcfe"),
}


@pytest.mark.parametrize("asked", REQUESTS.values(), ids=list(REQUESTS))
async def test_both_ways_lead_to_the_same_bytes(asked):
    short, long = Dialogue(), Dialogue()
    by_the_short_way = undated(await short.say(asked))
    by_the_long_way = undated(await long.say(asked + GET))  # two at once
    assert (short.face.short, long.face.short) == (1, 0)
    assert by_the_long_way.startswith(by_the_short_way)
    assert by_the_long_way[len(by_the_short_way) :].startswith(b"HTTP/1.1 200 OK\r\n")
    short.end()
    long.end()


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), database=None, derandomize=True)
@given(st.lists(st.sampled_from(list(REQUESTS.values())), min_size=1, max_size=5), st.data())
async def test_however_the_bytes_come_the_answers_are_the_same(asked, data):
    whole, cut = Dialogue(), Dialogue()
    said = b"".join(asked)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(said) - 1), max_size=8)))
    expected = undated(await whole.say(said))
    for first, end in zip([0, *cuts], [*cuts, len(said)], strict=True):
        cut.connection.data_received(said[first:end])
        if data.draw(st.booleans()):
            await cut.settle()
    assert undated(await cut.say()) == expected
    assert expected.count(b"HTTP/1.1 ") == len(asked)
    whole.end()
    cut.end()


OTHER_WAYS = {
    "HTTP/1.0": [GET.replace(b"HTTP/1.1", b"HTTP/1.0")],
    "HTTP/1.0 that goes on": [GET.replace(b"HTTP/1.1\r\n", b"HTTP/1.0\r\nConnection: keep-alive\r\n")],
    "the last of its connection": [request("GET", "/midonet-api/system_state", b"", "Connection: close")],
    "a body that is still coming": [POST[:-1], POST[-1:]],
    "a chunk that is none": [
        b"POST /midonet-api/chains HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n0\r\n\r\n"
    ],
    "no HTTP": [b"\x00\r\n\r\n"],
    "a login": [request("GET", "/midonet-api/login")],
    "health": [request("GET", "/healthz")],
    "HEAD": [request("HEAD", "/midonet-api/system_state")],
    "another host's": [GET.replace(b"/midonet-api", b"http://other/midonet-api")],
}


@pytest.mark.parametrize("pieces", OTHER_WAYS.values(), ids=list(OTHER_WAYS))
async def test_what_is_not_usual_goes_the_other_way_and_is_answered(pieces, dialogue):
    assert (await dialogue.say(*pieces)).startswith(b"HTTP/1.")
    assert dialogue.face.short == 0


async def test_a_head_in_pieces_is_answered_by_the_short_way(dialogue):
    assert (await dialogue.say(GET[:9], GET[9:20], GET[20:])).startswith(b"HTTP/1.1 200 ")
    assert dialogue.face.short == 1


async def test_requests_before_the_answer_wait_for_it_and_stop_the_reading(slow):
    assert await slow.say(POST, POST[:30], POST[30:], GET) == b""
    assert (slow.face.short, slow.line.is_paused) == (1, True)
    for _ in range(3):
        slow.face._service.store.written()
        await slow.settle()
    assert re.findall(rb"HTTP/1.1 (\d+)", slow.line.said) == [b"201", b"409", b"200"]
    assert not slow.line.is_paused


async def test_a_client_that_does_not_read_goes_the_other_way_until_it_does(dialogue):
    dialogue.connection.pause_writing()
    await dialogue.say(GET)
    assert dialogue.face.short == 0
    dialogue.connection.resume_writing()
    await dialogue.say(GET)
    assert dialogue.face.short == 1


async def test_a_client_that_left_is_not_answered(slow, caplog):
    await slow.say(POST)
    slow.end()
    slow.face._service.store.written()
    assert (slow.line.said, slow.face._running, caplog.records) == (b"", 0, [])


async def test_a_connection_ends_with_the_answer_that_says_so(dialogue, monkeypatch):
    monkeypatch.setattr(dialogue.face._service, "store", Store())
    monkeypatch.setattr(dialogue.face._rounds, "_handle", lambda _: Response(200, {"connection": "close"}))
    assert b"connection: close" in await dialogue.say(GET)
    assert dialogue.line.is_closed


async def test_a_defect_is_told_by_the_short_way_too(dialogue, monkeypatch, caplog):
    for broken in (lambda _: 1 / 0, lambda _: Response(200, {"location": "a\r\nset-cookie: b"})):
        monkeypatch.setattr(dialogue.face._rounds, "_handle", broken)
        assert (await dialogue.say(GET)).startswith(b"HTTP/1.1 500 ")
    assert b"set-cookie" not in dialogue.line.said
    assert "ZeroDivisionError" in caplog.text
    assert "more than one line" in caplog.text


@pytest.mark.looptime
async def test_a_connection_is_kept_from_its_last_answer_on():
    slow = Dialogue(SlowStore())  # whose clock is the test's
    await slow.say(GET)
    await elapse(2.5 * KEEP_ALIVE_SECONDS)  # a slow disk: that is not the client's fault
    assert not slow.line.is_closed
    slow.face._service.store.written()
    await elapse(KEEP_ALIVE_SECONDS - 1)
    assert not slow.line.is_closed
    await elapse(KEEP_ALIVE_SECONDS)
    assert slow.line.is_closed
    slow.end()


async def test_a_server_that_stops_waits_for_the_answer(slow):
    runner = web.ServerRunner(slow.server, shutdown_timeout=5.0)
    await runner.setup()
    await slow.say(POST)
    stopping = asyncio.create_task(runner.cleanup())
    await slow.settle()
    assert (slow.line.said, stopping.done()) == (b"", False)
    slow.face._service.store.written()
    await slow.settle()
    assert (slow.line.said[:13], slow.line.is_closed, stopping.done()) == (b"HTTP/1.1 201 ", True, True)


def test_halves_of_surrogate_pairs_are_left_out_of_an_answers_head():
    (answer,) = rendered(Response(200, {"content-type": "a;\udcffb"}))
    assert b"content-type: a;b\r\n" in answer


async def test_a_long_body_is_sent_as_it_is(dialogue, monkeypatch):
    body = b"x" * (LONGEST_PIECE + 1)
    monkeypatch.setattr(dialogue.face._rounds, "_handle", lambda _: Response(200, {}, body))
    assert (await dialogue.say(GET)).endswith(b"\r\n\r\n" + body)
