"""How objects are shown to a client: whole, as metadata only, or as rows of a Table (``kubectl get``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import msgspec

from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.resource import NAME, Column, Resource
from midonet_kubernetes.kubernetes_api.embedded.store import Stored

_META = "meta.k8s.io/v1"


@dataclass(frozen=True, slots=True)
class Form:
    """What the client asked for.

    Args:
        kind: ``object``, ``table`` or ``metadata``.
        include: for a table, what stands in each row's ``object``: ``None``, ``Metadata`` or ``Object``.
    """

    kind: Literal["object", "table", "metadata"] = "object"
    include: str = "Metadata"


OBJECT = Form()


def negotiate(accept: str, include: str) -> Form:
    """Read an ``Accept`` header; the first entry that we can serve wins, JSON as it stands in doubt."""
    for entry in accept.split(","):
        media, *parameters = (part.strip() for part in entry.split(";"))
        if media not in {"application/json", "*/*", "application/*"}:
            continue
        form = next((part[3:] for part in parameters if part.startswith("as=")), "")
        if form == "Table":
            return Form("table", include or "Metadata")
        if form.startswith("PartialObjectMetadata"):
            return Form("metadata")
        if not form:
            return OBJECT
    return OBJECT


def one(resource: Resource, stored: Stored, form: Form, now: datetime) -> bytes:
    """One object in a form."""
    if form.kind == "object":
        return _raw(resource, stored)
    if form.kind == "metadata":
        return msgspec.json.encode(_partial(stored.body()))
    return _table(resource, [stored], form, now, {"resourceVersion": str(stored.revision)})


def many(resource: Resource, items: list[Stored], form: Form, now: datetime, about: Json) -> bytes:
    """A list in a form; ``about`` is its ``metadata``."""
    if form.kind == "table":
        return _table(resource, items, form, now, about)
    if form.kind == "metadata":
        head = {"kind": "PartialObjectMetadataList", "apiVersion": _META, "metadata": about}
        raws: Iterable[bytes] = (msgspec.json.encode(_partial(item.body())) for item in items)
    else:
        head = {"kind": f"{resource.kind}List", "apiVersion": resource.api_version, "metadata": about}
        raws = (item.raw for item in items) if resource.view is None else (_raw(resource, item) for item in items)
    return msgspec.json.encode(head)[:-1] + b',"items":[' + b",".join(raws) + b"]}"


def _raw(resource: Resource, stored: Stored) -> bytes:
    return stored.raw if resource.view is None else msgspec.json.encode(resource.view.show(stored.body()))


def _partial(body: Json) -> Json:
    return {"kind": "PartialObjectMetadata", "apiVersion": _META, "metadata": body["metadata"]}


def _table(resource: Resource, items: list[Stored], form: Form, now: datetime, about: Json) -> bytes:
    definitions = [
        {
            "name": column.name,
            "type": column.type,
            "format": "name" if column.name == NAME.name else "",
            "description": "",
            "priority": int(column.wide),
        }
        for column in _columns(resource)
    ]
    row = _row_maker(resource, form, now)
    table = {
        "kind": "Table",
        "apiVersion": _META,
        "metadata": about,
        "columnDefinitions": definitions,
        "rows": [row(item.body()) for item in items],
    }
    return msgspec.json.encode(table)


def _cell(column: Column, body: Json, now: datetime) -> Any:
    try:
        return column.cell(body, now)
    except (KeyError, TypeError, AttributeError):  # an object that is only half filled in still has a row
        return "<unknown>"


def _columns(resource: Resource) -> tuple[Column, ...]:
    named = any(column.name == NAME.name for column in resource.columns)
    return resource.columns if named else (NAME, *resource.columns)


def _row_maker(resource: Resource, form: Form, now: datetime) -> Callable[[Json], Json]:
    columns = _columns(resource)

    def row(body: Json) -> Json:
        cells = [_cell(column, body, now) for column in columns]
        if form.include == "None":
            return {"cells": cells}
        return {"cells": cells, "object": body if form.include == "Object" else _partial(body)}

    return row
