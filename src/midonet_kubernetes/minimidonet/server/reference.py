"""The reference of the API, made from its routes: an OpenAPI 3.1 document, and a page for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib.metadata import version
from typing import Any

from midonet_kubernetes.minimidonet.rest.field import Field, Fields
from midonet_kubernetes.minimidonet.rest.media import ERROR, JSON, Media
from midonet_kubernetes.minimidonet.rest.route import Route
from midonet_kubernetes.minimidonet.rest.schema import schema_of
from midonet_kubernetes.minimidonet.rest.verbs import unsupported
from midonet_kubernetes.minimidonet.routes import BODIES, ROUTES
from midonet_kubernetes.minimidonet.server.api import ROOT

_PARAMETER = re.compile(r"\{(\w+)(:uuid)?\}")
_VENDOR = re.compile(r"application/vnd\.org\.midonet\.(?:collection\.)?(.+)\+json")
_ERROR_CONTENT = {ERROR: {"schema": {"$ref": "#/components/schemas/Error"}}}
_REFUSALS = {
    "4XX": {"description": "refused", "content": _ERROR_CONTENT},
    # MidoNet's framework refuses these itself, with no body; its resources do with one (rest-api 1.6).
    **{status: {"description": "refused, with the body of an error or with none"} for status in ("404", "405", "406", "415")},
    "503": {"description": "too busy, or the pool's health monitor is not confirmed: try again later", "content": _ERROR_CONTENT},
    "507": {"description": "the store cannot be written, nothing was changed", "content": _ERROR_CONTENT},
}
_DONE = {"POST": "201", "PUT": "204", "DELETE": "204", "GET": "200"}
_ERROR_SCHEMA = {
    "type": "object",
    "properties": {
        "message": {"type": ["string", "null"]},
        "code": {"type": "integer"},
        "violations": {
            "type": "array",
            "items": {"type": "object", "properties": {"property": {"type": "string"}, "message": {"type": "string"}}},
        },
    },
}


def openapi() -> dict[str, Any]:
    """The OpenAPI document. Schemas say what is meant; the server also reads text for numbers and the like (rest-api 1.4)."""
    paths: dict[str, dict[str, Any]] = {}
    for route in supported():
        paths.setdefault(_plain(route.path), {})[route.method.lower()] = _operation(route)
    schemas = {name: _body_schema(by_type) for name, by_type in BODIES.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "MidoNet 5.6 REST API, as minimidonet serves it", "version": version("midonet-kubernetes")},
        "servers": [{"url": ROOT}],
        "paths": paths,
        "components": {
            "schemas": {**schemas, "Error": _ERROR_SCHEMA},
            "securitySchemes": {"token": {"type": "apiKey", "in": "header", "name": "X-Auth-Token"}},
        },
        "security": [{"token": []}, {}],
    }


def supported() -> Iterator[Route]:
    """The routes that do something; the others answer 405."""
    return (route for route in ROUTES if route.handler is not unsupported)


def page() -> str:
    """The reference page, as Markdown."""
    lines = [_HEAD, "| verb and path | body or answer | |", "|---|---|---|"]
    for route in supported():
        media = route.consumes or route.produces
        names = ", ".join(f"`{_short(type_)}`" for type_ in media.types) if media is not None else ""
        lines.append(f"| `{route.method} {_plain(route.path)}` | {names} | {_mechanism(media)} |")
    lines.append("\n## Fields\n\nWhat is absent has its default; unknown names are ignored.\n")
    for name, by_type in BODIES.items():
        lines.extend(_fields_of(name, by_type))
    return "\n".join(lines) + "\n"


_HEAD = """\
# MidoNet's API, as minimidonet serves it

This page is made from the routes (`minimidonet reference`); `minimidonet openapi` prints them as OpenAPI 3.1. Paths are below
`/midonet-api`. A type in short form such as `Bridge-v4` stands for `application/vnd.org.midonet.Bridge-v4+json`.
Where the types are marked *generic*, Accept has to be exactly one of them; others are negotiated as usual. Errors have the type
`Error-v1` and say `message` and `code`, with `violations` when fields are wrong. What differs from a real MidoNet is in
[limits](../limits.md). Extensions are under `/minimidonet/v1` (see [architecture](../architecture.md), seam 4);
a browser is shown the topology at `/`.

