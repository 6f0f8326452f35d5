"""The client: requests with MidoNet's media types, and a login when the server asks for one (rest-api 2, 7, 10)."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from midonet_kubernetes.errors import MidonetApiError
from midonet_kubernetes.exchange import Request, Transport
from midonet_kubernetes.midonet_api.answer import Answer
from midonet_kubernetes.model.resource_kinds import ResourceKind


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are. An empty password means: try without a token, MidoNet cannot log in with one (rest-api 2.1)."""

    username: str = "admin"
    password: str = ""
    project: str = ""

    def __repr__(self) -> str:
        return f"Credentials({self.username!r}, ***, {self.project!r})"


class Client:
    """A client of one MidoNet API.

    Args:
        transport: what carries requests; the client closes it.
        base_path: where the API is, without trailing slash ("/midonet-api").
        credentials: for the login.
    """

    def __init__(self, transport: Transport, base_path: str = "/midonet-api", credentials: Credentials | None = None) -> None:
        self._transport = transport
        self._base_path = base_path.rstrip("/")
        self._credentials = credentials or Credentials()
        self._token = ""
        self._login_lock = asyncio.Lock()

    async def close(self) -> None:
        """Close the transport."""
        await self._transport.close()

    async def request(
        self, method: str, path: str, *, accept: str | None = None, content_type: str | None = None, body: bytes = b""
    ) -> Answer:
        """Any request below the base path. On 401 it logs in and asks once more.

        Raises:
            Unreachable: there was no usable answer.
        """
        headers: dict[str, str] = {}
        if accept is not None:
            headers["Accept"] = accept
        if content_type is not None:
            headers["Content-Type"] = content_type
        request = Request(method, self._base_path + path, headers, body)
        token = self._token
        answer = await self._send(request, token)
        if answer.status != 401 or not await self._log_in(instead_of=token):
            return answer
        return await self._send(request, self._token)

    async def create(self, kind: ResourceKind, parent: str, body: Mapping[str, Any], text: str | None = None) -> Answer:
        """POST of a new object.

        Args:
            kind: its resource kind.
            parent: UUID, or "".
            body: decides the path.
            text: what is sent; None is ``body`` as JSON.

        Raises:
            Unreachable: there was no usable answer.
            KeyError: the body of a Port has no usable ``type``.
        """
        sent = msgspec.json.encode(body) if text is None else text.encode()
        path = kind.collection_path(parent, body)
        return await self.request("POST", path, content_type=kind.media_type, body=sent)

    async def replace(self, kind: ResourceKind, parent: str, id: str, text: str) -> Answer:  # noqa: A002 - the contract's word
        """PUT of a whole object.

        Raises:
            Unreachable: there was no usable answer.
        """
        return await self.request("PUT", kind.item_path(parent, id), content_type=kind.media_type, body=text.encode())

    async def get(self, kind: ResourceKind, parent: str, id: str) -> Answer:  # noqa: A002 - the contract's word
        """GET of an object.

        Raises:
            Unreachable: there was no usable answer.
        """
        return await self.request("GET", kind.item_path(parent, id), accept=kind.media_type)

    async def delete(self, kind: ResourceKind, parent: str, id: str) -> Answer:  # noqa: A002 - the contract's word
        """DELETE of an object.

        Raises:
            Unreachable: there was no usable answer.
        """
        return await self.request("DELETE", kind.item_path(parent, id))

    async def list(self, path: str, media_type: str) -> list[dict[str, Any]]:
        """All objects of a collection.

        Args:
            path: below the base path, such as "/hosts".
            media_type: of the collection.

        Raises:
            Unreachable: there was no usable answer.
            MidonetApiError: it was refused, or is no list.
        """
        answer = await self.request("GET", path, accept=media_type)
        if not answer.ok:
            said = f": {answer.message}" if answer.message else ""
            raise MidonetApiError(f"the MidoNet API answers GET {path} with {answer.status}{said}", status=answer.status)
        return answer.objects()

    async def _send(self, request: Request, token: str) -> Answer:
        if token:
            headers = {**request.headers, "X-Auth-Token": token}
            request = Request(request.method, request.path, headers, request.body)
        return Answer(await self._transport.send(request))

    async def _log_in(self, *, instead_of: str) -> bool:
        """Get a token, unless another task got one meanwhile. False: there is none to get."""
        async with self._login_lock:
            if self._token != instead_of:
                return True
            who = self._credentials
            if not who.password:
                return False
            basic = base64.b64encode(f"{who.username}:{who.password}".encode()).decode()
            headers = {"Authorization": f"Basic {basic}", "Accept": "application/vnd.org.midonet.Token-v1+json"}
            if who.project:
                headers["X-Auth-Project"] = who.project
            answer = Answer(await self._transport.send(Request("POST", f"{self._base_path}/login", headers)))
            if not answer.ok:
                return False
            key = answer.object().get("key")
            self._token = key if isinstance(key, str) else ""
            return bool(self._token)
