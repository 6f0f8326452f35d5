"""Lists in pages: all pages of one list show the store as it was at the first."""

from __future__ import annotations

import base64
import binascii
import secrets
from collections import OrderedDict
from dataclasses import dataclass

from midonet_kubernetes.kubernetes_api.embedded.failures import bad_request, expired
from midonet_kubernetes.kubernetes_api.embedded.store import Stored

_REMEMBERED = 64  # lists that are being paged through at a time; the oldest is dropped and its reader has to start again


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list.

    Args:
        items: the objects.
        revision: at which the whole list was taken.
        token: for ``continue``; empty on the last page.
        remaining: how many objects come after it.
    """

    items: list[Stored]
    revision: int
    token: str = ""
    remaining: int = 0


class Pages:
    """Lists that are being paged through. Stored objects never change, so remembering a list is remembering references."""

    def __init__(self) -> None:
        self._lists: OrderedDict[str, tuple[int, list[Stored]]] = OrderedDict()

    def first(self, items: list[Stored], revision: int, limit: int) -> Page:
        """The first page of a list; ``limit`` 0 is no limit."""
        if not limit or len(items) <= limit:
            return Page(items, revision)
        identity = secrets.token_urlsafe(9)
        self._lists[identity] = (revision, items)
        if len(self._lists) > _REMEMBERED:
            self._lists.popitem(last=False)
        return self._cut(identity, 0, limit)

    def next(self, token: str, limit: int) -> Page:
        """The page that a ``continue`` token stands for.

        Raises:
            Failure: 400, it is no token; 410, its list is forgotten.
        """
        try:
            identity, start = base64.urlsafe_b64decode(token.encode()).decode().split("/")
            position = int(start)
        except (ValueError, binascii.Error) as error:
            raise bad_request("continue key is not valid") from error
        if identity not in self._lists:
            raise expired(
                "The provided continue parameter is too old to display a consistent list result. "
                "You must start a new list without the continue parameter."
            )
        return self._cut(identity, position, limit)

    def _cut(self, identity: str, start: int, limit: int) -> Page:
        revision, items = self._lists[identity]
        end = start + limit if limit else len(items)
        if end >= len(items):
            del self._lists[identity]
            return Page(items[start:], revision)
        token = base64.urlsafe_b64encode(f"{identity}/{end}".encode()).decode()
        return Page(items[start:end], revision, token, len(items) - end)
