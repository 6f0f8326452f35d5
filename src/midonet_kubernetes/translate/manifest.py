"""Text of YAML or JSON to Kubernetes objects, as far as we read them, with the defaults that an API server fills in.

An object with a ``uid`` was made by an API server already and is taken as it is written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid5

import msgspec
import yaml
from msgspec.structs import replace

from midonet_kubernetes.errors import ManifestError
from midonet_kubernetes.model.kubernetes import Endpoints, EndpointSlice, Node, Pod, Service

Known = Node | Pod | Service | Endpoints | EndpointSlice

_KINDS: dict[tuple[str, str], type[Known]] = {
    ("v1", "Node"): Node,
    ("v1", "Pod"): Pod,
    ("v1", "Service"): Service,
    ("v1", "Endpoints"): Endpoints,
    ("discovery.k8s.io/v1", "EndpointSlice"): EndpointSlice,
}
_UID_SPACE = UUID("b0f7a0c9-5c0e-5b60-9d1f-5f1f6c1d2a77")  # of objects that have no uid yet
_NOT_SPACE = re.compile(r"\S")
_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(\.{_LABEL})*", re.ASCII)
_NAMESPACE = re.compile(rf"(?=.{{1,63}}\Z){_LABEL}", re.ASCII)
_INVALID = re.compile(r"(?P<what>.*?)(?: - at `(?:key in )?\$\.?(?P<field>.*?)`)?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Document:
    """One object of a manifest.

    Args:
        where: file, document and, in a list, item.
        content: the object, ``kind`` and ``apiVersion`` present.
    """

    where: str
    content: dict[str, Any]

    @property
    def kind(self) -> tuple[str, str]:
        """``apiVersion`` and ``kind``."""
        return self.content["apiVersion"], self.content["kind"]

    def fault(self, why: str) -> ManifestError:
        """The error that says that this object cannot be used."""
        metadata = self.content.get("metadata")
        name = metadata.get("name", "") if isinstance(metadata, dict) else ""
        return ManifestError(f"{self.where} ({self.content['kind']} {name}): {why}")


def documents(text: str, source: str) -> Iterator[Document]:
    """The objects in ``text``, those of lists one by one.

    Args:
        text: YAML or JSON, one document or several.
        source: the file's name, for messages.

    Raises:
        ManifestError: the text is neither, or a document is no Kubernetes object.
    """
    for number, content in enumerate(_parsed(text, source), 1):
        if content is not None:
            yield from _flattened(content, f"{source}, document {number}")


def _parsed(text: str, source: str) -> Iterator[Any]:
    if text.lstrip()[:1] == "{":
        try:
            yield from list(_json_values(text))
        except (ValueError, RecursionError):
            pass  # a mapping of YAML may start like one of JSON
        else:
            return
    found = 0
    try:
        for content in yaml.load_all(text, Loader=_Loader):
            found += 1
            yield content
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise ManifestError(f"{source}, document {found + 1}{line}: this is no YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ManifestError(f"{source}, document {found + 1}: this is no YAML: {str(error).splitlines()[0]}") from None


def _json_values(text: str) -> Iterator[Any]:
    decoder, at = json.JSONDecoder(), 0
    while found := _NOT_SPACE.search(text, at):
        value, at = decoder.raw_decode(text, found.start())
        yield value


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # which of the two depends on libyaml
    """A safe loader that reads plain words as Kubernetes does: neither times nor numbers to the base of 60."""

    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag.rpartition(":")[2] not in {"timestamp", "int", "float"}]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


_DIGITS = list("-+.0123456789")
_Loader.add_implicit_resolver("tag:yaml.org,2002:int", re.compile(r"[-+]?(0x[0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)\Z"), _DIGITS)
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?\Z"), _DIGITS
)


def _flattened(content: object, where: str) -> Iterator[Document]:
    if not isinstance(content, dict):
        raise ManifestError(f"{where}: this is no Kubernetes object but {_a(content)}")
    for field in ("apiVersion", "kind"):
        if not isinstance(content.get(field), str) or not content[field]:
            raise ManifestError(f"{where}: {field} is missing or no text")
    kind, items = content["kind"], content.get("items")
    if kind == "List":
        items = items or []
        if not isinstance(items, list):
            raise ManifestError(f"{where}: items is no list but {_a(items)}")
    elif not (kind.endswith("List") and isinstance(items, list)):
        yield Document(where, content)
        return
    defaults = {} if kind == "List" else {"apiVersion": content["apiVersion"], "kind": kind.removesuffix("List")}
    for number, item in enumerate(items, 1):
        yield from _flattened({**defaults, **item} if isinstance(item, dict) else item, f"{where}, item {number}")


def _a(value: object) -> str:
    return {list: "a list", dict: "a mapping", str: "text", bool: "true or false"}.get(type(value), "a number")


def typed(document: Document) -> Known | None:
    """The object as we read it, None when its kind is not one of ours.

    Raises:
        ManifestError: a field has another type than Kubernetes gives it, or a name is not allowed.
    """
    kind = _KINDS.get(document.kind)
    if kind is None:
        return None
    try:
        content = _without_nulls(document.content)
        value = msgspec.convert(content, kind)
    except RecursionError:
        raise document.fault("it is nested too deeply") from None
    except msgspec.ValidationError as error:
        found = _INVALID.fullmatch(str(error))
        what, field = (found["what"], found["field"]) if found else (str(error), None)
        raise document.fault(f"{field or 'the object'}: {what}") from None
    if isinstance(value, Service) and value.metadata.uid and not content.get("spec", {}).get("type"):
        value = replace(value, spec=replace(value.spec, type=""))  # our default stands for what an API server fills in
    return _placed(value, document)


def _without_nulls(value: Any) -> Any:
    """Kubernetes reads null as not there."""
    if isinstance(value, dict):
        return {key: _without_nulls(inner) for key, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_without_nulls(inner) for inner in value]
    return value


def _placed(value: Known, document: Document) -> Known:
    metadata = value.metadata
    if not metadata.name:
        raise document.fault("metadata.name is missing")
    if not _NAME.fullmatch(metadata.name):
        raise document.fault(f"metadata.name: {metadata.name!r} is no name; lower-case letters, digits, '-' and '.' make one")
    namespace = "" if isinstance(value, Node) else metadata.namespace or "default"
    if namespace and not _NAMESPACE.fullmatch(namespace):
        raise document.fault(f"metadata.namespace: {namespace!r} is no name of a namespace")
    uid = metadata.uid or uid_for(value.kind, namespace, metadata.name)
    return replace(value, metadata=replace(metadata, namespace=namespace, uid=uid))


def uid_for(kind: str, namespace: str, name: str) -> str:
    """The uid of an object that no cluster gave one: always the same, so that output is stable."""
    return str(uuid5(_UID_SPACE, f"{kind}/{namespace}/{name}"))
