"""One page of a list, read so that an object that cannot be read does not take the others with it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import msgspec

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.kubernetes_api.kinds import Kind, head

T = TypeVar("T")

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BadObject:
    """An object that the API served and we cannot read.

    Args:
        kind: its kind's name.
        key: its key, "" when not even that can be read.
        message: what is wrong with it, and in which field.
    """

    kind: str
    key: str
    message: str


BadObjectHandler = Callable[[BadObject], None]


def log_bad_object(bad: BadObject) -> None:
    """Say it in the log: what is done when nothing else was asked for."""
    _log.warning("%s %s cannot be read and is left out: %s", bad.kind, bad.key, bad.message)


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some objects of a list.

    Args:
        objects: those that can be read.
        bad: those that cannot.
        resource_version: of the whole list.
        more: the token for the next page, "" on the last one.
    """

    objects: list[T]
    bad: list[BadObject]
    resource_version: str
    more: str


class _ListMetadata(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    more: str = msgspec.field(default="", name="continue")


class _List(msgspec.Struct):
    items: list[msgspec.Raw] | None
    metadata: _ListMetadata = msgspec.field(default_factory=_ListMetadata)


_DECODER = msgspec.json.Decoder(_List)


def read_page(kind: Kind[T], body: bytes) -> Page[T]:
    """A page out of the answer to a list request.

    Raises:
        Unreachable: it is no list at all.
    """
    try:
        listed = _DECODER.decode(body)
    except msgspec.DecodeError as error:
        raise Unreachable(f"the answer to a list of {kind.plural} is no list: {error}") from error
    objects: list[T] = []
    bad: list[BadObject] = []
    for item in listed.items or []:
        try:
            objects.append(kind.decode(item))
        except msgspec.DecodeError as error:
            bad.append(BadObject(kind.kind, head(item).key, str(error)))
    return Page(objects, bad, listed.metadata.resource_version, listed.metadata.more)
