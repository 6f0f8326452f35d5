"""A store's journal in a SQLite file: one transaction per change.

In WAL mode a committed transaction is in the page cache of the operating system, so it survives a SIGKILL of this
process; ``synchronous=NORMAL`` leaves only a loss of power to lose the newest ones, never the file's consistency.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

import msgspec

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Key, Loaded, Stored

_SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
  resource TEXT, namespace TEXT, name TEXT, raw BLOB NOT NULL, PRIMARY KEY (resource, namespace, name)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS history (
  revision INTEGER PRIMARY KEY, type TEXT NOT NULL, resource TEXT NOT NULL, namespace TEXT NOT NULL, name TEXT NOT NULL,
  raw BLOB NOT NULL, before BLOB
);
"""
_PRUNE_EVERY = 1_000  # changes; deleting old history one row at a time would double the work of each write


class SqliteJournal:
    """Objects and history in a file.

    Args:
        path: the file; made when it is not there.

    Raises:
        UserError: it cannot be opened, or is something else than such a file.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._connection = sqlite3.connect(path, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_SCHEMA)
        except sqlite3.Error as error:
            raise UserError(f"{path} cannot be used as the store of the Kubernetes API: {error}; name another file") from error

    def load(self) -> Loaded:
        """Everything that was recorded."""
        objects = [
            (Key(resource, namespace, name), raw)
            for resource, namespace, name, raw in self._connection.execute("SELECT resource, namespace, name, raw FROM objects")
        ]
        history = [
            _change(type_, Key(resource, namespace, name), raw, before)
            for type_, resource, namespace, name, raw, before in self._connection.execute(
                "SELECT type, resource, namespace, name, raw, before FROM history ORDER BY revision"
            )
        ]
        revision = history[-1].now.revision if history else 0
        return Loaded(revision, history[0].now.revision - 1 if history else 0, objects, history)

    def record(self, change: Change, forgotten: int) -> None:
        """Write one change in one transaction."""
        execute, now = self._connection.execute, change.now
        execute("BEGIN")
        try:
            if change.type == "DELETED":
                execute("DELETE FROM objects WHERE resource=? AND namespace=? AND name=?", now.key)
            else:
                execute("INSERT OR REPLACE INTO objects VALUES (?,?,?,?)", (*now.key, now.raw))
            before = change.before.raw if change.before else None
            execute("INSERT INTO history VALUES (?,?,?,?,?,?,?)", (now.revision, change.type, *now.key, now.raw, before))
            if now.revision % _PRUNE_EVERY == 0:
                execute("DELETE FROM history WHERE revision<=?", (forgotten,))
        except BaseException:
            execute("ROLLBACK")
            raise
        execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()


def _change(type_: str, key: Key, raw: bytes, before: bytes | None) -> Change:
    assert type_ in {"ADDED", "MODIFIED", "DELETED"}
    previous = None if before is None else Stored.of(key, msgspec.json.decode(before), before)
    return Change(type_, Stored.of(key, msgspec.json.decode(raw), raw), previous)  # type: ignore[arg-type]
