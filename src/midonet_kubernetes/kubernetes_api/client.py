"""The Kubernetes API as calls on typed objects. Failures come as the errors of ``errors.py``."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar
from urllib.parse import urlencode

import msgspec

from midonet_kubernetes.errors import Gone, KubernetesApiError, TooManyRequests, Unauthorized, UserError
from midonet_kubernetes.exchange import Request, Response, Transport
from midonet_kubernetes.kubernetes_api.credentials import ANONYMOUS, Credentials
from midonet_kubernetes.kubernetes_api.kinds import Kind
from midonet_kubernetes.kubernetes_api.page import BadObjectHandler, Page, log_bad_object, read_page
from midonet_kubernetes.kubernetes_api.status import error_of

T = TypeVar("T")

PAGE_SIZE = 500
LONGEST_RETRY_AFTER = 30.0  # seconds; a server that asks for more is asked again earlier
_ATTEMPTS = 5  # of a request that is answered with 429
_LISTS = 3  # times that a list is begun anew because its pages expired

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"


class Client:
    """A client of one API server.

    A 401 makes the credentials be read again, once. A 429 is waited out as the server asks, within bounds. Everything else is
    the caller's to decide: nothing is retried behind its back.

    Args:
        transport: what carries the requests; the client owns and closes it.
        credentials: who we are.
        user_agent: how we introduce ourselves in the server's audit log.
    """

    def __init__(
        self, transport: Transport, credentials: Credentials = ANONYMOUS, *, user_agent: str = "midonet-kubernetes"
    ) -> None:
        self._transport, self._credentials, self._user_agent = transport, credentials, user_agent

    async def close(self) -> None:
        """Close the transport."""
        await self._transport.close()

    async def get(self, kind: Kind[T], name: str, *, namespace: str | None = None) -> T:
        """The object as it is now.

        Raises:
            ApiError: ``NotFound`` and the others of ``errors.py``; so does every call here.
        """
        return _read(kind, await self.send("GET", kind.path(namespace=namespace, name=name)))

    async def list(
        self,
        kind: Kind[T],
        *,
        namespace: str | None = None,
        labels: str = "",
        fields: str = "",
        on_bad: BadObjectHandler = log_bad_object,
    ) -> Sequence[T]:
        """All objects of a kind, as they were at one instant.

        Args:
            kind: of the objects.
            namespace: None for all.
            labels: a label selector.
            fields: a field selector.
            on_bad: told of each object that cannot be read; the others are returned.
        """
        attempts = _LISTS
        while True:
            attempts -= 1
            try:
                return await _gather(self.pages(kind, namespace=namespace, labels=labels, fields=fields), on_bad)
            except Gone:
                if not attempts:
                    raise

    async def pages(
        self, kind: Kind[T], *, namespace: str | None = None, labels: str = "", fields: str = "", size: int = PAGE_SIZE
    ) -> AsyncGenerator[Page[T], None]:
        """A list in pages, so that it is never in memory as a whole. The next one is asked for while one is looked at.

        Raises:
            Gone: the pages that were to come have expired; begin anew.
        """
        query = {"limit": str(size), **selectors(labels, fields)}
        path = kind.path(namespace=namespace)
        asked = asyncio.ensure_future(self.send("GET", f"{path}?{urlencode(query)}"))
        try:
            while True:
                page = read_page(kind, (await asked).body)
                if page.more:
                    query["continue"] = page.more
                    asked = asyncio.ensure_future(self.send("GET", f"{path}?{urlencode(query)}"))
                yield page
                if not page.more:
                    return
        finally:
            asked.cancel()
            await asyncio.gather(asked, return_exceptions=True)

    async def create(self, kind: Kind[T], object_: T, *, namespace: str | None = None) -> T:
        """Create an object; the namespace defaults to that in its metadata."""
        namespace = namespace or kind.metadata(object_).namespace
        return _read(kind, await self.send("POST", kind.path(namespace=namespace), kind.encode(object_)))

    async def replace(self, kind: Kind[T], object_: T, *, subresource: str = "") -> T:
        """Replace an object, on condition of its ``resourceVersion`` if it has one (``Conflict`` when that is old).

        Fields that the kind's Struct does not read are lost: only for kinds that are modelled in full, or dictionaries.
        """
        metadata = kind.metadata(object_)
        path = kind.path(namespace=metadata.namespace, name=metadata.name, subresource=subresource)
        return _read(kind, await self.send("PUT", path, kind.encode(object_)))

    async def patch(
        self, kind: Kind[T], name: str, patch: Mapping[str, Any], *, namespace: str | None = None, subresource: str = ""
    ) -> T:
        """Apply a JSON merge patch (RFC 7396): null removes a key, a list replaces a list."""
        path = kind.path(namespace=namespace, name=name, subresource=subresource)
        return _read(kind, await self.send("PATCH", path, msgspec.json.encode(patch), MERGE_PATCH))

    async def apply(self, kind: Kind[T], object_: T, *, namespace: str | None = None, field_manager: str) -> T:
        """Server-side apply: create the object, or make the fields given here ours and as given."""
        metadata = kind.metadata(object_)
        path = kind.path(namespace=namespace or metadata.namespace, name=metadata.name)
        query = urlencode({"fieldManager": field_manager, "force": "true"})
        return _read(kind, await self.send("PATCH", f"{path}?{query}", kind.encode(object_), APPLY_PATCH))

    async def delete(
        self,
        kind: Kind[T],
        name: str,
        *,
        namespace: str | None = None,
        propagation: str = "",
        uid: str = "",
        resource_version: str = "",
    ) -> None:
        """Delete an object, or begin to when it has finalizers.

        Args:
            kind: of the object.
            name: of the object.
            namespace: of the object.
            propagation: "Background", "Foreground", "Orphan", or "" for the server's default.
            uid: delete only if it is this one (``Conflict`` otherwise).
            resource_version: delete only if it is at this version (``Conflict`` otherwise).
        """
        options: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions"}
        if propagation:
            options["propagationPolicy"] = propagation
        if conditions := {key: value for key, value in (("uid", uid), ("resourceVersion", resource_version)) if value}:
            options["preconditions"] = conditions
        await self.send("DELETE", kind.path(namespace=namespace, name=name), msgspec.json.encode(options))

    async def send(self, method: str, path: str, body: bytes = b"", content_type: str = JSON) -> Response:
        """A request to any path, answered with a success.

        Raises:
            ApiError: it was not.
        """
        may_refresh, attempts = True, _ATTEMPTS
        while True:
            response = await self._transport.send(await self._request(method, path, body, content_type))
            if response.status < 300:
                return response
            error = error_of(response)
            if isinstance(error, Unauthorized) and may_refresh and self._credentials.forget():
                may_refresh = False
            elif isinstance(error, TooManyRequests) and attempts > 1:
                attempts -= 1
                await asyncio.sleep(retry_after(error, default=1.0) * (1 + random.random() / 4))  # noqa: S311 - only jitter
            else:
                raise error

    @asynccontextmanager
    async def stream(self, path: str) -> AsyncIterator[AsyncIterator[bytes]]:
        """The chunks of an answer that comes over time, such as a watch.

        Raises:
            ApiError: on entering; ``Unreachable`` also while iterating. A 429 is not waited out here.
        """
        may_refresh = True
        while True:
            async with self._transport.stream(await self._request("GET", path, b"", JSON)) as response:
                if response.status < 300:
                    yield response.chunks
                    return
                body = b"".join([chunk async for chunk in response.chunks])
            error = error_of(Response(response.status, response.headers, body))
            if not (isinstance(error, Unauthorized) and may_refresh and self._credentials.forget()):
                raise error
            may_refresh = False

    async def _request(self, method: str, path: str, body: bytes, content_type: str) -> Request:
        try:
            ours = await self._credentials.headers()
        except UserError as error:  # a program that runs already waits until its credentials are back
            raise Unauthorized(str(error), status=401) from error
        headers = {"Accept": JSON, "User-Agent": self._user_agent, **ours}
        if body:
            headers["Content-Type"] = content_type
        return Request(method, path, headers, body)


def retry_after(error: Exception | None, *, default: float = 0.0) -> float:
    """Seconds that the server asked to wait, within bounds; ``default`` if it did not say."""
    if isinstance(error, KubernetesApiError) and error.retry_after is not None:
        return min(error.retry_after, LONGEST_RETRY_AFTER)
    return default


def selectors(labels: str, fields: str) -> dict[str, str]:
    """The part of a query that selects objects."""
    return {name: value for name, value in (("labelSelector", labels), ("fieldSelector", fields)) if value}


def _read(kind: Kind[T], response: Response) -> T:
    try:
        return kind.decode(response.body)
    except msgspec.DecodeError as error:
        raise KubernetesApiError(f"the answer is no readable {kind.kind}: {error}", status=response.status) from error


async def _gather(pages: AsyncIterator[Page[T]], on_bad: BadObjectHandler) -> list[T]:
    objects: list[T] = []
    async for page in pages:
        objects.extend(page.objects)
        for bad in page.bad:
            on_bad(bad)
    return objects
