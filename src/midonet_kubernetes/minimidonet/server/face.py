"""The HTTP face: aiohttp's requests become values, answers leave when the store is durable; limits with clear answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.web_protocol import RequestHandler

from midonet_kubernetes.exchange import Request, Response
from midonet_kubernetes.minimidonet.page.files import page_file
from midonet_kubernetes.minimidonet.rest.body import LONGEST_BODY
from midonet_kubernetes.minimidonet.rest.refusal import Refusal
from midonet_kubernetes.minimidonet.server.api import ROOT, is_login, refused
from midonet_kubernetes.minimidonet.server.metrics import ServerMetrics
from midonet_kubernetes.minimidonet.server.rounds import Outcome, Rounds
from midonet_kubernetes.minimidonet.server.service import Service, is_stream
from midonet_kubernetes.minimidonet.server.short_way import Reply
from midonet_kubernetes.minimidonet.server.wire import rendered
from midonet_kubernetes.minimidonet.store.file import StoreError, StoreFull

BODY_SECONDS = 30.0
MOST_REQUESTS = 1024  # at a time
MOST_STREAMS = 4096
STALLED_SECONDS = 30.0  # a reader of a stream may take nothing for so long
_SHORT = frozenset(("GET", "POST", "PUT", "DELETE"))
LOGINS = 2  # at a time, each in a thread of its own: a password takes its time and its memory

_access_log = logging.getLogger("minimidonet.access")
_log = logging.getLogger("minimidonet")


class Face:
    """Answers aiohttp's requests.

    Args:
        service: the server.
        metrics: what is counted.
        log_access: write a line for each request.
        clock: seconds, for durations.
    """

    def __init__(
        self,
        service: Service,
        metrics: ServerMetrics,
        *,
        log_access: bool = False,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        self._service, self._metrics, self._clock = service, metrics, clock
        self._rounds = Rounds(service.handle, service.store)
        self._is_logging = log_access
        self._running = 0
        self._logins = asyncio.Semaphore(LOGINS)
        self.is_stopping = False

    async def answer(self, http: web.BaseRequest) -> web.StreamResponse:
        """A handler of aiohttp."""
        started = self._clock()
        path = _path(http)
        if not path.startswith(ROOT):
            if is_stream(http.method, path):
                return await self._stream(http, path)
            plain = self._plain(http.method, path)
            if plain is not None:
                return plain
        try:
            response = await self._handle(http, path)
        except ConnectionError:
            raise  # the client left: aiohttp knows what to do
        except Exception as error:  # noqa: BLE001 - the last line: a defect must not end the server
            response = _failure(error, http.method, path)
        self._note(http.method, path, response.status, started, http.remote)
        return _sent(response)

    async def _handle(self, http: web.BaseRequest, path: str) -> Response:
        if self._running >= MOST_REQUESTS:
            raise Refusal(503, f"{MOST_REQUESTS} requests are being answered: try again", headers={"retry-after": "1"})
        self._running += 1
        try:
            body = await _body(http)
            request = Request(http.method, path, _headers(http.headers, is_secure=http.secure), body)
            if is_login(path):
                async with self._logins:
                    return await asyncio.to_thread(self._service.handle, request)
            return await self._rounds.answer(request)
        finally:
            self._running -= 1

    def takes(self, method: str, path: str) -> bool:
        """Whether a request may go the short way: one to MidoNet's API that takes no time of its own."""
        return method in _SHORT and path.startswith(ROOT) and not is_login(path) and self._running < MOST_REQUESTS

    def ask(self, request: Request, connection: RequestHandler, reply: Reply) -> None:
        """Answer such a request by the short way."""
        self._running += 1
        if connection.ssl_context is not None:
            request = replace(request, headers=_headers(request.headers, is_secure=True))
        self._rounds.ask(request, partial(self._tell, request, connection, reply, self._clock()))

    def _tell(self, request: Request, connection: RequestHandler, reply: Reply, started: float, outcome: Outcome) -> None:
        self._running -= 1
        method, path = request.method, request.path
        response = outcome if isinstance(outcome, Response) else _failure(outcome, method, path)
        try:
            answer = rendered(response)
        except ValueError as error:
            response = _failure(error, method, path)
            answer = rendered(response)
        self._note(method, path, response.status, started, connection.peername)
        reply(answer, is_last=response.headers.get("connection") == "close")

    def _note(self, method: str, path: str, status: int, started: float, peer: object) -> None:
        seconds = self._clock() - started
        self._metrics.count(method, path, status, seconds)
        if self._is_logging:
            # Neither headers nor query strings: no secret can be in what is left.
            where, remote = path.partition("?")[0], peer[0] if isinstance(peer, tuple) else peer
            _access_log.info("%s %s %s %d %.1f ms", remote, method, where, status, seconds * 1e3)

    def _plain(self, method: str, path: str) -> web.Response | None:
        """Health, metrics and the page's files, for those who watch the server."""
        match path:
            case "/healthz":
                return web.Response(text="ok\n")
            case "/readyz":
                return web.Response(text="stopping\n", status=503) if self.is_stopping else web.Response(text="ok\n")
            case "/metrics":
                return self._metrics.response()
        file = page_file(path.partition("?")[0]) if method in {"GET", "HEAD"} else None
        return None if file is None else _sent(file)

    async def _stream(self, http: web.BaseRequest, path: str) -> web.StreamResponse:
        if self._service.hub.readers() >= MOST_STREAMS:
            return _sent(refused(Refusal(503, f"{MOST_STREAMS} streams are open: try again later")))
        async with self._service.stream(Request(http.method, path, http.headers)) as streamed:
            answer = web.StreamResponse(status=streamed.status, headers=streamed.headers)
            await answer.prepare(http)
            try:
                async for chunk in streamed.chunks:
                    async with asyncio.timeout(STALLED_SECONDS):
                        await answer.write(chunk)
                await answer.write_eof()
            except (ConnectionError, TimeoutError):
                answer.force_close()
                if http.transport is not None:
                    http.transport.abort()  # what it did not read is of no use to it: it comes back and goes on where it was
            return answer


