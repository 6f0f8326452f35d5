"""Kubernetes manifests for a lab: objects are applied and deleted as kubectl would, a line said for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from midonet_kubernetes.errors import AlreadyExists, Conflict, Invalid, ManifestError, NotFound
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.discovery import Discovery
from midonet_kubernetes.kubernetes_api.kinds import Kind
from midonet_kubernetes.lab.ownership import Ownership
from midonet_kubernetes.translate import manifest as manifests

Manifest = Mapping[str, Any]
Say = Callable[[str], Awaitable[None]]

ACTED_ON = {"Namespace", "Node", "Pod", "Deployment", "ReplicaSet", "Service", "Endpoints", "EndpointSlice"}
KUBERNETES_GROUPS = {"apps", "autoscaling", "batch", "policy", "extensions"}  # and all that end in .k8s.io
ATTEMPTS = 5  # at a patch that others' writes keep overtaking


def read(files: Iterable[Path]) -> list[Manifest]:
    """Every object in the files, in order; ``-`` is standard input.

    Raises:
        ManifestError: a file cannot be read, is no YAML, or holds what is no Kubernetes object.
    """
    found: list[Manifest] = []
    for file in files:
        try:
            text = Path("/dev/stdin" if str(file) == "-" else file).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ManifestError(f"{file} cannot be read: {reason}") from None
        for document in manifests.documents(text, str(file)):
            metadata = document.content.get("metadata")
            if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
                raise document.fault("metadata.name is missing")
            manifests.typed(document)  # for what it refuses
            found.append(document.content)
    return found


def describe(manifest: Manifest) -> str:
    """``Service default/web``, for messages."""
    metadata = manifest["metadata"]
    namespace = metadata.get("namespace")
    return f"{manifest['kind']} {namespace + '/' if namespace else ''}{metadata['name']}"


def namespaces(objects: Iterable[Manifest]) -> set[str]:
    """The Namespaces in which objects are, or would be if their kinds had any."""
    return {manifest["metadata"].get("namespace") or "default" for manifest in objects}


async def apply(client: Client, objects: Iterable[Manifest], say: Say, ownership: Ownership | None = None) -> None:
    """Create the objects, or change those that are there.

    Args:
        client: of the API.
        objects: as the user wrote them.
        say: told of each.
        ownership: marks them, in an API that others use too.

    Raises:
        ManifestError: an object is not acceptable, or somebody else's; every kind is looked at before the first object is sent.
    """
    for manifest, kind in await _with_kinds(client, objects, say):
        try:
            outcome = await _apply_one(client, kind, manifest, ownership)
        except Invalid as error:
            raise ManifestError(f"{describe(manifest)}: {error}") from None
        unused = "" if kind.kind in ACTED_ON else " (accepted; the lab does nothing with this kind)"
        await say(f"{kind.kind.lower()}/{manifest['metadata']['name']} {outcome}{unused}")


async def delete(client: Client, objects: Iterable[Manifest], say: Say, ownership: Ownership | None = None) -> None:
    """Delete the objects and what they own; one that is not there is fine.

    Raises:
        ManifestError: an object is somebody else's, in an API that others use too.
    """
    for manifest, kind in await _with_kinds(client, objects, say):
        name = manifest["metadata"]["name"]
        try:
            if ownership:
                there = await client.get(kind, name, namespace=_namespace(kind, manifest))
                _refuse_others(manifest, there, ownership)
            await client.delete(kind, name, namespace=_namespace(kind, manifest))
            await say(f"{kind.kind.lower()}/{name} deleted")
        except NotFound:
            await say(f"{kind.kind.lower()}/{name} was not there")


async def _with_kinds(client: Client, objects: Iterable[Manifest], say: Say) -> list[tuple[Manifest, Kind[dict[str, Any]]]]:
    """Each object with its kind; one that only a larger Kubernetes has is left out and said so."""
    discovery = Discovery(client)
    found = []
    for manifest in objects:
        try:
            found.append((manifest, await discovery.kind_of(manifest)))
        except ManifestError as error:
            group = manifest["apiVersion"].rpartition("/")[0]
            if not (group in KUBERNETES_GROUPS or group.endswith(".k8s.io")):
                raise ManifestError(f"{describe(manifest)}: {error}") from None
            await say(f"{describe(manifest)} ignored: the lab's Kubernetes has no {manifest['kind']} of {group}")
    return found


async def _apply_one(client: Client, kind: Kind[dict[str, Any]], manifest: Manifest, ownership: Ownership | None) -> str:
    name, namespace = manifest["metadata"]["name"], _namespace(kind, manifest)
    if ownership:
        manifest = ownership.marked(manifest)
    for _ in range(ATTEMPTS):
        try:
            before = await client.get(kind, name, namespace=namespace)
            if ownership:
                _refuse_others(manifest, before, ownership)
            after = await client.patch(kind, name, manifest, namespace=namespace)
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


def _refuse_others(manifest: Manifest, found: Manifest, ownership: Ownership) -> None:
    if not ownership.owns(found):
        raise ManifestError(
            f"{describe(manifest)} is in the cluster already and not this lab's: choose another name or namespace"
        )


def _namespace(kind: Kind[dict[str, Any]], manifest: Manifest) -> str | None:
    return (manifest["metadata"].get("namespace") or "default") if kind.namespaced else None
