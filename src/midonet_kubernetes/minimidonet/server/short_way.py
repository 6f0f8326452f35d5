"""The short way from a request to its answer, for a request that is there as a whole.

aiohttp gives each request a task of its own, and its answer several turns of the event loop: with the objects around them
that costs as much as a POST itself. That stays the way of all that needs time or care: a body that is still coming, requests
before the last one is answered, a client that does not read, HTTP/1.0, upgrades, and whatever is no request at all.
"""

from __future__ import annotations

from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Iterable
from typing import Any, Protocol

from aiohttp import web
from aiohttp.http import HttpVersion11, RawRequestMessage
from aiohttp.web_protocol import RequestHandler

from midonet_kubernetes.exchange import Request


class Reply(Protocol):
    """Takes an answer."""

    def __call__(self, answer: Iterable[bytes], /, *, is_last: bool) -> None:
        """Send the pieces of an answer as HTTP has it; ``is_last``: the connection ends with it."""
        ...


class Answering(Protocol):
    """Who answers requests, by either way."""

    def answer(self, http: web.BaseRequest, /) -> Awaitable[web.StreamResponse]:
        """The answer to be awaited, aiohttp's way."""
        ...

    def takes(self, method: str, path: str, /) -> bool:
        """Whether such a request may go the short way."""
        ...

    def ask(self, request: Request, connection: RequestHandler, reply: Reply, /) -> None:
        """Answer a request later in the same loop: ``reply`` is called once."""
        ...


class ShortWay(RequestHandler):
    """A connection.

    Args:
        manager: aiohttp's server.
        answering: who answers.
        loop: of the server.
        options: for aiohttp.
    """

    def __init__(self, manager: web.Server, answering: Answering, *, loop: AbstractEventLoop, **options: Any) -> None:
        super().__init__(manager, loop=loop, **options)
        self._answering = answering
        self._is_asking = False
        self._held = bytearray()  # what came before the answer

    def data_received(self, data: bytes) -> None:
        """Read what has come."""
        if self._is_asking:
            self._hold(data)
            return
        idle = self._waiter  # of aiohttp's loop over requests
        if idle is None or idle.done() or self.writing_paused or self._upgraded:
            super().data_received(data)
            return
        self._waiter = None  # so that nobody is woken yet
        try:
            super().data_received(data)
        finally:
            self._waiter = idle
        if self._messages and not self._is_taken() and not idle.done():
            idle.set_result(None)

    def _hold(self, data: bytes) -> None:
        if data:
            self._held += data
            self._pause_transport_reading()

    def _is_taken(self) -> bool:
        message, payload = self._messages[0]
        if not isinstance(message, RawRequestMessage) or not self._is_usual(message):
            return False
        if not payload.is_eof() or payload.exception() is not None or not self._answering.takes(message.method, message.path):
            return False
        assert self._parser is not None
        self._messages.clear()
        self._parser.message_consumed()
        self._is_asking = self._request_in_progress = True
        request = Request(message.method, message.path, message.headers, payload.read_nowait())
        self._answering.ask(request, self, self._reply)
        return True

    def _is_usual(self, message: RawRequestMessage) -> bool:
        is_alone = len(self._messages) == 1 and not self._reading_paused
        return is_alone and message.version == HttpVersion11 and not message.should_close and not message.upgrade

    def _reply(self, answer: Iterable[bytes], /, *, is_last: bool) -> None:
        self._is_asking = self._request_in_progress = False
        for piece in answer:
            if self.transport is not None:
                self.transport.write(piece)
        if self._handler_waiter is not None:  # the server stops, and waited for this
            self._handler_waiter.set_result(None)
        self._next_keepalive_close_time = self._loop.time() + self.keepalive_timeout
        if is_last:
            self.force_close()
        elif self._held:
            data = bytes(self._held)
            self._held.clear()
            self._resume_transport_reading()
            self.data_received(data)

    def _process_keepalive(self) -> None:
        if self._is_asking:  # it is not idle, though aiohttp's loop is
            self._next_keepalive_close_time = self._loop.time() + self.keepalive_timeout
        super()._process_keepalive()
