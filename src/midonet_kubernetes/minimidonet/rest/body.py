"""The body as Jackson reads it: the first JSON value, whatever follows; the last of repeated keys (rest-api 11.2)."""

from __future__ import annotations

import json
import zlib
from typing import Any, NoReturn

import msgspec

from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request

LONGEST_BODY = 1 << 20  # bytes, after decompression
_GZIP = 16 + zlib.MAX_WBITS

_decode = msgspec.json.Decoder(strict=True).decode


def parse(body: bytes) -> Any:
    """The value; None for null and for no body at all.

    Raises:
        Refusal: 400, it is not JSON.
    """
    if not body or body.isspace():
        return None
    try:
        return _decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return _parse_first(body)


def _parse_first(body: bytes) -> Any:
    try:
        text = body.decode(json.detect_encoding(body)).removeprefix("\ufeff").lstrip(" \t\r\n")
        value, _ = json.JSONDecoder(parse_constant=_refuse_constant, parse_float=_finite).raw_decode(text)
    except (ValueError, RecursionError):
        raise bad_request("The body is not JSON that this server can read") from None
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if value in {float("inf"), float("-inf")}:
        raise ValueError(text)
    return value


def unpack(body: bytes) -> bytes:
    """A gzip body.

    Raises:
        Refusal: 400, it is not gzip; 413, it unpacks to more than ``LONGEST_BODY``.
    """
    unpacker = zlib.decompressobj(_GZIP)
    try:
        plain = unpacker.decompress(body, LONGEST_BODY)
    except zlib.error:
        raise bad_request("Content-Encoding is gzip, but the body is not") from None
    if unpacker.unconsumed_tail:
        raise Refusal(413, f"The body unpacks to more than {LONGEST_BODY} bytes")
    if not unpacker.eof:
        raise bad_request("Content-Encoding is gzip, but the body ends early")
    return plain
