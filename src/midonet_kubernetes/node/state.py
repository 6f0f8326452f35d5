"""What the daemon remembers on disk: who has which address, which addresses rest, the podCIDR, annotations still to write.

SQLite with a write-ahead log that is not flushed at each commit: a killed process loses nothing, since the kernel has the
pages; after a crash of the machine the file is whole but may lack its last seconds, and no pod that got an address in them
is alive any more (decision 0081).
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from midonet_kubernetes.errors import MachineError

_log = logging.getLogger(__name__)

FILE = "state.sqlite"
_TABLES = """
CREATE TABLE IF NOT EXISTS attachments (
    container TEXT, interface TEXT, network TEXT, namespace TEXT, pod TEXT, uid TEXT, address TEXT, mac TEXT, link TEXT,
    wired INTEGER, PRIMARY KEY (container, interface)
) STRICT;
CREATE TABLE IF NOT EXISTS resting (address TEXT PRIMARY KEY) STRICT;
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT) STRICT;
CREATE TABLE IF NOT EXISTS annotations (pod TEXT PRIMARY KEY, uid TEXT, mac TEXT) STRICT;
"""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A container's interface.

    Args:
        container: id of the container.
        interface: name inside the container; with the container it is the key.
        network: name of the CNI network.
        namespace: path of the container's network namespace as the runtime named it.
        pod: ``namespace/name`` of the Pod, "" when the runtime named none.
        uid: of the Pod, "" when not known.
        address: without prefix length.
        mac: of the container's end.
        link: name of the end in the virtual network; "" when a newer container of the same Pod took the name over.
        wired: ADD has got as far as its answer.
    """

    container: str
    interface: str
    network: str
    namespace: str
    pod: str
    uid: str
    address: str
    mac: str
    link: str
    wired: bool = False

    @property
    def key(self) -> tuple[str, str]:
        """Container and interface."""
        return self.container, self.interface


@dataclass(frozen=True, slots=True)
class Annotation:
    """The MAC that a Pod's annotation shall have.

    Args:
        pod: ``namespace/name``.
        uid: of the Pod; "" for any.
        mac: "" when the annotation shall go.
    """

    pod: str
    uid: str
    mac: str


class State:
    """The file. Each method is one transaction, or part of the one that ``together`` makes.

    Args:
        folder: made when missing. A file that is not readable is put aside, not repaired: the kernel knows what is in use.

    Raises:
        MachineError: from every method, when the disk does not take it.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._connection = _connect(self._path)
        except sqlite3.OperationalError as error:
            raise _cannot_write(self._path, error) from None
        except sqlite3.DatabaseError as error:
            _log.error("%s is damaged (%s): it is kept as %s.damaged, and a new one is begun", self._path, error, FILE)
            for suffix in ("-wal", "-shm"):
                self._path.with_name(FILE + suffix).unlink(missing_ok=True)
            self._path.replace(self._path.with_name(FILE + ".damaged"))
            self._connection = _connect(self._path)
        except OSError as error:
            raise _cannot_write(self._path, error) from None

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written inside is written at once or not at all."""
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            yield
            self._connection.execute("COMMIT")
        except sqlite3.Error as error:
            raise _cannot_write(self._path, error) from None
        finally:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def _write(self, statement: str, *values: object) -> None:
        try:
            self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise _cannot_write(self._path, error) from None

    def attachments(self) -> list[Attachment]:
        """All of them."""
        rows = self._connection.execute(
            "SELECT container, interface, network, namespace, pod, uid, address, mac, link, wired FROM attachments"
        )
        return [replace(Attachment(*row), wired=bool(row[-1])) for row in rows]

    def save(self, attachment: Attachment) -> None:
        """Add or replace an attachment; its address does not rest."""
        a = attachment
        self._write(
            "INSERT OR REPLACE INTO attachments VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(a.container, a.interface, a.network, a.namespace, a.pod, a.uid, a.address, a.mac, a.link, int(a.wired)),
        )
        self._write("DELETE FROM resting WHERE address = ?", a.address)

    def remove(self, attachment: Attachment) -> None:
        """Forget an attachment; its address rests."""
        self._write("DELETE FROM attachments WHERE container = ? AND interface = ?", *attachment.key)
        self._write("INSERT OR REPLACE INTO resting VALUES (?)", attachment.address)

    def resting(self) -> list[str]:
        """Addresses that were released, the oldest release first. How long ago is not known: clocks jump."""
        return [address for (address,) in self._connection.execute("SELECT address FROM resting ORDER BY rowid")]

    def fact(self, name: str) -> str:
        """What was remembered under ``name``, "" for nothing."""
        row = self._connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return row[0] if row else ""

    def remember(self, name: str, value: str) -> None:
        """Remember a fact."""
        self._write("INSERT OR REPLACE INTO facts VALUES (?, ?)", name, value)

    def annotations(self) -> list[Annotation]:
        """Those still to write, oldest first."""
        return [Annotation(*row) for row in self._connection.execute("SELECT pod, uid, mac FROM annotations ORDER BY rowid")]

    def want(self, annotation: Annotation) -> None:
        """Have an annotation written; a newer wish for the same Pod replaces the older."""
        self._write("INSERT OR REPLACE INTO annotations VALUES (?, ?, ?)", annotation.pod, annotation.uid, annotation.mac)

    def done(self, annotation: Annotation) -> None:
        """The annotation is as wished, unless the wish has changed meanwhile."""
        self._write(
            "DELETE FROM annotations WHERE pod = ? AND uid = ? AND mac = ?", annotation.pod, annotation.uid, annotation.mac
        )


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=5, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA cache_size = -256")
        connection.executescript(_TABLES)
        if connection.execute("PRAGMA quick_check").fetchone() != ("ok",):
            raise sqlite3.DatabaseError("quick_check failed")
    except BaseException:
        connection.close()
        raise
    return connection


def _cannot_write(path: Path, error: Exception) -> MachineError:
    return MachineError(
        f"{path} cannot be written ({error}): free space or make it writable; MIDONETKUBE_NODESTATE names another folder"
    )
