"""An HTTP request and its answer as values: the seam between the clients and whatever carries their requests.

Both API clients are written against ``Transport``. Over the network it is an aiohttp session; in tests and in the
all-in-one process it is the server's own handler, called directly.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

_EMPTY: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Args:
        method: in capitals.
        path: absolute, percent-encoded, with the query string if there is one; never with scheme or host.
        headers: names in any case.
        body: the bytes as sent, empty for none.
    """

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; header names in lower case."""

    status: int
    headers: Mapping[str, str] = field(default_factory=lambda: _EMPTY)
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class StreamedResponse:
    """An answer whose body arrives over time, in chunks of any size."""

    status: int
    headers: Mapping[str, str]
    chunks: AsyncIterator[bytes]


class Transport(Protocol):
    """What carries a request to a server."""

    async def send(self, request: Request) -> Response:
        """Send and read the whole answer.

        Raises:
            errors.Unreachable: there was no usable answer.
        """
        ...

    def stream(self, request: Request) -> AbstractAsyncContextManager[StreamedResponse]:
        """Send and read the answer as it comes; leaving the context ends it.

        Raises:
            errors.Unreachable: on entering, or while iterating ``chunks``, when the connection breaks.
        """
        ...

    async def close(self) -> None:
        """Free what the transport holds. Closing twice is fine."""
        ...
