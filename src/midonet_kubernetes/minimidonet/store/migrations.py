"""Steps from one version of the store's file to the next.

Step ``n`` turns version ``n`` into ``n + 1``; it runs inside a transaction. A step is never changed once released.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable


def _first(connection: sqlite3.Connection) -> None:
    """Version 0 never left the workshop: nothing to keep, nothing to do."""


def _revision_beside_the_objects(connection: sqlite3.Connection) -> None:
    """The revision becomes a row among the objects, so that one statement writes both."""
    connection.execute("INSERT INTO objects (kind, id, object) SELECT '', 'revision', revision FROM history")
    connection.execute("ALTER TABLE history DROP COLUMN revision")


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first, _revision_beside_the_objects)
