"""What a handler is given and what it gives back."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

from midonet_kubernetes.minimidonet.quirks import Quirks
from midonet_kubernetes.minimidonet.rest.refusal import bad_request, missing
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction


def random_uuid() -> str:
    """A new id."""
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))


@dataclass(slots=True)
class Call:
    """A request as a handler sees it.

    Args:
        base: URI of the API as the client addressed it, without trailing slash.
        path: the values of the path's parameters.
        query: of the URI; the first of repeated names.
        given: what the route's reader made of the body; None when there is none.
        quirks: which of MidoNet's defects are shown.
        is_alive: whether a host's agent is there.
    """

    base: str
    path: dict[str, str]
    query: dict[str, str]
    given: Object | None
    quirks: Quirks
    is_alive: Callable[[str], bool]

    def values(self) -> Object:
        """The values of the body.

        Raises:
            Refusal: 400, there is none.
        """
        if self.given is None:
            raise bad_request("HV000116: The object to be validated must not be null.")
        return self.given


class Answer(NamedTuple):
    """What the client is told: a status, and a JSON value unless there is none to tell."""

    status: int
    value: Any = None
    location: str | None = None
    headers: Mapping[str, str] = MappingProxyType({})


Handler = Callable[[Call, Transaction], Answer]

NO_CONTENT = Answer(204)


def existing(store: Transaction, kind: str, id_: str) -> Object:
    """The object.

    Raises:
        Refusal: 404.
    """
    object_ = store.get(kind, id_)
    if object_ is None:
        raise missing(kind, id_)
    return object_
