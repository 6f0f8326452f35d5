"""The REST API as a function from request to response, over a store. No port, no event loop."""

from __future__ import annotations

import re
import zlib
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from midonet_kubernetes.exchange import Request, Response
from midonet_kubernetes.minimidonet.auth.access import Access, OpenAccess
from midonet_kubernetes.minimidonet.quirks import Quirks
from midonet_kubernetes.minimidonet.rest.body import parse, unpack
from midonet_kubernetes.minimidonet.rest.call import Answer, Call
from midonet_kubernetes.minimidonet.rest.media import ERROR, check_json
from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.route import Route, Table, allowed
from midonet_kubernetes.minimidonet.routes import ROUTES
from midonet_kubernetes.minimidonet.store.store import Store

ROOT = "/midonet-api"
LOGIN = "/login"

_HOST = re.compile(r"[A-Za-z0-9._~%:\[\]-]{1,300}")  # it becomes a part of every link

_CORS = {
    "access-control-allow-origin": "*",
    "access-control-allow-methods": "GET, POST, PUT, DELETE, OPTIONS",
    "access-control-expose-headers": "Location",
}
_PREFLIGHT = {
    **_CORS,
    "access-control-allow-headers": "Origin, X-Auth-Token, X-Auth-Project, Content-Type, Accept, Authorization",
}
_PAGE_HEADERS = {
    **_CORS,
    "content-type": "text/html;charset=iso-8859-1",
    "cache-control": "must-revalidate,no-cache,no-store",
}

_encode = msgspec.json.Encoder().encode
_TABLE = Table(ROUTES)


def nobody(_: str) -> bool:
    """No host is alive: there are no agents."""
    return False


class Api:
    """The API over one store.

    Args:
        store: what it is about.
        quirks: which of MidoNet's defects are shown.
        access: who may do anything.
        is_alive: whether a host's agent is there.
    """

    def __init__(
        self,
        store: Store,
        *,
        quirks: Quirks | None = None,
        access: Access | None = None,
        is_alive: Callable[[str], bool] = nobody,
    ) -> None:
        self.store = store
        self._quirks = quirks or Quirks()
        self.access: Access = access or OpenAccess()
        self._is_alive = is_alive

    def handle(self, request: Request) -> Response:
        """The answer; what it says was written is in the store, and in its file after ``store.durable()``."""
        headers = {name.lower(): value for name, value in request.headers.items()}
        method = request.method.upper()
        if method == "OPTIONS":
            return Response(200, _PREFLIGHT)
        path, _, query = request.path.partition("?")
        try:
            response = self._answer(method, path, query, headers, request.body)
        except Refusal as refusal:
            response = refused(refusal)
        response = compressed(response, headers)
        return Response(response.status, response.headers) if method == "HEAD" else response

    def _answer(self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes) -> Response:
        if not path.startswith(ROOT) or path[len(ROOT) : len(ROOT) + 1] not in {"", "/"}:
            raise Refusal(404, f"There is nothing at {path[:200]}: the API is at {ROOT}/")
        below = path[len(ROOT) :]
        base = base_uri(headers)
        if below == LOGIN:
            return self._login(headers)
        self.access.check(headers)
        if not below:
            return Response(302, {**_CORS, "location": f"{base}/"})
        routes, parameters = _TABLE.find(below)
        route = routes.get("GET" if method == "HEAD" else method)
        if route is None:
            raise Refusal(405, plain=True, headers={"allow": allowed(routes)})
        asked = dict(reversed(parse_qsl(query, keep_blank_values=True))) if query else {}
        call = Call(base, parameters, asked, None, self._quirks, self._is_alive)
        return self._call(route, call, headers, body)

    def _call(self, route: Route, call: Call, headers: Mapping[str, str], body: bytes) -> Response:
        if route.locator is not None:
            route.locator(call, self.store.tables)
        produced = route.produces.produced(headers.get("accept")) if route.produces is not None else ""
        if route.read is not None:
            call.given = _read(route, headers, body)
        elif route.consumes is not None and headers.get("content-type"):
            route.consumes.check_consumed(headers["content-type"])
        with self.store.transaction() as transaction:
            answer = route.handler(call, transaction)
        return _response(answer, produced)

    def _login(self, headers: Mapping[str, str]) -> Response:
        token = self.access.login(headers.get("authorization"))
        cookie = f"sessionId={token.key}" + (f"; Expires={token.expires}" if token.expires else "")
        return Response(
            200,
            {**_CORS, "content-type": "application/vnd.org.midonet.Token-v1+json;charset=UTF-8", "set-cookie": cookie},
            _encode({"key": token.key, "expires": token.expires}),
        )


