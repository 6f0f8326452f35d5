"""Rows of the store's file, and the SQL that writes them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import msgspec

from midonet_kubernetes.minimidonet.store.indices import Object

Statement = tuple[str, Sequence[object]]
"""SQL and its values."""

# Many rows are one statement: SQLite works through it without its thread having to get hold of Python again for each row,
# while the other thread has it. Few batches have more than one statement.
MOST_ROWS = 128
REVISION = ("", "revision")
"""Kind and id of the row that holds the revision."""

_DELETE = "DELETE FROM objects WHERE (kind, id) IN (VALUES {rows})"
_PUT = """
INSERT INTO objects (kind, id, object) VALUES {rows}
ON CONFLICT (kind, id) DO UPDATE SET object = excluded.object
"""


class Row(NamedTuple):
    """An object to write; None is to delete. ``fresh``: it takes its place at the end even if a row is there."""

    kind: str
    id: str
    object: Object | None
    fresh: bool = False


def statements(revision: int, rows: Iterable[Row]) -> list[Statement]:
    """What writes rows and the revision they lead to.

    It is made apart from ``File.write``, which runs in a thread: two threads at Python's objects are slower than one.
    """
    encode = msgspec.json.encode
    gone: list[tuple[str, ...]] = []
    puts: list[tuple[str, ...]] = []
    for row in rows:
        if row.object is None or row.fresh:
            gone.append((row.kind, row.id))
        if row.object is not None:
            puts.append((row.kind, row.id, encode(row.object).decode()))
    puts.append((*REVISION, str(revision)))
    return [*_for_all(_DELETE, gone), *_for_all(_PUT, puts)]


def _for_all(statement: str, rows: Sequence[tuple[str, ...]]) -> Iterator[Statement]:
    """A statement for all rows, as many at once as may be."""
    for first in range(0, len(rows), MOST_ROWS):
        part = rows[first : first + MOST_ROWS]
        marks = "(" + ",".join("?" * len(part[0])) + ")"
        yield statement.format(rows=",".join([marks] * len(part))), [value for row in part for value in row]