## Routes
"""


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": re.sub(r"\W+", "_", f"{route.method.lower()}{_plain(route.path)}").strip("_"),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", **({"format": "uuid"} if is_id else {})}}
            for name, is_id in _PARAMETER.findall(route.path)
        ],
        "responses": {
            "200" if route.path.startswith("/hosts/{id}") else _DONE[route.method]: _answer(route),
            **_REFUSALS,
        },
    }
    if route.consumes is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.consumes, is_answer=False)}
    return operation


def _answer(route: Route) -> dict[str, Any]:
    if route.produces is None:
        return {"description": "done"}
    # MidoNet has no type of its own for the list of peering entries.
    is_list = any(".collection." in type_ for type_ in route.produces.types) or route.path.endswith("/peering_table")
    return {"description": "found", "content": _content(route.produces, is_answer=True, is_list=is_list)}


def _content(media: Media, *, is_answer: bool, is_list: bool = False) -> dict[str, Any]:
    # A generic resource labels its answer as JSON for whoever takes anything.
    types = (*media.types, JSON) if media.generic and is_answer else media.types
    names = [match[1] for type_ in media.types if (match := _VENDOR.fullmatch(type_))]
    known = next((name for name in names if name in BODIES), None)
    schema: dict[str, Any] = {"$ref": f"#/components/schemas/{known}"} if known else {}
    if is_list:
        schema = {"type": "array", "items": schema}
    return {type_: {"schema": schema} for type_ in dict.fromkeys(types)}


def _body_schema(by_type: dict[str, Fields]) -> dict[str, Any]:
    schemas = [_object_schema(kind, fields) for kind, fields in by_type.items()]
    return schemas[0] if len(schemas) == 1 else {"oneOf": schemas}


def _object_schema(kind: str, fields: Fields) -> dict[str, Any]:
    properties = {field.name: _field_schema(field) for field in fields.all}
    required = [field.name for field in fields.all if field.required]
    if kind:
        properties["type"] = {"const": kind}
        required.append("type")
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def _field_schema(field: Field) -> dict[str, Any]:
    schema = dict(schema_of(field.read))
    for check in field.checks:
        schema.update(schema_of(check))
    if "type" in schema and not field.required:
        schema["type"] = [schema["type"], "null"]
        if "enum" in schema:
            schema["enum"] = [*schema["enum"], None]
    if not field.stored:
        schema["readOnly"] = True
    elif field.default is not None:
        schema["default"] = field.default
    return schema


def _fields_of(name: str, by_type: dict[str, Fields]) -> Iterator[str]:
    yield f"### {name}\n"
    common = set.intersection(*({field.name for field in fields.all} for fields in by_type.values()))
    yield "| field | what | default |\n|---|---|---|"
    shown: set[str] = set()
    for kind, fields in by_type.items():
        for field in fields.all:
            if field.name not in shown or field.name not in common:
                shown.add(field.name)
                yield f"| {field.name} | {_words(field, kind if field.name not in common else '')} | {_default(field)} |"
    yield ""


def _words(field: Field, kind: str) -> str:
    schema = _field_schema(field)
    type_ = schema.get("type", "")
    words = [schema.get("format") or (type_[0] if isinstance(type_, list) else type_) or "any"]
    if "enum" in schema:
        words.append(" or ".join(f"`{value}`" for value in schema["enum"] if value is not None))
    elif "minimum" in schema or "maximum" in schema:
        words.append(f"{schema.get('minimum', '')}..{schema.get('maximum', '')}")
    elif "maxLength" in schema:
        words.append(f"{schema['minLength']} to {schema['maxLength']} characters")
    if field.required:
        words.append("required")
    if not field.stored:
        words.append("ignored when given")
    return ", ".join(words) + (f" (type `{kind}`)" if kind else "")


def _default(field: Field) -> str:
    if not field.stored or field.required or field.default is None:
        return ""
    return f"`{str(field.default).lower() if isinstance(field.default, bool) else field.default}`"


def _plain(path: str) -> str:
    return path.replace(":uuid", "")


def _short(type_: str) -> str:
    return type_.removeprefix("application/vnd.org.midonet.").removesuffix("+json")


def _mechanism(media: Media | None) -> str:
    return "generic" if media is not None and media.generic else ""