def is_login(path: str) -> bool:
    """Whether a path, with its query or without, is that of the login."""
    return path.startswith(ROOT + LOGIN) and path.partition("?")[0] == ROOT + LOGIN


def _read(route: Route, headers: Mapping[str, str], body: bytes) -> Any:
    """The body's values.

    Generic resources read the body first and look at its type then; of others the framework looks first (rest-api 11.4),
    unless it can fall back to the verb that all resources inherit.
    """
    assert route.read is not None
    consumes, content_type = route.consumes, headers.get("content-type")
    check_json(content_type)
    is_first = consumes is not None and not consumes.generic and not consumes.otherwise
    if consumes is not None and is_first:
        consumes.check_consumed(content_type)
    if headers.get("content-encoding", "").lower() == "gzip" and body:
        body = unpack(body)
    values = route.read(parse(body))
    if consumes is not None and not is_first:
        consumes.check_consumed(content_type)
    return values


def _response(answer: Answer, produced: str) -> Response:
    headers = {**_CORS, **answer.headers} if answer.headers else _CORS.copy()
    if answer.location is not None:
        headers["location"] = answer.location
    if answer.value is None:
        return Response(answer.status, headers)
    headers["content-type"] = produced
    headers["vary"] = "Accept-Encoding"
    return Response(answer.status, headers, _encode(answer.value))


def refused(refusal: Refusal) -> Response:
    """A refusal as MidoNet words it (rest-api 1.6)."""
    if refusal.page:
        return _page(refusal.status)
    if refusal.plain:
        return Response(refusal.status, {**_CORS, **refusal.headers})
    document: dict[str, Any] = {"message": refusal.message, "code": refusal.status}
    if refusal.violations:
        document["violations"] = [{"property": name, "message": text} for name, text in refusal.violations]
    headers = {**_CORS, "content-type": ERROR, "vary": "Accept-Encoding", **refusal.headers}
    return Response(refusal.status, headers, _encode(document))


def _page(status: int) -> Response:
    """The page of MidoNet's container, which hangs up after an exception that nobody caught."""
    body = f"<html><head><title>Error {status}</title></head><body><h2>HTTP ERROR {status}</h2></body></html>\n"
    return Response(status, {**_PAGE_HEADERS, **({"connection": "close"} if status == 500 else {})}, body.encode())


def compressed(response: Response, headers: Mapping[str, str]) -> Response:
    """The response as gzip, if it has a body and the client takes that."""
    if not response.body or "gzip" not in headers.get("accept-encoding", "").lower():
        return response
    packer = zlib.compressobj(1, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    body = packer.compress(response.body) + packer.flush()
    return Response(response.status, {**response.headers, "content-encoding": "gzip"}, body)


def base_uri(headers: Mapping[str, str]) -> str:
    """The API's URI as the client addressed it, proxies included (rest-api 1.1), without trailing slash."""
    host = headers.get("x-forwarded-host") or headers.get("host") or "localhost"
    return _base_uri(headers.get("x-forwarded-proto") or "http", host)


@lru_cache(maxsize=256)
def _base_uri(scheme: str, host: str) -> str:
    first = host.partition(",")[0].strip()
    if _HOST.fullmatch(first) is None:
        raise bad_request("Host is no name or address with a port")
    return f"{'https' if scheme.partition(',')[0].strip().lower() == 'https' else 'http'}://{first}{ROOT}"
