import json

import pytest

from midonet_kubernetes.errors import MidonetApiError
from midonet_kubernetes.minimidonet.agent.agent import squashed
from midonet_kubernetes.minimidonet.agent.stream import Commit, Position, Reader
from midonet_kubernetes.topology.change import Change

SNAPSHOT = {"type": "snapshot", "store": "S", "revision": 7}
PUT = {"type": "put", "kind": "Router", "id": "r", "object": {"id": "r"}}
DELETE = {"type": "delete", "kind": "Router", "id": "r"}
ROUTER, GONE = Change("Router", "r", {"id": "r"}), Change("Router", "r", None)


def commit(revision):
    return {"type": "commit", "revision": revision}


def read(*lines, position=None, size=None):
    data = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    size = size or len(data)
    reader, commits = Reader(position), []
    for start in range(0, len(data), size):
        commits += reader.feed(data[start : start + size])
    return commits


@pytest.mark.parametrize("size", [1, 7, None])
def test_what_stands_between_two_commits_belongs_together(size):
    assert read(SNAPSHOT, PUT, commit(7), DELETE, commit(8), size=size) == [
        Commit((ROUTER,), Position("S", 7), snapshot=True),
        Commit((GONE,), Position("S", 8)),
    ]


def test_a_sign_of_life_moves_the_position():
    assert read({"type": "alive", "revision": 9}, position=Position("S", 8)) == [Commit((), Position("S", 9))]


def test_a_sign_of_life_in_the_middle_of_a_commit_does_not():
    assert read(PUT, {"type": "alive", "revision": 9}, position=Position("S", 8)) == []


def test_a_snapshot_that_begins_anew_forgets_what_was_read():
    assert read(SNAPSHOT, PUT, SNAPSHOT, commit(7)) == [Commit((), Position("S", 7), snapshot=True)]


def test_kinds_and_lines_that_are_not_known_are_skipped():
    more = [{"type": "put", "kind": "Vtep", "id": "v", "object": {}}, {"type": "weather", "kind": "rain"}]
    assert read(SNAPSHOT, *more, commit(7)) == [Commit((), Position("S", 7), snapshot=True)]


@pytest.mark.parametrize("line", [b"<html>\n", b"[]\n", b'{"kind": "Router"}\n', b'{"type": "put", "object": 7}\n'])
def test_what_cannot_be_read_is_said(line):
    with pytest.raises(MidonetApiError, match="cannot be read"):
        list(Reader(Position("S", 1)).feed(line))


def test_a_stream_has_to_begin_with_a_snapshot():
    with pytest.raises(MidonetApiError, match="begin with a snapshot"):
        read(PUT)


def test_commits_that_came_together_are_taken_in_at_once_but_for_a_snapshot():
    snapshot, first, second = (
        Commit((), Position("S", 1), snapshot=True),
        Commit((ROUTER,), Position("S", 2)),
        Commit((GONE,), Position("S", 3)),
    )
    assert squashed([first, snapshot, first, second]) == [first, snapshot, Commit((ROUTER, GONE), Position("S", 3))]
