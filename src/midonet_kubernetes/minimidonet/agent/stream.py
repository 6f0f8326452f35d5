"""The stream of a host, line by line, as commits (architecture, seam 4). Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import msgspec

from midonet_kubernetes.errors import MidonetApiError
from midonet_kubernetes.model.midonet import KINDS
from midonet_kubernetes.topology.change import Change


class _Line(msgspec.Struct, frozen=True):
    type: str
    kind: str = ""
    id: str = ""
    object: dict[str, Any] | None = None
    store: str = ""
    revision: int = 0


@dataclass(frozen=True, slots=True)
class Position:
    """How far a reader has come: in which history, and to which revision."""

    store: str
    revision: int


@dataclass(frozen=True, slots=True)
class Commit:
    """Changes that belong together.

    Args:
        changes: in order; of a whole view when ``snapshot``.
        position: where to go on from when they have been taken in.
        snapshot: what the changes do not name is gone.
    """

    changes: tuple[Change, ...]
    position: Position
    snapshot: bool = False


class Reader:
    """Makes commits of bytes.

    Args:
        position: where the stream goes on from; None at the first time, then it has to begin with a snapshot.
    """

    def __init__(self, position: Position | None) -> None:
        self._store = position.store if position else ""
        self._decoder = msgspec.json.Decoder(_Line)
        self._rest = b""
        self._changes: list[Change] = []
        self._snapshot = False

    def feed(self, chunk: bytes) -> Iterator[Commit]:
        """What a chunk completes: commits, and one without changes for each sign of life.

        Raises:
            MidonetApiError: this is not a stream of a host.
        """
        lines = (self._rest + chunk).split(b"\n")
        self._rest = lines.pop()
        for text in lines:
            try:
                line = self._decoder.decode(text)
            except msgspec.DecodeError as error:
                raise MidonetApiError(f"the stream has a line that cannot be read ({error}): {text[:80]!r}") from None
            commit = self._take(line)
            if commit is not None:
                yield commit

    def _take(self, line: _Line) -> Commit | None:
        if line.type == "snapshot":
            self._store, self._snapshot, self._changes = line.store, True, []
        elif not self._store:
            raise MidonetApiError("the stream does not begin with a snapshot")
        elif line.type in {"put", "delete"}:
            if line.kind in KINDS:  # a newer server may know more kinds
                self._changes.append(Change(line.kind, line.id, line.object))
        elif line.type == "commit":
            commit = Commit(tuple(self._changes), Position(self._store, line.revision), self._snapshot)
            self._changes, self._snapshot = [], False
            return commit
        elif line.type == "alive" and not self._changes and not self._snapshot:
            return Commit((), Position(self._store, line.revision))
        return None
