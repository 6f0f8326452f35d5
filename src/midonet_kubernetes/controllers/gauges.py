"""The gauges: read from the running controllers when somebody asks, so that they cost nothing otherwise."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from midonet_kubernetes.controllers.pusher.board import Board
from midonet_kubernetes.controllers.pusher.pusher import Pusher
from midonet_kubernetes.kubernetes_api.informer import Statistics
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.observability.metrics import (
    EVENTS_DROPPED,
    FAILING,
    LEADER,
    PARKED,
    PROBLEMS,
    PUSHED,
    QUEUE_AGE,
    QUEUE_DEPTH,
    STATUS_DEPTH,
    UNREADABLE,
    WANTED,
    WATCH_LAG,
    Metrics,
)

if TYPE_CHECKING:
    from midonet_kubernetes.controllers.program import Controllers
    from midonet_kubernetes.kubernetes_api.queue import Queue


class Unpushed:
    """Objects that are not in MidoNet as wanted, counted once for all kinds that are asked for at one time."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._counted: Mapping[str, int] = {}
        self._asked: set[str] = set()

    def of(self, kind: str) -> int:
        """How many of a kind."""
        if kind in self._asked or not self._asked:
            self._counted, self._asked = self._board.unpushed(), set()
        self._asked.add(kind)
        return self._counted.get(kind, 0)


def connect(program: Controllers, metrics: Metrics) -> None:
    """Let the gauges show what the program does."""
    metrics[LEADER].set_function(lambda: float(program.election.is_leader()))
    metrics[EVENTS_DROPPED].set_function(lambda: float(program.recorder.dropped))
    for informer in program.informers.running:
        metrics[WATCH_LAG].labels(informer.kind.plural).set_function(informer.last_event_age)
        metrics[UNREADABLE].labels(informer.kind.plural).set_function(partial(_bad_objects, informer.statistics))
    for name, reconciler in program.reconcilers.items():
        _queue(metrics, name, reconciler.queue)
        metrics[PROBLEMS].labels(name).set_function(_size(reconciler.problems))
    if program.pusher is not None:
        _pusher(program, program.pusher, metrics)


def _pusher(program: Controllers, pusher: Pusher, metrics: Metrics) -> None:
    board, wanted = pusher.board, program.informers.translations.wanted
    _queue(metrics, "pusher", pusher.queue)
    metrics[STATUS_DEPTH].set_function(lambda: float(pusher.statuses.depth))
    metrics[PARKED].set_function(lambda: float(board.claims.waiting))
    metrics[FAILING].set_function(lambda: float(sum(bool(work.complaint) for work in board.works.values())))
    unpushed = Unpushed(board)
    for kind in KINDS:
        metrics[WANTED].labels(kind).set_function(partial(_wanted, wanted, kind))
        metrics[PUSHED].labels(kind).set_function(partial(_pushed, wanted, unpushed, kind))


def _wanted(wanted: Mapping[str, int], kind: str) -> float:
    return float(wanted[kind])


def _pushed(wanted: Mapping[str, int], unpushed: Unpushed, kind: str) -> float:
    return float(wanted[kind] - unpushed.of(kind))


def _queue(metrics: Metrics, name: str, queue: Queue[str]) -> None:
    metrics[QUEUE_DEPTH].labels(name).set_function(lambda: float(queue.depth))
    metrics[QUEUE_AGE].labels(name).set_function(queue.oldest_age)


def _bad_objects(statistics: Statistics) -> float:
    return float(statistics.bad_objects)


def _size(things: dict[str, Any]) -> Callable[[], float]:
    return lambda: float(len(things))