async def _body(http: web.BaseRequest) -> bytes:
    """The whole body.

    Raises:
        Refusal: 413 too large, 408 too slow.
    """
    if not http.body_exists:
        return b""
    try:
        if http.content.is_eof():
            body = http.content.read_nowait()  # it is all there
        elif (http.content_length or 0) > LONGEST_BODY:
            raise _too_long()
        else:
            async with asyncio.timeout(BODY_SECONDS):
                body = await http.read()
    except (web.RequestPayloadError, HttpProcessingError):
        raise Refusal(400, "The body is not what HTTP allows", headers={"connection": "close"}) from None
    except web.HTTPRequestEntityTooLarge:
        raise _too_long() from None
    except TimeoutError:
        raise Refusal(408, f"The body took more than {BODY_SECONDS:.0f} s", headers={"connection": "close"}) from None
    if len(body) > LONGEST_BODY:
        raise _too_long()
    return body


def _too_long() -> Refusal:
    return Refusal(413, f"The body is longer than {LONGEST_BODY} bytes", headers={"connection": "close"})


def _headers(headers: Mapping[str, str], *, is_secure: bool) -> Mapping[str, str]:
    """The headers; links of an answer over TLS have to start with https."""
    if is_secure and "X-Forwarded-Proto" not in headers:
        return {**headers, "X-Forwarded-Proto": "https"}
    return headers


def _path(http: web.BaseRequest) -> str:
    """Path and query as sent; an absolute URI loses its host."""
    raw = http.raw_path
    if raw.startswith("/"):
        return raw
    _, _, rest = raw.partition("://")
    return "/" + rest.partition("/")[2]


def _sent(response: Response) -> web.Response:
    # Of no body aiohttp makes one of no bytes, and labels it.
    body = response.body or None
    answer = web.Response(status=response.status, body=body, headers={**response.headers, "server": "minimidonet"})
    if response.headers.get("connection") == "close":
        answer.force_close()
    return answer


def _failure(error: Exception, method: str, path: str) -> Response:
    """The answer to a request that failed; of a defect it does not show the inside."""
    if isinstance(error, Refusal):
        return refused(error)
    if isinstance(error, StoreError):
        if not isinstance(error, StoreFull):
            _log.error("%s", error)
        return refused(Refusal(507, str(error)))
    _log.error("a request could not be answered: %s %s", method, path.partition("?")[0], exc_info=error)
    return refused(Refusal(500, "This is a defect of minimidonet; its log says more"))
