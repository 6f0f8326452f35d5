"""Connections: how many there may be, how long one may take to say what it wants, and words that HTTP does not know."""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Any

from aiohttp import web

from midonet_kubernetes.minimidonet.server.short_way import Answering, ShortWay

FIRST_REQUEST_SECONDS = 30.0
KEEP_ALIVE_SECONDS = 30.0  # as MidoNet's connector (rest-api 11.4)
LINGER_SECONDS = 2.0  # to read what is left of a refused body, so that the sender sees the answer
MOST_CONNECTIONS = 8192

_LOWER_CASE_METHOD = re.compile(rb"(?:get|head|post|put|delete|options|patch) /")
_FULL = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: text/plain\r\nRetry-After: 1\r\nContent-Length: 22\r\n"
    b"Connection: close\r\n\r\ntoo many connections.\n"
)


class Connection(ShortWay):
    """One connection."""

    _first_request: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start the clock; a connection too many is told so and closed."""
        super().connection_made(transport)
        manager = self._manager
        if manager is not None and len(manager.connections) > MOST_CONNECTIONS and isinstance(transport, asyncio.Transport):
            transport.write(_FULL)
            transport.close()
            return
        self._first_request = self._loop.call_later(FIRST_REQUEST_SECONDS, self.force_close)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Stop the clock."""
        self._stop_clock()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Methods in lower case are understood, as MidoNet does (rest-api 11.2)."""
        if data[:1].islower() and self._current_request is None and _LOWER_CASE_METHOD.match(data):
            method, rest = data.split(b" ", 1)
            data = method.upper() + b" " + rest
        super().data_received(data)
        if self._first_request is not None and self._request_count:
            self._stop_clock()  # from here on the keep-alive time counts

    def _stop_clock(self) -> None:
        if self._first_request is not None:
            self._first_request.cancel()
            self._first_request = None


class Connections(web.Server):
    """The low-level server of aiohttp, with these connections.

    Args:
        answering: who answers requests.
    """

    def __init__(self, answering: Answering) -> None:
        super().__init__(answering.answer)
        self._answering = answering
        # Broken HTTP is answered with 400; aiohttp would log a traceback for each.
        quiet = logging.getLogger("minimidonet.http")
        quiet.setLevel(logging.CRITICAL)
        self._options: dict[str, Any] = {
            "access_log": None,
            "auto_decompress": False,
            "keepalive_timeout": KEEP_ALIVE_SECONDS,
            "lingering_time": LINGER_SECONDS,
            "logger": quiet,
        }

    def __call__(self) -> Connection:
        """A new connection."""
        return Connection(self, self._answering, loop=self._loop, **self._options)
