"""From JSON values to the values of fields, as Jackson 2.5 does it for MidoNet's models (rest-api 1.4, 11.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.schema import describe, schema_of

Coercion = Callable[[Any], Any]
"""Takes a JSON value that is not null. Returns None for what reads as null. Raises Refusal."""

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_TEXT_OF_NULL = ("", "null")


def mismatch(value: object, wanted: str) -> Refusal:
    """400: the JSON value cannot be read as ``wanted``."""
    kind = {dict: "an object", list: "a list", str: "the text", bool: "the boolean", type(None): "null"}.get(
        type(value), "the number"
    )
    shown = f" {value!r}"[:80] if isinstance(value, str | int | float) else ""
    return bad_request(f"Can not read {kind}{shown} as {wanted}")


def text(value: Any) -> str:
    """Text; numbers and booleans become text, lists and objects are refused. Text that is no Unicode is refused."""
    if isinstance(value, str):
        return encodable(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    raise mismatch(value, "text")


def encodable(value: str) -> str:
    """The text, refused when it holds half of a surrogate pair: no answer could show it again."""
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise bad_request("Can not read text with half of a surrogate pair") from None
    return value


def uuid(value: Any) -> str | None:
    """A UUID of 36 characters in any case, given back in lower case; blank text reads as null."""
    if not isinstance(value, str):
        raise mismatch(value, "a UUID")
    stripped = value.strip()
    if not stripped:
        return None
    if _UUID.fullmatch(stripped) is None:
        raise mismatch(value, "a UUID")
    return stripped.lower()


def is_uuid(value: str) -> bool:
    """Whether a path segment is a UUID."""
    return _UUID.fullmatch(value) is not None


def integer(low: int = -(2**31), high: int = 2**31 - 1) -> Coercion:
    """An integer of the given width; text is parsed, a fraction is cut off."""

    def read(value: Any) -> int | None:
        if type(value) is int:  # no boolean, which is an integer too
            number = value
        elif isinstance(value, str):
            stripped = value.strip()
            if stripped in _TEXT_OF_NULL:
                return None
            if _INTEGER.fullmatch(stripped) is None:
                raise mismatch(value, "a number")
            number = int(stripped)
        elif isinstance(value, float) and low - 1 < value < high + 1:
            number = int(value)
        else:
            raise mismatch(value, "a number")
        if not low <= number <= high:
            raise bad_request(f"Numeric value ({str(number)[:24]}) out of range of {low} to {high}")
        return number

    return describe(read, type="integer", minimum=low, maximum=high)


def boolean(value: Any) -> bool | None:
    """A boolean; integers are true unless 0, the texts ``true`` and ``false`` are understood."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value != 0
    if isinstance(value, str):
        stripped = value.strip()
        if stripped in {"true", "false"}:
            return stripped == "true"
        if stripped in _TEXT_OF_NULL:
            return None
    raise mismatch(value, "a boolean")


def choice(*allowed: str) -> Coercion:
    """One of ``allowed``, in this case."""

    def read(value: Any) -> str:
        if isinstance(value, str) and value.strip() in allowed:
            return value.strip()
        raise mismatch(value, "one of " + ", ".join(allowed))

    return describe(read, type="string", enum=list(allowed))


def list_of(item: Coercion) -> Coercion:
    """A list; an element that reads as null is refused, for storage has no place for it."""

    def read(value: Any) -> list[Any]:
        if not isinstance(value, list):
            raise mismatch(value, "a list")
        read_items = [None if element is None else item(element) for element in value]
        if None in read_items:
            raise bad_request("Can not store null in a list")
        return read_items

    return describe(read, type="array", items=schema_of(item))


def anything(value: Any) -> Any:
    """Whatever it is: the field is overwritten or ignored."""
    return value


describe(text, type="string")
describe(uuid, type="string", format="uuid")
describe(boolean, type="boolean")
