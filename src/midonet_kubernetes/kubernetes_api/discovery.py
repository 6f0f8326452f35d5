"""From ``apiVersion`` and ``kind``, as they stand in a manifest, to the place in the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from midonet_kubernetes.errors import ManifestError, NotFound, Unreachable
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import Kind, raw


class _Resource(msgspec.Struct):
    name: str
    kind: str
    namespaced: bool


class _ResourceList(msgspec.Struct):
    resources: list[_Resource] | None = None


_DECODER = msgspec.json.Decoder(_ResourceList)


class Discovery:
    """What the server says it has, asked for once per group and version.

    Args:
        client: of the API server.
    """

    def __init__(self, client: Client) -> None:
        self._client = client
        self._known: dict[tuple[str, str], Kind[dict[str, Any]]] = {}

    async def kind_of(self, manifest: Mapping[str, Any]) -> Kind[dict[str, Any]]:
        """The kind of an object.

        Raises:
            ManifestError: the object does not say what it is, or the server has no such kind.
            ApiError: the server cannot be asked.
        """
        api_version, kind = manifest.get("apiVersion"), manifest.get("kind")
        if not isinstance(api_version, str) or not isinstance(kind, str):
            raise ManifestError("apiVersion and kind must both be given, as text")
        if (api_version, kind) not in self._known:
            await self._learn(api_version)
        try:
            return self._known[api_version, kind]
        except KeyError:
            raise ManifestError(f"the server knows no {kind} in {api_version}") from None

    async def _learn(self, api_version: str) -> None:
        path = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        try:
            resources = _DECODER.decode((await self._client.send("GET", path)).body).resources or []
        except NotFound:
            return
        except msgspec.DecodeError as error:
            raise Unreachable(f"the answer to {path} is no list of resources: {error}") from error
        for resource in resources:
            if "/" not in resource.name:  # a subresource
                kind = raw(api_version, resource.kind, resource.name, namespaced=resource.namespaced)
                self._known[api_version, resource.kind] = kind
