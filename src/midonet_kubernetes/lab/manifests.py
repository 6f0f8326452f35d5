"""Kubernetes manifests for a lab: which kinds it knows, and how objects are applied and deleted."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec

from midonet_kubernetes.errors import AlreadyExists, Conflict, Invalid, ManifestError, NotFound
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import Kind, raw

Manifest = Mapping[str, Any]
Say = Callable[[str], Awaitable[None]]

ACTED_ON = {"Namespace", "Node", "Pod", "Deployment", "ReplicaSet", "Service", "Endpoints", "EndpointSlice"}
ATTEMPTS = 5  # at a patch that others' writes keep overtaking


class Catalogue:
    """The kinds that an API server serves, asked once (discovery)."""

    def __init__(self, kinds: Mapping[tuple[str, str], Kind[dict[str, Any]]]) -> None:
        self._kinds = kinds

    @classmethod
    async def ask(cls, client: Client) -> Catalogue:
        """Ask the server for every group and version."""
        groups = msgspec.json.decode((await client.send("GET", "/apis")).body)["groups"]
        versions = ["v1", *(version["groupVersion"] for group in groups for version in group["versions"])]
        kinds = {}
        for version in versions:
            path = f"/api/{version}" if "/" not in version else f"/apis/{version}"
            for resource in msgspec.json.decode((await client.send("GET", path)).body)["resources"]:
                if "/" not in resource["name"]:
                    kind = raw(version, resource["kind"], resource["name"], namespaced=resource["namespaced"])
                    kinds[version, resource["kind"]] = kind
        return cls(kinds)

    def kind_of(self, manifest: Manifest) -> Kind[dict[str, Any]]:
        """The kind of an object.

        Raises:
            ManifestError: the server does not know it.
        """
        key = (manifest["apiVersion"], manifest["kind"])
        if key not in self._kinds:
            near = sorted({version for version, kind in self._kinds if kind == key[1]})
            hint = f"it is known as {', '.join(near)}" if near else "`kubectl api-resources` lists what is known"
            raise ManifestError(f"{describe(manifest)}: kind {key[1]} of {key[0]} is unknown here; {hint}")
        return self._kinds[key]


def describe(manifest: Manifest) -> str:
    """``Service default/web``, for messages."""
    metadata = manifest.get("metadata") or {}
    namespace = metadata.get("namespace")
    return f"{manifest.get('kind')} {namespace + '/' if namespace else ''}{metadata.get('name')}"


async def apply(client: Client, manifests: Iterable[Manifest], say: Say) -> None:
    """Create the objects, or change those that are there, and say so in one line each.

    Raises:
        ManifestError: an object is not acceptable; all kinds are looked at before the first object is sent.
    """
    catalogue = await Catalogue.ask(client)
    for manifest, kind in [(manifest, catalogue.kind_of(manifest)) for manifest in manifests]:
        try:
            outcome = await _apply_one(client, kind, manifest)
        except Invalid as error:
            raise ManifestError(f"{describe(manifest)}: {error}") from None
        unused = "" if kind.kind in ACTED_ON else " (accepted; the lab does nothing with this kind)"
        await say(f"{kind.kind.lower()}/{manifest['metadata']['name']} {outcome}{unused}")


async def _apply_one(client: Client, kind: Kind[dict[str, Any]], manifest: Manifest) -> str:
    name, namespace = manifest["metadata"]["name"], _namespace(kind, manifest)
    for _ in range(ATTEMPTS):
        try:
            before = await client.get(kind, name, namespace=namespace)
            after = await client.patch(kind, name, dict(manifest), namespace=namespace)
            same = before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"]
        except NotFound:
            try:
                await client.create(kind, dict(manifest), namespace=namespace)
            except AlreadyExists:  # somebody else made it just now
                continue
            return "created"
        except Conflict:
            continue
        return "unchanged" if same else "configured"
    raise ManifestError(f"{describe(manifest)}: others keep changing it; try again")


async def delete(client: Client, manifests: Iterable[Manifest], say: Say) -> None:
    """Delete the objects and what they own; one that is not there is fine."""
    catalogue = await Catalogue.ask(client)
    for manifest, kind in [(manifest, catalogue.kind_of(manifest)) for manifest in manifests]:
        name = manifest["metadata"]["name"]
        try:
            await client.delete(kind, name, namespace=_namespace(kind, manifest))
            await say(f"{kind.kind.lower()}/{name} deleted")
        except NotFound:
            await say(f"{kind.kind.lower()}/{name} was not there")


def _namespace(kind: Kind[dict[str, Any]], manifest: Manifest) -> str | None:
    return (manifest["metadata"].get("namespace") or "default") if kind.namespaced else None
