"""The links of an object: URIs made from its fields (rest-api 1.4)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from midonet_kubernetes.minimidonet.store.indices import Object

Link = Callable[[Object, str], str | None]
"""From a complete object and the base URI; None when a field that it needs is null."""

_FIELD = re.compile(r"\{(\w+)\}")


def link(template: str) -> Link:
    """A link by a template such as ``bridges/{id}/ports``; ``{{x}}`` stands for a literal ``{x}``."""
    pieces = _FIELD.split(template.replace("{{", "\0").replace("}}", "\1"))
    literals = [piece.replace("\0", "{").replace("\1", "}") for piece in pieces[0::2]]
    names = pieces[1::2]
    if len(names) == 1:
        (name,), (before, after) = names, literals
        before = "/" + before

        def single(object_: Object, base: str) -> str | None:
            value = object_[name]
            return None if value is None else f"{base}{before}{value}{after}"

        return single

    def several(object_: Object, base: str) -> str | None:
        values = [object_[name] for name in names]
        if None in values:
            return None
        text = "".join(f"{literal}{value}" for literal, value in zip(literals, values, strict=False))
        return f"{base}/{text}{literals[-1]}"

    return several


class Links:
    """All links of a resource, by name."""

    def __init__(self, **templates: str) -> None:
        self._links = tuple((name, link(template)) for name, template in templates.items())
        self.names = tuple(templates)

    def add_to(self, object_: dict[str, Any], base: str) -> None:
        """Set every link of a complete object."""
        for name, make in self._links:
            object_[name] = make(object_, base)
