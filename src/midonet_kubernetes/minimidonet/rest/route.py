"""The routes: what can be asked, as data; and the table that finds the one for a request."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from urllib.parse import unquote

from midonet_kubernetes.minimidonet.rest.call import Call, Handler
from midonet_kubernetes.minimidonet.rest.coercion import uuid_in_uri
from midonet_kubernetes.minimidonet.rest.media import Media
from midonet_kubernetes.minimidonet.rest.refusal import Refusal
from midonet_kubernetes.minimidonet.rest.resource import Reader
from midonet_kubernetes.minimidonet.store.tables import Tables

Locator = Callable[[Call, Tables], None]
"""Looks at a path before anything else is looked at; raises Refusal."""

_REMEMBERED = 1024  # paths: the same chain or bridge is written to again and again


@dataclass(frozen=True)
class Route:
    """One verb on one path.

    Args:
        method: in capitals.
        path: segments; ``{name}`` takes any text, ``{name:uuid}`` a UUID in any case, given in lower case.
        handler: what answers.
        produces: of a GET; None if it is 405.
        consumes: of a POST or PUT; None if it is 405.
        read: what makes values of a body; None if it is not looked at.
        locator: what is asked before anything else.
    """

    method: str
    path: str
    handler: Handler
    produces: Media | None = None
    consumes: Media | None = None
    read: Reader | None = None
    locator: Locator | None = None


@dataclass(slots=True)
class _Node:
    fixed: dict[str, _Node] = field(default_factory=dict)
    parameter: _Node | None = None
    parameters: tuple[tuple[str, bool], ...] = ()  # names on the way here, and whether each is a UUID
    routes: dict[str, Route] = field(default_factory=dict)


class Table:
    """Finds routes by path.

    Args:
        routes: all of them.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self._root = _Node()
        for route in routes:
            self._add(route)
        self._found = lru_cache(maxsize=_REMEMBERED)(self._find)

    def _add(self, route: Route) -> None:
        node, parameters = self._root, []
        for segment in route.path.strip("/").split("/"):
            if segment.startswith("{"):
                name, _, kind = segment[1:-1].partition(":")
                parameters.append((name, kind == "uuid"))
                if node.parameter is None:
                    node.parameter = _Node()
                node = node.parameter
            else:
                node = node.fixed.setdefault(segment, _Node())
        if route.method in node.routes or (node.routes and node.parameters != tuple(parameters)):
            raise ValueError(f"{route.method} {route.path} contradicts another route")
        node.parameters = tuple(parameters)
        node.routes[route.method] = route

    def find(self, path: str) -> tuple[dict[str, Route], dict[str, str]]:
        """The routes of a path by method, and the path's parameters.

        Args:
            path: below the API's root, percent-encoded, with its leading slash.

        Raises:
            Refusal: 404.
        """
        routes, parameters = self._found(path)
        return routes, parameters.copy()

    def _find(self, path: str) -> tuple[dict[str, Route], dict[str, str]]:
        segments = path[1:].split("/")
        if len(segments) > 1 and not segments[-1]:
            segments.pop()
        node, values = self._root, []
        for segment in segments:
            fixed = node.fixed.get(segment)
            if fixed is not None:
                node = fixed
            elif node.parameter is not None and segment:
                node = node.parameter
                values.append(unquote(segment) if "%" in segment else segment)
            elif node is self._root and segment:
                raise Refusal(404, f"Root resource {unquote(segment)} not found")
            else:
                raise Refusal(404, plain=True)
        if not node.routes:
            raise Refusal(404, plain=True)
        return node.routes, _named(node.parameters, values)


def _named(parameters: tuple[tuple[str, bool], ...], values: list[str]) -> dict[str, str]:
    named: dict[str, str] = {}
    for (name, is_id), value in zip(parameters, values, strict=True):
        id_ = uuid_in_uri(value) if is_id else value
        if id_ is None:
            raise Refusal(404, plain=True)
        named[name] = id_
    return named


def allowed(routes: dict[str, Route]) -> str:
    """The value of an Allow header."""
    return ",".join(sorted({*routes, "OPTIONS"} | ({"HEAD"} if "GET" in routes else set())))
