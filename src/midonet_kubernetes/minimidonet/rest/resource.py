"""A resource: mostly a declaration, with hooks for the rules that only it has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

from midonet_kubernetes.minimidonet.rest.call import Call
from midonet_kubernetes.minimidonet.rest.coercion import mismatch
from midonet_kubernetes.minimidonet.rest.field import Fields
from midonet_kubernetes.minimidonet.rest.links import Links
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.transaction import Transaction

Rule = Callable[[Call, Transaction, Object], None]
"""Looks at (and may change) an object; raises Refusal."""
Change = Callable[[Call, Transaction, Object, Object], None]
"""As ``Rule``, with the stored object first."""
Claim = Callable[[Transaction, Object, str], None]
"""Looks at what an object (second) refers to anew (by id); raises Refusal when that has no room for it."""
Reader = Callable[[Any], Object | None]
"""From a JSON value to the values of fields; None for null. Raises Refusal."""


def _accept(*_: object) -> None:
    """No rule of its own."""


class Needs(NamedTuple):
    """A reference to what has to exist.

    Args:
        field: that holds the id, or ids.
        kind: of what it names.
        claim: whether that has room for one more referrer; None: always.
    """

    field: str
    kind: str
    claim: Claim | None = None


@dataclass(frozen=True)
class Resource:
    """A resource.

    Args:
        kind: of the store, and of the stream where it is a part of the topology.
        collection: its segment in flat paths.
        fields: of its body.
        links: of its body.
        references: in the order in which MidoNet looks them up.
        kept: fields that PUT takes from the stored object.
        before_create: after validation, before references are looked up.
        before_replace: likewise for PUT.
        after_create: when the object is in place.
        after_replace: likewise for PUT.
        before_delete: before anything is deleted by its flat path.
        shape: adds to (or changes) what a reader sees.
        delete_missing: what DELETE of nothing is: 204 or 404.
        needs_id: no id is made up when the body has none.
    """

    kind: str
    collection: str
    fields: Fields
    links: Links
    references: tuple[Needs, ...] = ()
    kept: tuple[str, ...] = ()
    before_create: Rule = _accept
    before_replace: Change = _accept
    after_create: Rule = _accept
    after_replace: Change = _accept
    before_delete: Rule = _accept
    shape: Rule = _accept
    delete_missing: int = 204
    needs_id: bool = False

    def read(self, given: Any) -> Object | None:
        """The body's values; a ``Reader``."""
        return read_object(self.fields, given)

    def show(self, call: Call, store: Transaction, object_: Object) -> dict[str, Any]:
        """The object as a client sees it."""
        shown = {**self.fields.defaults, **object_}
        self.shape(call, store, shown)
        self.links.add_to(shown, call.base)
        return shown

    def uri(self, call: Call, id_: str) -> str:
        """The URI of the object."""
        return f"{call.base}/{self.collection}/{id_}"


def read_object(fields: Fields, given: Any) -> Object | None:
    """The values of a JSON object by its fields; None for null.

    Raises:
        Refusal: 400, it is something else, or a value cannot be read.
    """
    if given is None:
        return None
    if not isinstance(given, dict):
        raise mismatch(given, "an object")
    return fields.read(given)
