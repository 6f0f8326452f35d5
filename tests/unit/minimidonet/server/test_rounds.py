from __future__ import annotations

import asyncio

import pytest

from midonet_kubernetes.exchange import Request, Response
from midonet_kubernetes.minimidonet.server.rounds import Rounds
from midonet_kubernetes.minimidonet.store.file import StoreFull
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.testing.virtual_time import turn

REQUESTS = [Request("GET", f"/{number}") for number in range(5)]


class Handler:
    """Answers with the path; each answer takes a second of its own clock."""

    def __init__(self) -> None:
        self.handled: list[str] = []
        self.now = 0.0

    def __call__(self, request: Request) -> Response:
        self.handled.append(request.path)
        self.now += 1.0
        if request.path == "/2":
            raise ZeroDivisionError
        return Response(200, body=request.path.encode())


class Held(Store):
    """Is durable when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = []

    def when_durable(self, done) -> None:
        self.waiting.append(done)


@pytest.fixture
def handler():
    return Handler()


async def test_a_defect_is_told_to_the_one_whose_request_met_it(handler):
    rounds = Rounds(handler, Store())
    answers = await asyncio.gather(*map(rounds.answer, REQUESTS), return_exceptions=True)
    assert [type(answer) for answer in answers] == [Response, Response, ZeroDivisionError, Response, Response]
    assert answers[4].body == b"/4"


async def test_requests_that_came_together_wait_for_one_write(handler):
    store = Held()
    rounds = Rounds(handler, store, clock=lambda: 0.0)
    waiting = [rounds.answer(request) for request in REQUESTS]
    await turn()
    assert (len(store.waiting), [future.done() for future in waiting]) == (1, [False, False, True, False, False])
    store.waiting[0](None)
    assert all(future.done() for future in waiting)
    assert isinstance(waiting[2].exception(), ZeroDivisionError)


async def test_what_could_not_be_kept_is_told_to_all_of_the_round(handler):
    store = Held()
    rounds = Rounds(handler, store, clock=lambda: 0.0)
    waiting = [rounds.answer(REQUESTS[number]) for number in (0, 1)]
    await turn()
    store.waiting[0](StoreFull("full"))
    assert [str(future.exception()) for future in waiting] == ["full", "full"]


async def test_a_long_round_ends_and_the_rest_has_the_next_one(handler):
    store = Held()
    rounds = Rounds(handler, store, clock=lambda: handler.now)
    waiting = [rounds.answer(REQUESTS[number]) for number in (0, 1)]
    await turn()
    assert handler.handled == ["/0"]
    await turn()
    assert (handler.handled, len(store.waiting)) == (["/0", "/1"], 2)
    for done in store.waiting:
        done(None)
    assert all(future.done() for future in waiting)


async def test_the_answer_to_a_request_that_was_given_up_is_not_missed(handler):
    store = Held()
    rounds = Rounds(handler, store, clock=lambda: 0.0)
    early, late, other = (rounds.answer(REQUESTS[number]) for number in (0, 1, 3))
    early.cancel()
    await turn()
    late.cancel()
    store.waiting[0](None)
    assert (await other).body == b"/3"
