"""What the agent asks of the server (architecture, seam 4)."""

from __future__ import annotations

import base64
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import msgspec

from midonet_kubernetes.errors import MidonetApiError
from midonet_kubernetes.exchange import Request, Response, Transport
from midonet_kubernetes.midonet_api import Credentials
from midonet_kubernetes.minimidonet.agent.stream import Commit, Position, Reader

PREFIX = "/minimidonet/v1/hosts/"
_JSON = {"content-type": "application/json", "accept": "application/json"}


@dataclass(frozen=True, slots=True)
class HostName:
    """Who the agent is.

    Args:
        id: the host's UUID.
        name: the host's name, by which a Kubernetes Node finds it.
    """

    id: str
    name: str


class ServerClient:
    """One host's view of the server. It logs in when the server asks for that.

    Args:
        transport: what carries requests.
        host: who asks.
        credentials: for the login.
        api_path: where the REST API is, with the login.
    """

    def __init__(
        self, transport: Transport, host: HostName, credentials: Credentials | None = None, api_path: str = "/midonet-api"
    ) -> None:
        self._transport, self._host = transport, host
        self._credentials, self._api_path = credentials or Credentials(), api_path.rstrip("/")
        self._token: dict[str, str] = {}

    async def register(self, addresses: list[str], interfaces: list[dict[str, Any]]) -> float:
        """Say that the host is there.

        Returns:
            Seconds until it has to be said again.

        Raises:
            Unreachable: there was no answer.
            MidonetApiError: the server refuses.
        """
        body = {"name": self._host.name, "addresses": addresses, "interfaces": interfaces}
        response = await self._put(PREFIX + self._host.id, body)
        try:
            return float(msgspec.json.decode(response.body)["leaseSeconds"])
        except (msgspec.DecodeError, KeyError, TypeError, ValueError):
            raise MidonetApiError(f"the server's answer to the registration cannot be read: {response.body[:80]!r}") from None

    async def report(self, status: dict[str, Any]) -> None:
        """Say what is programmed; raises as ``register``."""
        await self._put(f"{PREFIX}{self._host.id}/status", status)

    async def follow(self, position: Position | None) -> AsyncGenerator[list[Commit], None]:
        """The topology from a position on, for as long as the connection holds.

        Args:
            position: up to where it is known; None: from the beginning.

        Yields:
            Commits that came together.

        Raises:
            Unreachable: the connection broke, or was silent for too long.
            MidonetApiError: the server refuses, or what it sends is no stream of a host.
        """
        query = "?" + urlencode({"revision": position.revision, "store": position.store}) if position else ""
        path = f"{PREFIX}{self._host.id}/stream{query}"
        async with self._transport.stream(Request("GET", path, {"accept": "application/json", **self._token})) as response:
            if response.status == 401:
                await self._log_in()
            if response.status != 200:
                raise MidonetApiError(f"the server refuses the stream (status {response.status})", status=response.status)
            reader = Reader(position)
            async for chunk in response.chunks:
                commits = list(reader.feed(chunk))
                if commits:
                    yield commits

    async def _put(self, path: str, body: dict[str, Any]) -> Response:
        response = await self._send("PUT", path, body)
        if response.status == 401 and await self._log_in():
            response = await self._send("PUT", path, body)
        if response.status >= 300:
            text = response.body[:200].decode(errors="replace")
            raise MidonetApiError(f"the server answers {response.status} to PUT {path}: {text}", status=response.status)
        return response

    async def _send(self, method: str, path: str, body: dict[str, Any]) -> Response:
        return await self._transport.send(Request(method, path, {**_JSON, **self._token}, msgspec.json.encode(body)))

    async def _log_in(self) -> bool:
        """Get a token (rest-api 2); False: there is none to get."""
        who = self._credentials
        if not who.password:
            return False
        basic = base64.b64encode(f"{who.username}:{who.password}".encode()).decode()
        headers = {"authorization": f"Basic {basic}", "x-auth-project": who.project}
        response = await self._transport.send(Request("POST", f"{self._api_path}/login", headers))
        try:
            key = msgspec.json.decode(response.body)["key"] if response.status == 200 else None
        except (msgspec.DecodeError, KeyError, TypeError):
            key = None
        self._token = {"x-auth-token": key} if isinstance(key, str) else {}
        return bool(self._token)
