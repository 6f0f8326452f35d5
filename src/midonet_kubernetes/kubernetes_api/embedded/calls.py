"""A request taken apart: which resource, which object, which parameters, what body."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qsl, unquote, urlsplit

import msgspec
import yaml

from midonet_kubernetes.exchange import Request
from midonet_kubernetes.kubernetes_api.embedded import forms, protobuf
from midonet_kubernetes.kubernetes_api.embedded.catalogue import Catalogue
from midonet_kubernetes.kubernetes_api.embedded.failures import Failure, Json, bad_request, invalid, invalid_value, no_such_path
from midonet_kubernetes.kubernetes_api.embedded.forms import Form
from midonet_kubernetes.kubernetes_api.embedded.resource import Resource
from midonet_kubernetes.kubernetes_api.embedded.selectors import parse_fields, parse_labels
from midonet_kubernetes.kubernetes_api.embedded.watches import Selection, WatchOptions

_LONGEST_WATCH = 1_800.0  # seconds, when the client does not say; kube-apiserver's --min-request-timeout
_TRUE = {"true", "1", "True"}


@dataclass(frozen=True)
class Call:
    """A request for a resource.

    Args:
        method: in capitals.
        resource: what kind.
        namespace: empty for none or all.
        name: empty for the collection.
        subresource: empty for the object itself.
        query: the parameters; of repeated ones the last.
        headers: names in lower case.
        content: the body as sent.
    """

    method: str
    resource: Resource
    namespace: str
    name: str
    subresource: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    content: bytes

    @functools.cached_property
    def form(self) -> Form:
        """How the client wants objects shown."""
        return forms.negotiate(self.headers.get("accept", "application/json"), self.query.get("includeObject", ""))

    @property
    def stored(self) -> Resource:
        """The kind that is stored for it."""
        return self.resource.stored

    @property
    def is_watch(self) -> bool:
        """Whether it is for a stream of events."""
        return self.method == "GET" and not self.name and self.query.get("watch") in _TRUE

    @property
    def dry_run(self) -> bool:
        """Whether nothing may be stored."""
        return bool(self.query.get("dryRun"))

    @property
    def strict(self) -> bool:
        """Whether unknown fields are errors."""
        return self.query.get("fieldValidation") == "Strict"

    def selection(self) -> Selection:
        """The objects of the collection that the selectors choose.

        Raises:
            Failure: 400, a selector is none.
        """
        fields = parse_fields(self.query.get("fieldSelector", ""), self.resource.id)
        names = [next(iter(term.values)) for term in fields if term.key == "metadata.name" and term.operator == "In"]
        labels = parse_labels(self.query.get("labelSelector", ""))
        return Selection(self.resource, self.namespace, names[0] if names else "", labels, fields)

    def number(self, name: str) -> int | None:
        """A parameter that is a number.

        Raises:
            Failure: 400, it is none.
        """
        text = self.query.get(name)
        if not text:
            return None
        if not text.isdecimal():
            raise bad_request(f"invalid {name} {text!r}: it has to be a number")
        return int(text)

    def watch_options(self) -> WatchOptions:
        """How a watch is wanted."""
        revision = self.number("resourceVersion")
        initial = self.query.get("sendInitialEvents") in _TRUE
        if initial and (self.query.get("resourceVersionMatch") != "NotOlderThan" or not self._bookmarks):
            why = "sendInitialEvents needs resourceVersionMatch=NotOlderThan and allowWatchBookmarks=true"
            raise Failure(422, "Invalid", f"ListOptions.meta.k8s.io is invalid: {why}")
        seconds = self.number("timeoutSeconds")
        return WatchOptions(revision or None, self._bookmarks, initial, float(seconds or _LONGEST_WATCH), self.form)

    @property
    def _bookmarks(self) -> bool:
        return self.query.get("allowWatchBookmarks") in _TRUE

    def body(self) -> Any:
        """The decoded body.

        Raises:
            Failure: 400, it is broken; 415, it is of a type or kind that cannot be read.
        """
        return decode(self.content, self.headers.get("content-type", ""))

    def body_object(self) -> Json:
        """The decoded body, which has to be an object of the call's kind."""
        body = self.body()
        if not isinstance(body, dict):
            raise bad_request("the body of the request is not an object")
        if self.resource.schema is not None and not body.get("kind"):
            raise bad_request(
                f"the object provided is unrecognized (must be of type {self.resource.kind}): Object 'Kind' is missing"
            )
        for name, wanted in (("apiVersion", self.resource.api_version), ("kind", self.resource.kind)):
            if body.setdefault(name, wanted) != wanted and self.resource.schema is not None:
                raise invalid(body["kind"], self.resource.group, "", [invalid_value(name, body[name], f"must be {wanted}")])
            if body[name] != wanted:
                raise bad_request(
                    f"{name} {body[name]!r} in the data does not match the expected {wanted!r} "
                    f"of {self.resource.api_version}, Kind={self.resource.kind}"
                )
        if not isinstance(body.setdefault("metadata", {}), dict):
            raise bad_request("metadata of the body is not an object")
        return self.resource.view.read(body) if self.resource.view else cast("Json", body)


def decode(content: bytes, content_type: str) -> Any:
    """Decode a body by its media type.

    Raises:
        Failure: 400 or 415.
    """
    if "protobuf" in content_type:
        return protobuf.decode(content)
    if "cbor" in content_type:
        known = "application/json, application/yaml"
        message = f"the body of the request was in an unknown format - accepted media types include: {known}"
        raise Failure(415, "UnsupportedMediaType", message)
    try:
        if "yaml" in content_type:
            return yaml.safe_load(content)
        return msgspec.json.decode(content)
    except (msgspec.DecodeError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from error


def take_apart(request: Request, catalogue: Catalogue) -> Call:
    """Find the resource and the object that a path names.

    Raises:
        Failure: 404, there is no such resource.
    """
    parts = urlsplit(request.path)
    group, version, rest = split_path(parts.path)
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and catalogue.find(group, version, rest[2]) is not None:
        namespace, rest = rest[1], rest[2:]
    resource = catalogue.find(group, version, rest[0]) if rest else None
    if resource is None or len(rest) > 3 or (namespace and not resource.namespaced):
        raise no_such_path()
    name, subresource, *_ = [*rest[1:], "", ""]
    if name and resource.namespaced and not namespace:
        raise no_such_path()
    headers = {key.lower(): value for key, value in request.headers.items()}
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Call(request.method, resource, namespace, name, subresource, query, headers, request.body)


def split_path(path: str) -> tuple[str, str, list[str]]:
    """Group, version and the rest of ``/api/v1/…`` or ``/apis/GROUP/VERSION/…``.

    Raises:
        Failure: 404, it is neither.
    """
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if parts[0] == "api" and len(parts) >= 2:
        return "", parts[1], parts[2:]
    if parts[0] == "apis" and len(parts) >= 3:
        return parts[1], parts[2], parts[3:]
    raise no_such_path()
