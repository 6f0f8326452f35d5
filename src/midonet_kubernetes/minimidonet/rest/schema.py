"""What readers and checks allow, as JSON Schema, so that the reference is made from what the server does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

Schema = Mapping[str, Any]
Function = TypeVar("Function", bound=Callable[..., Any])

_SCHEMAS: dict[Callable[..., Any], Schema] = {}


def describe(function: Function, **schema: Any) -> Function:
    """Note what a function allows; keys as in JSON Schema."""
    _SCHEMAS[function] = schema
    return function


def schema_of(function: Callable[..., Any]) -> Schema:
    """What was noted; empty for anything."""
    return _SCHEMAS.get(function, {})
