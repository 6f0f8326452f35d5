"""Kubernetes' protobuf bodies, which ``kubectl create namespace|deployment|service|configmap|secret`` and ``drain`` send.

Only reading, and only the messages of ``protobuf_messages``; a field that is not in them is refused by number, never
dropped. Encoding: protobuf's wire format inside the envelope of k8s.io/apimachinery ``runtime.Unknown``.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from midonet_kubernetes.kubernetes_api.embedded.durations import timestamp
from midonet_kubernetes.kubernetes_api.embedded.failures import Failure, Json, bad_request
from midonet_kubernetes.kubernetes_api.embedded.protobuf_messages import KINDS, Field, Message

_MAGIC = b"k8s\0"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5  # wire types
_ENVELOPE: Message = {
    1: Field("typeMeta", "message", {1: Field("apiVersion", "text"), 2: Field("kind", "text")}),
    2: Field("raw", "bytes"),
}

Value = int | bytes


def decode(content: bytes) -> Json:
    """Decode a body.

    Raises:
        Failure: 400, it is no such body; 415, its kind, or a field of it, is not known here.
    """
    if not content.startswith(_MAGIC):
        raise bad_request("the body is no protobuf of Kubernetes")
    try:
        envelope = _message(memoryview(content)[len(_MAGIC) :], _ENVELOPE)
        about = envelope.get("typeMeta", {})
        kind = (about.get("apiVersion", ""), about.get("kind", ""))
        message = KINDS.get(kind)
        if message is None:
            raise _unsupported(f"protobuf of {kind[0]} {kind[1]}")
        return {"apiVersion": kind[0], "kind": kind[1], **_message(memoryview(envelope.get("raw", b"")), message)}
    except (IndexError, ValueError, OverflowError) as error:
        raise bad_request(f"the protobuf body is broken: {error}") from error


def _unsupported(what: str) -> Failure:
    message = f"{what} cannot be read - accepted media types include: application/json, application/yaml"
    return Failure(415, "UnsupportedMediaType", message)


def _message(data: memoryview, fields: Message) -> Json:
    result: Json = {}
    for number, value in _wire(data):
        field = fields.get(number)
        if field is None:
            if value not in {0, b""}:
                raise _unsupported(f"protobuf with field {number} beside {', '.join(f.name for f in fields.values())}")
        elif field.kind in {"map", "bytes map"}:
            result.setdefault(field.name, {}).update(_entry(value, field.kind))
        elif field.repeated:
            result.setdefault(field.name, []).append(_value(value, field))
        elif value not in {0, b""} or field.kept:
            result[field.name] = _value(value, field)
    return result


def _wire(data: memoryview) -> Iterator[tuple[int, Value]]:
    """The fields of a message: number, and an integer or the bytes."""
    position = 0
    while position < len(data):
        tag, position = _varint(data, position)
        number, wire = tag >> 3, tag & 7
        if wire == _VARINT:
            value, position = _varint(data, position)
            yield number, value
        elif wire == _BYTES:
            length, position = _varint(data, position)
            if position + length > len(data):
                raise ValueError("a field is longer than the message")
            yield number, bytes(data[position : position + length])
            position += length
        elif wire in {_FIXED64, _FIXED32}:
            raise _unsupported(f"protobuf with the fixed-width field {number}")
        else:
            raise ValueError(f"wire type {wire}")


def _varint(data: memoryview, position: int) -> tuple[int, int]:
    result = shift = 0
    while True:
        byte = data[position]
        result |= (byte & 0x7F) << shift
        position += 1
        if byte < 0x80:
            return result, position
        shift += 7


def _value(value: Value, field: Field) -> Any:
    if isinstance(value, int):
        if field.kind not in {"number", "flag"}:
            raise ValueError(f"{field.name} is no number")
        return bool(value) if field.kind == "flag" else _signed(value)
    match field.kind:
        case "text":
            return value.decode()
        case "bytes":
            return value
        case "time":
            parts = _message(memoryview(value), {1: Field("seconds", "number"), 2: Field("nanos", "number")})
            return timestamp(datetime.fromtimestamp(parts.get("seconds", 0), UTC))
        case "number or text":
            known = {1: Field("type", "number"), 2: Field("number", "number", kept=True), 3: Field("text", "text", kept=True)}
            parts = _message(memoryview(value), known)
            return parts.get("text", "") if parts.get("type") else parts.get("number", 0)
        case "message":
            return _message(memoryview(value), field.fields)
    raise ValueError(f"{field.name} is no {field.kind}")


def _signed(value: int) -> int:
    return value - (1 << 64) if value >> 63 else value


def _entry(value: Value, kind: str) -> dict[str, str]:
    if isinstance(value, int):
        raise ValueError("a map's entry is no number")
    parts = _message(memoryview(value), {1: Field("key", "text"), 2: Field("value", "bytes")})
    content = parts.get("value", b"")
    return {parts.get("key", ""): base64.b64encode(content).decode() if kind == "bytes map" else content.decode()}
