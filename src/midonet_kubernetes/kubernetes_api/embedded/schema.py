"""Structural schemas of custom resources: what is pruned, defaulted and refused.

Source: apiextensions.k8s.io/v1 ``JSONSchemaProps`` and the rules for structural schemas. Of the value validations those
are here that our own and common CRDs use; CEL rules (``x-kubernetes-validations``) are not evaluated.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from midonet_kubernetes.kubernetes_api.embedded.failures import Cause, Json, invalid_value, required, unsupported

TYPES: dict[str, Callable[[Any], bool]] = {
    "object": lambda value: isinstance(value, dict),
    "array": lambda value: isinstance(value, list),
    "string": lambda value: isinstance(value, str),
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "number": lambda value: isinstance(value, int | float) and not isinstance(value, bool),
}
_ROOT = ("apiVersion", "kind", "metadata")


def normalise(schema: Json, body: Json) -> list[str]:
    """Prune what the schema does not name, drop nulls, fill in defaults, in place.

    Returns:
        The paths of the unknown fields that were pruned.
    """
    root = {"properties": schema.get("properties", {}) | {name: {"x-kubernetes-preserve-unknown-fields": True} for name in _ROOT}}
    pruned: list[str] = []
    _normalise(schema | root, body, "", pruned)
    return pruned


def _normalise(schema: Json, value: Any, path: str, pruned: list[str]) -> None:
    if isinstance(value, list):
        for index, item in enumerate(value):
            _normalise(schema.get("items") or {}, item, f"{path}[{index}]", pruned)
    if not isinstance(value, dict):
        return
    properties, rest = schema.get("properties") or {}, schema.get("additionalProperties")
    keep = schema.get("x-kubernetes-preserve-unknown-fields") or rest is True
    for name in list(value):
        inner = properties.get(name) or (rest if isinstance(rest, dict) else None)
        where = f"{path}.{name}" if path else name
        if inner is not None:
            if value[name] is None and not inner.get("nullable"):
                del value[name]
            else:
                _normalise(inner, value[name], where, pruned)
        elif not keep:
            del value[name]
            pruned.append(where)
    for name, inner in properties.items():
        if name not in value and "default" in inner:
            value[name] = copy.deepcopy(inner["default"])


def check(schema: Json, value: Any, path: str = "") -> Iterable[Cause]:
    """What is wrong with a value; ``apiVersion``, ``kind`` and ``metadata`` of the root are somebody else's business."""
    if value is None and schema.get("nullable"):
        return
    if schema.get("x-kubernetes-int-or-string"):
        if not isinstance(value, int | str) or isinstance(value, bool):
            yield _wrong_type(path, value, "integer,string")
        return
    wanted = schema.get("type")
    if wanted and not TYPES[wanted](value):
        yield _wrong_type(path, value, wanted)
        return
    yield from _check_value(schema, value, path)
    if isinstance(value, dict):
        yield from _check_object(schema, value, path)
    elif isinstance(value, list):
        yield from _check_array(schema, value, path)
    elif isinstance(value, str):
        yield from _check_text(schema, value, path)


def _wrong_type(path: str, value: Any, wanted: str) -> Cause:
    found = next((name for name, test in TYPES.items() if test(value)), "null")
    detail = f'Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}"'
    return Cause(path or "<nil>", "FieldValueTypeInvalid", detail)


def _check_value(schema: Json, value: Any, path: str) -> Iterable[Cause]:
    if "enum" in schema and value not in schema["enum"]:
        yield unsupported(path, value, [str(choice) for choice in schema["enum"]])
    if "minimum" in schema and isinstance(value, int | float) and value < schema["minimum"]:
        yield invalid_value(path, value, f"{_last(path)} in body should be greater than or equal to {schema['minimum']}")
    if "maximum" in schema and isinstance(value, int | float) and value > schema["maximum"]:
        yield invalid_value(path, value, f"{_last(path)} in body should be less than or equal to {schema['maximum']}")


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def _check_object(schema: Json, value: Json, path: str) -> Iterable[Cause]:
    for name in schema.get("required") or ():
        if name not in value:
            yield required(f"{path}.{name}" if path else name)
    properties, rest = schema.get("properties") or {}, schema.get("additionalProperties")
    for name, item in value.items():
        inner = properties.get(name) or (rest if isinstance(rest, dict) else None)
        if inner is not None and (path or name not in _ROOT):
            yield from check(inner, item, f"{path}.{name}" if path else name)


def _check_array(schema: Json, value: list[Any], path: str) -> Iterable[Cause]:
    if "minItems" in schema and len(value) < schema["minItems"]:
        yield invalid_value(path, len(value), f"{path} in body should have at least {schema['minItems']} items")
    if "maxItems" in schema and len(value) > schema["maxItems"]:
        yield Cause(path, "FieldValueTooMany", f"Too many: {len(value)}: must have at most {schema['maxItems']} items")
    inner = schema.get("items") or {}
    for index, item in enumerate(value):
        yield from check(inner, item, f"{path}[{index}]")


def _check_text(schema: Json, value: str, path: str) -> Iterable[Cause]:
    if "minLength" in schema and len(value) < schema["minLength"]:
        yield invalid_value(path, value, f"{path} in body should be at least {schema['minLength']} chars long")
    if "maxLength" in schema and len(value) > schema["maxLength"]:
        yield Cause(path, "FieldValueTooLong", f"Too long: may not be more than {schema['maxLength']} bytes")
    if "pattern" in schema and not pattern(schema["pattern"]).search(value):
        yield invalid_value(path, value, f"{path} in body should match '{schema['pattern']}'")


@lru_cache(maxsize=256)
def pattern(text: str) -> re.Pattern[str]:
    """A pattern of Go's ``regexp``, whose ``$`` is the end of the text and not also the place before a last line break."""
    return re.compile(re.sub(r"(?<!\\)\$$", r"\\Z", text))
