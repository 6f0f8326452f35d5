"""From the declaration of a resource to its routes."""

from __future__ import annotations

from dataclasses import dataclass

from midonet_kubernetes.minimidonet.rest.call import Call, Handler
from midonet_kubernetes.minimidonet.rest.media import JSON, Media, vendor
from midonet_kubernetes.minimidonet.rest.refusal import missing
from midonet_kubernetes.minimidonet.rest.resource import Reader, Resource
from midonet_kubernetes.minimidonet.rest.route import Locator, Route
from midonet_kubernetes.minimidonet.rest.verbs import create, delete, replace, show, show_all, show_parts, unsupported
from midonet_kubernetes.minimidonet.store.tables import Tables


@dataclass(frozen=True)
class Types:
    """The media types of a resource.

    Args:
        names: with version.
        json: ``application/json`` is taken too.
        generic: see ``media``.
    """

    names: tuple[str, ...]
    json: bool = True
    generic: bool = True

    @property
    def item(self) -> Media:
        """Of one object."""
        return self._media("")

    @property
    def collection(self) -> Media:
        """Of a list."""
        return self._media("collection.")

    def _media(self, prefix: str) -> Media:
        names = tuple(vendor(prefix + name) for name in self.names)
        return Media((*names, JSON) if self.json else names, generic=self.generic)


def types(*names: str, json: bool = True, generic: bool = True) -> Types:
    """Media types by name with version."""
    return Types(names, json=json, generic=generic)


def get(path: str, handler: Handler, produces: Media | None) -> Route:
    """A GET."""
    return Route("GET", path, handler, produces=produces)


def post(path: str, handler: Handler, consumes: Media, read: Reader, *, locator: Locator | None = None) -> Route:
    """A POST."""
    return Route("POST", path, handler, consumes=consumes, read=read, locator=locator)


def put(path: str, handler: Handler, consumes: Media, read: Reader) -> Route:
    """A PUT."""
    return Route("PUT", path, handler, consumes=consumes, read=read)


def remove(path: str, handler: Handler) -> Route:
    """A DELETE."""
    return Route("DELETE", path, handler)


def lacking(method: str, path: str, read: Reader | None = None, *, locator: Locator | None = None) -> Route:
    """A verb that a resource has only because all do: 405, of whatever type a body is, once it is read."""
    return Route(method, path, unsupported, read=read, locator=locator)


def collection(
    path: str, resource: Resource, media: Types, *, listing: Handler | None = None, creating: Handler | None = None
) -> tuple[Route, Route]:
    """GET and POST of a collection; a verb without a handler is 405."""
    return (
        get(path, listing, media.collection) if listing else lacking("GET", path),
        post(path, creating, media.item, resource.read) if creating else lacking("POST", path, resource.read),
    )


def flat(resource: Resource, media: Types, *, listing: Handler | None = None) -> tuple[Route, Route]:
    """The flat collection with POST and GET."""
    return collection(
        f"/{resource.collection}", resource, media, listing=listing or show_all(resource), creating=create(resource)
    )


def item(resource: Resource, media: Types, *, replacing: bool = True) -> tuple[Route, Route, Route]:
    """GET, PUT and DELETE of an object by its flat path."""
    path = f"/{resource.collection}/{{id}}"
    return (
        get(path, show(resource), media.item),
        put(path, replace(resource), media.item, resource.read) if replacing else lacking("PUT", path, resource.read),
        remove(path, delete(resource)),
    )


def nested(
    resource: Resource,
    media: Types,
    parent: str,
    segment: str,
    field: str,
    *,
    listing: Handler | None = None,
    creating: Handler | None = None,
    listed_as: Media | None = None,
    name: str = "",
    locator: Locator | None = None,
) -> tuple[Route, ...]:
    """A collection below its parent, with the DELETE of an item that ignores the parent (rest-api 1.5).

    Args:
        resource: of the parts.
        media: their types.
        parent: the parent's kind.
        segment: the parent's collection.
        field: that refers to the parent.
        listing: GET, if it is not the usual one.
        creating: POST, if it is not the usual one.
        listed_as: types of the list, if they are not the usual ones.
        name: the collection's segment, if it is not the flat one.
        locator: what is asked before anything else.
    """
    path = f"/{segment}/{{parent:uuid}}/{name or resource.collection}"
    return (
        Route("GET", path, listing or show_parts(resource, parent, field), listed_as or media.collection, locator=locator),
        post(path, creating or create(resource, field), media.item, resource.read, locator=locator),
        *_parts(path, resource, resource.read, locator),
    )


def located(kind: str) -> Locator:
    """The path's ``parent`` of a kind has to be there."""

    def look(call: Call, tables: Tables) -> None:
        if tables.get(kind, call.path["parent"]) is None:
            raise missing(kind, call.path["parent"])

    return look


def view(path: str, resource: Resource, listing: Handler, listed_as: Media, *, read: Reader | None = None) -> tuple[Route, ...]:
    """A list below a parent of what is made elsewhere, with the verbs that it has only because all lists do.

    Args:
        path: of the list; its parent is named ``parent``.
        resource: of the parts.
        listing: GET.
        listed_as: types of the list.
        read: what makes values of a body, if it is not the resource's.
    """
    read = read or resource.read
    return (get(path, listing, listed_as), lacking("POST", path, read), *_parts(path, resource, read, None))


def _parts(path: str, resource: Resource, read: Reader, locator: Locator | None) -> tuple[Route, Route, Route]:
    """The parts of a list below a parent: they can be deleted there, the parent does not matter (rest-api 1.5)."""
    part = f"{path}/{{id}}"
    return (
        lacking("GET", part, locator=locator),
        lacking("PUT", part, read, locator=locator),
        Route("DELETE", part, delete(resource, nested=True), locator=locator),
    )
