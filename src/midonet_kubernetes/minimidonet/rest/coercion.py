"""From JSON values to the values of fields, as Jackson 2.5 does it for MidoNet's models (rest-api 1.4, 11.2)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from midonet_kubernetes.minimidonet.rest.refusal import Refusal, bad_request
from midonet_kubernetes.minimidonet.rest.schema import describe, schema_of

Coercion = Callable[[Any], Any]
"""Takes a JSON value that is not null. Returns None for what reads as null. Raises Refusal."""

_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_PART_OF_UUID = re.compile(r"[0-9a-fA-F]{1,16}")
_HALF_OF_UUID = (1 << 64) - 1
_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_PLACE = re.compile(r"[0-9]{1,9}")
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


def uuid_in_uri(value: str) -> str | None:
    """The UUID that a part of a URI names, in lower case; None when it names none.

    Other than in bodies Java's own parser reads it, for which zeros may be missing: ``1-1-1-1-1`` will do.
    """
    if _UUID.fullmatch(value) is not None:
        return value.lower()
    parts = value.split("-")
    if len(parts) != 5 or not all(_PART_OF_UUID.fullmatch(part) for part in parts):
        return None
    first, second, third, fourth, fifth = (int(part, 16) for part in parts)
    high = (first << 32 | second << 16 | third) & _HALF_OF_UUID
    return str(UUID(int=high << 64 | (fourth << 48 | fifth) & _HALF_OF_UUID))


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
    """A boolean; integers are true unless 0, the texts ``true``, ``True``, ``false`` and ``False`` are understood."""
    if isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value != 0
    if isinstance(value, str):
        stripped = value.strip()
        if stripped in {"true", "True", "false", "False"}:
            return stripped in {"true", "True"}
        if stripped in _TEXT_OF_NULL:
            return None
    raise mismatch(value, "a boolean")


def byte(value: Any) -> int | None:
    """A signed byte, which 128 to 255 are read as too: 255 is -1."""
    number: int | None = _byte(value)
    return number if number is None or number < 128 else number - 256


def choice(*allowed: str, otherwise: str | None = None) -> Coercion:
    """One of ``allowed`` in this case, or its place among them, counted from 0, as a number or as text.

    Args:
        allowed: in the order of MidoNet's declaration.
        otherwise: what a refusal says; None for the usual text.
    """

    def read(value: Any) -> str:
        if isinstance(value, str):
            if value in allowed:
                return value
            stripped = value.strip()
            place = int(stripped) if _PLACE.fullmatch(stripped) else -1
        else:
            place = value if type(value) is int else -1
        if 0 <= place < len(allowed):
            return allowed[place]
        raise mismatch(value, "one of " + ", ".join(allowed)) if otherwise is None else bad_request(otherwise)

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


_byte = integer(-128, 255)
describe(text, type="string")
describe(uuid, type="string", format="uuid")
describe(boolean, type="boolean")
describe(byte, type="integer")
