"""The kinds of Kubernetes objects that we speak about: where they live in the API and which Struct reads them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, Protocol, TypeVar, cast
from urllib.parse import quote

import msgspec

from midonet_kubernetes.model import kubernetes, translation
from midonet_kubernetes.model.kubernetes import Metadata

T = TypeVar("T")


class _HasMetadata(Protocol):
    @property
    def metadata(self) -> Metadata: ...


class Head(msgspec.Struct, frozen=True):
    """What is read of an object that is not, or cannot be, read in full."""

    metadata: Metadata = Metadata()


_HEAD = msgspec.json.Decoder(Head)


@dataclass(frozen=True)
class Kind(Generic[T]):
    """A kind of object.

    Args:
        group: of the API, "" for the core group.
        version: of the API.
        plural: as it stands in paths.
        namespaced: whether its objects live in namespaces.
        struct: what an object is decoded to; ``dict`` keeps all of it.
        name: the kind's name; "" is the name of ``struct``.
    """

    group: str
    version: str
    plural: str
    namespaced: bool
    struct: type[T]
    name: str = ""

    @cached_property
    def kind(self) -> str:
        """``kind`` as it stands in objects."""
        return self.name or self.struct.__name__

    @cached_property
    def api_version(self) -> str:
        """``apiVersion`` as it stands in objects."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @cached_property
    def _decoder(self) -> msgspec.json.Decoder[T]:
        return msgspec.json.Decoder(self.struct)

    def path(self, *, namespace: str | None = None, name: str = "", subresource: str = "") -> str:
        """The absolute path of a collection (no ``name``), an object or one of its subresources.

        Args:
            namespace: None means all namespaces, and is the only choice for kinds without namespaces.
            name: of the object.
            subresource: "status", for example.
        """
        parts = ["/api" if not self.group else f"/apis/{self.group}", self.version]
        if self.namespaced and namespace:
            parts += ["namespaces", quote(namespace, safe="")]
        parts.append(self.plural)
        if name:
            parts.append(quote(name, safe=""))
        if subresource:
            parts.append(subresource)
        return "/".join(parts)

    def decode(self, document: msgspec.Raw | bytes) -> T:
        """An object out of its JSON.

        Raises:
            msgspec.DecodeError: it is no JSON, or (ValidationError) a field that we read is not as the API says.
        """
        decoded = self._decoder.decode(document)
        if isinstance(decoded, dict):  # items of a list come without these two
            return cast("T", {"apiVersion": self.api_version, "kind": self.kind, **decoded})
        return decoded

    def encode(self, object_: T) -> bytes:
        """An object as JSON. Structs leave out what has its default; what names the kind is always written."""
        fields = {"apiVersion": self.api_version, "kind": self.kind, **msgspec.to_builtins(object_)}
        return msgspec.json.encode(fields)

    def metadata(self, object_: T) -> Metadata:
        """``metadata`` of a decoded object.

        Raises:
            msgspec.ValidationError: the metadata of a ``dict`` are not as the API says.
        """
        if isinstance(object_, Mapping):
            return msgspec.convert(object_.get("metadata", {}), Metadata)
        return cast("_HasMetadata", object_).metadata


def head(document: msgspec.Raw | bytes) -> Metadata:
    """The metadata of any object; empty when even they cannot be read."""
    try:
        return _HEAD.decode(document).metadata
    except msgspec.DecodeError:
        return Metadata()


NODE = Kind("", "v1", "nodes", namespaced=False, struct=kubernetes.Node)
POD = Kind("", "v1", "pods", namespaced=True, struct=kubernetes.Pod)
SERVICE = Kind("", "v1", "services", namespaced=True, struct=kubernetes.Service)
ENDPOINTS = Kind("", "v1", "endpoints", namespaced=True, struct=kubernetes.Endpoints)
ENDPOINT_SLICE = Kind("discovery.k8s.io", "v1", "endpointslices", namespaced=True, struct=kubernetes.EndpointSlice)
EVENT = Kind("", "v1", "events", namespaced=True, struct=kubernetes.Event)
LEASE = Kind("coordination.k8s.io", "v1", "leases", namespaced=True, struct=kubernetes.Lease)
TRANSLATION = Kind(translation.GROUP, translation.VERSION, translation.PLURAL, namespaced=True, struct=translation.Translation)


def raw(api_version: str, kind: str, plural: str, *, namespaced: bool) -> Kind[dict[str, Any]]:
    """A kind whose objects are kept whole, as dictionaries."""
    group, _, version = api_version.rpartition("/")
    return Kind(group, version, plural, namespaced, dict[str, Any], kind)
