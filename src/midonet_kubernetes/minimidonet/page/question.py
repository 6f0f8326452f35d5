"""What the page asks for: some rows of a table, so that an answer is small however large the topology is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any

from midonet_kubernetes.minimidonet.rest.refusal import bad_request

MOST_ROWS = 200
_ROWS = 50
_LONGEST_SEARCH = 300


@dataclass(frozen=True, slots=True)
class Question:
    """Which rows are wanted.

    Args:
        of: the id of the object whose parts they are; "" for a whole table.
        search: in lower case; what is shown of an object contains it, or its id begins with it.
        offset: rows before the first one that is wanted.
        limit: how many at most.
    """

    of: str = ""
    search: str = ""
    offset: int = 0
    limit: int = _ROWS

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Question:
        """From the parameters of a query.

        Raises:
            Refusal: 400, a number is none.
        """
        search = query.get("search", "").strip().lower()[:_LONGEST_SEARCH]
        limit = min(_number(query, "limit", _ROWS), MOST_ROWS)
        return cls(query.get("of", "").lower(), search, _number(query, "offset", 0), limit)

    def rows(
        self, ids: Collection[str], row: Callable[[str], Any], texts: Callable[[str], Iterable[str | None]]
    ) -> dict[str, Any]:
        """The rows that are wanted, and how many there are in all.

        Args:
            ids: of all objects.
            row: what is shown of one.
            texts: what is searched of one, besides its id.
        """
        wanted = [id_ for id_ in ids if self._matches(id_, texts(id_))] if self.search else ids
        shown = [row(id_) for id_ in islice(wanted, self.offset, self.offset + self.limit)]
        return {"total": len(wanted), "offset": self.offset, "rows": shown}

    def _matches(self, id_: str, texts: Iterable[str | None]) -> bool:
        return id_.startswith(self.search) or any(text is not None and self.search in text.lower() for text in texts)


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    if not text:
        return default
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise bad_request(f"{name} has to be a number")
    return int(text)
