"""Steps from one version of the store's file to the next.

Step ``n`` turns version ``n`` into ``n + 1``; it runs inside a transaction. A step is never changed once released.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable


def _first(connection: sqlite3.Connection) -> None:
    """Version 0 never left the workshop: nothing to keep, nothing to do."""


MIGRATIONS: tuple[Callable[[sqlite3.Connection], None], ...] = (_first,)
