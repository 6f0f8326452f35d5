"""One step of a topology's life, as it travels from the server's store to an agent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Change:
    """An object as it is now, or that it is gone.

    Args:
        kind: a key of ``model.midonet.KINDS``.
        id: the object's id, as that kind defines it.
        object: the object with REST field names, or None when it is gone.
    """

    kind: str
    id: str
    object: dict[str, Any] | None
