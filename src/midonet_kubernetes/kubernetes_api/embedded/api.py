"""The embedded API: requests as values in, answers as values out."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from midonet_kubernetes.exchange import Request, Response, StreamedResponse
from midonet_kubernetes.kubernetes_api.embedded import discovery, subresources
from midonet_kubernetes.kubernetes_api.embedded.calls import split_path, take_apart
from midonet_kubernetes.kubernetes_api.embedded.failures import Failure, Json, expired, internal_error, no_such_path
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.verbs import JSON_HEADERS, Verbs, json_response
from midonet_kubernetes.kubernetes_api.embedded.watches import Selection, Watches, WatchOptions

_LOG = logging.getLogger(__name__)
_HEALTH = {"/healthz", "/livez", "/readyz"}
_PROTO_V2 = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_EMPTY_OPENAPI_V2 = b"\x0a\x032.0"  # field 1, swagger: "2.0"


class Api:
    """A Kubernetes API server without sockets.

    Args:
        registry: the objects.
        bookmark_interval: seconds between the bookmarks of a watch.
    """

    def __init__(self, registry: Registry, *, bookmark_interval: float = 15.0) -> None:
        self.registry = registry
        self._verbs = Verbs(registry)
        self._watches = Watches(registry.store, registry.clock, bookmark_interval=bookmark_interval)

    async def handle(self, request: Request) -> Response:
        """Answer a request that is no watch."""
        try:
            return self._answer(request)
        except Failure as failure:
            return json_response(failure.status_object(), failure.status)
        except Exception as error:  # noqa: BLE001 - what one request runs into must not end the others
            _LOG.error("%s %s", request.method, request.path, exc_info=error)
            return json_response(internal_error(error).status_object(), 500)

    @asynccontextmanager
    async def stream(self, request: Request) -> AsyncIterator[StreamedResponse]:
        """Answer any request as a stream; leaving the context ends a watch."""
        try:
            wanted = self._wanted_watch(request)
        except Failure as failure:
            refused = json_response(failure.status_object(), failure.status)
            yield StreamedResponse(refused.status, refused.headers, _once(refused.body))
            return
        if wanted is None:
            response = await self.handle(request)
            yield StreamedResponse(response.status, response.headers, _once(response.body))
            return
        with self._watches.watch(*wanted) as events:
            yield StreamedResponse(200, JSON_HEADERS, events)

    def _wanted_watch(self, request: Request) -> tuple[Selection, WatchOptions] | None:
        if "watch=" not in request.path:
            return None
        call = take_apart(request, self.registry.catalogue)
        if not call.is_watch:
            return None
        options = call.watch_options()
        if options.revision is not None and options.revision > self.registry.store.revision:
            # A revision that is still to come is of another store's life: its watcher would miss what this one said before.
            raise expired(f"resource version {options.revision} is in the future; list again")
        return call.selection(), options

    def close(self) -> None:
        """End every watch."""
        self._watches.close()

    def _answer(self, request: Request) -> Response:
        path = urlsplit(request.path).path.rstrip("/")
        if request.method == "GET":
            document = self._document(path, request)
            if document is not None:
                return document
        if request.method == "POST" and path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
            return subresources.review()
        call = take_apart(request, self.registry.catalogue)
        if call.subresource in {"", "status"}:
            return self._verbs.answer(call)
        return subresources.answer(self.registry, call)

    def _document(self, path: str, request: Request) -> Response | None:
        catalogue = self.registry.catalogue
        if path in _HEALTH:
            return Response(200, {"content-type": "text/plain"}, b"ok")
        if path == "/openapi/v2":
            return _openapi_v2(request)
        fixed: dict[str, Callable[[], Json]] = {
            "/version": lambda: discovery.VERSION,
            "/api": discovery.api_versions,
            "/apis": lambda: discovery.api_groups(catalogue),
            "/openapi/v3": lambda: discovery.openapi_index(catalogue),
        }
        if path in fixed:
            return json_response(fixed[path]())
        if path.startswith("/openapi/v3/"):
            group, version, _ = split_path(path.removeprefix("/openapi/v3"))
            return json_response(discovery.openapi(catalogue, group, version))
        document = self._group_document(path)
        return None if document is None else json_response(document)

    def _group_document(self, path: str) -> Json | None:
        parts = path.split("/")[1:]
        if parts[0] == "apis" and len(parts) == 2:
            document = discovery.api_group(self.registry.catalogue, parts[1])
        elif (parts[0] == "apis" and len(parts) == 3) or (parts[0] == "api" and len(parts) == 2):
            document = discovery.api_resources(self.registry.catalogue, parts[1] if len(parts) == 3 else "", parts[-1])
        else:
            return None
        if document is None:
            raise no_such_path()
        return document


def _openapi_v2(request: Request) -> Response:
    accept = next((value for name, value in request.headers.items() if name.lower() == "accept"), "")
    if "protobuf" in accept:
        return Response(200, {"content-type": _PROTO_V2}, _EMPTY_OPENAPI_V2)
    info = {"title": "Kubernetes", "version": discovery.VERSION["gitVersion"]}
    return json_response({"swagger": "2.0", "info": info, "paths": {}, "definitions": {}})


async def _once(body: bytes) -> AsyncIterator[bytes]:
    yield body
