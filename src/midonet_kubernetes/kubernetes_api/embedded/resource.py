"""What the server knows of a kind of object: names, shape, defaults, rules and how kubectl shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from midonet_kubernetes.kubernetes_api.embedded import name_rules
from midonet_kubernetes.kubernetes_api.embedded.durations import since
from midonet_kubernetes.kubernetes_api.embedded.failures import Cause, Json, qualified
from midonet_kubernetes.kubernetes_api.embedded.shapes.objects import ObjectShape

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ``kubectl get``.

    Args:
        name: its heading.
        cell: object and present time to the cell's value.
        type: of the cell, as in the Table API.
        wide: shown only with ``-o wide``.
    """

    name: str
    cell: Callable[[Json, datetime], Any]
    type: str = "string"
    wide: bool = False


NAME = Column("Name", lambda body, _: body["metadata"]["name"])
AGE = Column("Age", lambda body, now: since(body["metadata"].get("creationTimestamp"), now))


@dataclass(frozen=True, slots=True)
class Scale:
    """Where the ``scale`` subresource finds its numbers, as dotted paths."""

    wanted: str
    actual: str
    selector: str


def _nothing(_body: Json, _old: Json | None) -> None:
    """No defaults."""


def _no_causes(_body: Json, _old: Json | None) -> list[Cause]:
    return []


@dataclass(frozen=True, slots=True)
class View:
    """Another kind's objects under this kind's name and in its words.

    Args:
        of: the resource that is stored.
        show: a stored object in this kind's words.
        read: the reverse.
    """

    of: Resource
    show: Callable[[Json], Json]
    read: Callable[[Json], Json]


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind in one version.

    Args:
        group: API group, empty for the core group.
        version: as ``v1``.
        kind: as ``Pod``.
        plural: as in paths.
        singular: lower-case kind unless a CRD says otherwise.
        namespaced: whether objects live in namespaces.
        short_names: for kubectl.
        categories: for kubectl, as ``all``.
        status: whether ``status`` is written by its subresource only.
        scale: the scale subresource, if there is one.
        shape: a msgspec Struct whose field types the object must have; fields it does not name are free.
        prepare: fills in defaults before an object is stored; gets the old object on an update.
        validate: what is wrong with it; gets the old object on an update.
        name_rule: what is wrong with a name.
        columns: for kubectl; Name comes first if it is not among them.
        generations: whether changes of what is wanted are counted in ``metadata.generation``.
        schema: structural schema of a custom resource.
        view: set when it is another kind's view and nothing of it is stored.
    """

    group: str
    version: str
    kind: str
    plural: str
    singular: str = ""
    namespaced: bool = True
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    status: bool = False
    scale: Scale | None = None
    shape: type = ObjectShape
    prepare: Callable[[Json, Json | None], None] = _nothing
    validate: Callable[[Json, Json | None], list[Cause]] = _no_causes
    name_rule: Callable[[str], list[str]] = name_rules.subdomain
    columns: tuple[Column, ...] = (AGE,)
    generations: bool = False
    schema: Json | None = field(default=None, hash=False, compare=False)
    view: View | None = None

    @property
    def id(self) -> str:
        """``pods`` or ``deployments.apps``; the resource part of a store's key."""
        return self.view.of.id if self.view else qualified(self.plural, self.group)

    @property
    def stored(self) -> Resource:
        """The resource that is stored: itself, or what it is a view of."""
        return self.view.of if self.view else self

    @property
    def api_version(self) -> str:
        """``v1`` or ``apps/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version
