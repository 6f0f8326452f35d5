"""The store's SQLite file: one row an object, written in batches, each a durable transaction."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO

import msgspec

from midonet_kubernetes.errors import MachineError
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.migrations import MIGRATIONS
from midonet_kubernetes.minimidonet.store.rows import MOST_ROWS, REVISION, Statement

APPLICATION_ID = 0x4D4D4E31  # "MMN1"
SCHEMA_VERSION = len(MIGRATIONS)

_SCHEMA = """
CREATE TABLE objects (
  place INTEGER PRIMARY KEY, -- order of creation
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  object TEXT NOT NULL,      -- JSON
  UNIQUE (kind, id)
);
CREATE TABLE history (id TEXT NOT NULL);
"""


class StoreError(MachineError):
    """The store's file cannot be used or written; the message says what to do."""


class StoreFull(StoreError):
    """There is no room for what was to be written. It was taken back; nothing that was acknowledged is lost."""


class File:
    """An open store file, used by this process alone.

    Args:
        path: of the file; it is made when it is not there.

    Raises:
        StoreError: it is no store, damaged, newer than this program, or in use.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = _lock(path)
        try:
            self._connection = _connect(path)
        except sqlite3.Error as error:
            self._lock.close()
            raise _explain(path, error) from error
        try:
            self.id, self.revision = self._prepare()
        except (sqlite3.Error, TypeError, ValueError) as error:  # no such row, or no number in it
            self.close()
            raise _explain(path, error) from error
        except StoreError:
            self.close()
            raise

    def _prepare(self) -> tuple[str, int]:
        connection = self._connection
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if not tables:
            self._create()
        elif application != APPLICATION_ID:
            raise StoreError(f"{self._path} is an SQLite file of another program: give another file with --store")
        elif version > SCHEMA_VERSION:
            raise StoreError(
                f"{self._path} has store version {version}, this program knows up to {SCHEMA_VERSION}: "
                "use the newer minimidonet that wrote it, or another file"
            )
        else:
            self._migrate(version)
        (history,) = connection.execute("SELECT id FROM history").fetchone()
        (revision,) = connection.execute("SELECT object FROM objects WHERE (kind, id) = (?, ?)", REVISION).fetchone()
        return history, int(revision)

    def _create(self) -> None:
        self._connection.executescript(f"BEGIN;{_SCHEMA}")
        self._connection.execute("INSERT INTO history VALUES (?)", (uuid.uuid4().hex,))
        self._connection.execute("INSERT INTO objects (kind, id, object) VALUES (?, ?, 0)", REVISION)
        self._connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        self._connection.execute("COMMIT")

    def _migrate(self, version: int) -> None:
        for number in range(version, SCHEMA_VERSION):
            self._connection.execute("BEGIN IMMEDIATE")
            MIGRATIONS[number](self._connection)
            self._connection.execute(f"PRAGMA user_version = {number + 1}")
            self._connection.execute("COMMIT")

    def load(self) -> Iterator[tuple[str, str, Object]]:
        """Every object in order of creation.

        Raises:
            StoreError: the file is damaged.
        """
        decode = msgspec.json.Decoder(dict).decode
        try:
            for kind, id_, blob in self._connection.execute(
                "SELECT kind, id, object FROM objects WHERE kind <> '' ORDER BY place"
            ):
                yield kind, id_, decode(blob)
        except (sqlite3.Error, msgspec.MsgspecError) as error:
            raise _explain(self._path, error) from error

    def order(self, kind: str) -> list[str]:
        """The ids of a kind in order of creation.

        Raises:
            StoreError: the file cannot be read.
        """
        try:
            found = self._connection.execute("SELECT id FROM objects WHERE kind = ? ORDER BY place", (kind,)).fetchall()
        except sqlite3.Error as error:
            raise _explain(self._path, error) from error
        return [id_ for (id_,) in found]

    def write(self, statements: Sequence[Statement]) -> None:
        """Execute what ``statements`` gave, all or nothing; when it returns, it survives the power going.

        One statement is a transaction of its own.

        Raises:
            StoreFull: no room.
            StoreError: anything else; nothing was written.
        """
        connection = self._connection
        try:
            if len(statements) > 1:
                connection.execute("BEGIN IMMEDIATE")
            for text, values in statements:
                connection.execute(text, values)
            if len(statements) > 1:
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            if connection.in_transaction:
                connection.rollback()
            raise _explain(self._path, error) from error

    def close(self) -> None:
        """Let the file go."""
        self._connection.close()
        self._lock.close()


def backup(source: Path, target: Path) -> None:
    """Copy a store while it is in use. The copy has a history of its own, so that no agent takes one for the other.

    Raises:
        StoreError: there is no store at ``source``, or something is at ``target`` already, or it cannot be written.
    """
    if not source.is_file():
        raise StoreError(f"{source} is not there: give the store's file")
    if target.exists():
        raise StoreError(f"{target} is there already: give a name that is not in use")
    try:
        reader = _connect(source)
        writer = sqlite3.connect(target, isolation_level=None)
        try:
            reader.backup(writer)
            writer.execute("UPDATE history SET id = ?", (uuid.uuid4().hex,))
        finally:
            reader.close()
            writer.close()
    except sqlite3.Error as error:
        target.unlink(missing_ok=True)
        raise _explain(source, error) from error


def _connect(path: Path) -> sqlite3.Connection:
    statements = 2 * MOST_ROWS + 8  # one for each number of rows stays prepared
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=statements)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    return connection


def _lock(path: Path) -> IO[bytes]:
    """Keep other servers away from the file for as long as the answer is open."""
    try:
        lock = Path(f"{path}.lock").open("ab")  # noqa: SIM115 - held for the file's life
    except OSError as error:
        raise StoreError(f"{path}: {os.strerror(error.errno or 0)}: give a file in a folder that can be written") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        lock.close()
        raise StoreError(f"{path} is in use by another minimidonet: stop that one, or give another file") from error
    return lock


def _explain(path: Path, error: Exception) -> StoreError:
    if getattr(error, "sqlite_errorcode", 0) in {sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE}:
        return StoreFull(f"{path}: no room left on the device: make room and try again; nothing acknowledged is lost")
    if isinstance(error, sqlite3.OperationalError):
        return StoreError(f"{path}: {error}: check that the file and its folder can be read and written")
    return StoreError(f"{path} is damaged ({error}): put a backup in its place, or move it away to start empty")
