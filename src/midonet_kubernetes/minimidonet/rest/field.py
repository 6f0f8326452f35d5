"""The fields of a resource: how each is read, what it is when absent, what it must satisfy."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from midonet_kubernetes.minimidonet.rest import coercion
from midonet_kubernetes.minimidonet.rest.checks import IP_FORMAT, between, is_ipv4
from midonet_kubernetes.minimidonet.rest.refusal import Violation, invalid
from midonet_kubernetes.minimidonet.rest.schema import describe
from midonet_kubernetes.minimidonet.store.indices import Object

Check = Callable[[Any], str | None]
"""Takes a value that is not None, gives the text of the violation or None."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a body.

    Args:
        name: in JSON.
        read: makes the value.
        default: the value when the field is absent; also what readers see when nothing is stored.
        null: the value when it is given as null.
        required: absent or null is a violation.
        checks: bean validation.
        stored: False: read (so that nonsense is refused) and then forgotten.
    """

    name: str
    read: coercion.Coercion
    default: Any = None
    null: Any = None
    required: bool = False
    checks: tuple[Check, ...] = ()
    stored: bool = True


def text(name: str, *, low: int | None = None, high: int = 255, required: bool = False, stored: bool = True) -> Field:
    """Text, with its length between ``low`` and ``high`` when ``low`` is given."""
    checks: tuple[Check, ...] = ()
    if low is not None:

        def length(value: str) -> str | None:
            # Java counts UTF-16 units.
            return None if low <= len(value.encode("utf-16-le")) // 2 <= high else f"size must be between {low} and {high}"

        checks = (describe(length, minLength=low, maxLength=high),)
    return Field(name, coercion.text, required=required, checks=checks, stored=stored)


def uuid(name: str, *, required: bool = False, stored: bool = True) -> Field:
    """An id."""
    return Field(name, coercion.uuid, required=required, stored=stored)


def uuids(name: str) -> Field:
    """A list of ids; null is an empty list."""
    return Field(name, coercion.list_of(coercion.uuid), default=[], null=[])


def number(name: str, low: int | None = None, high: int | None = None, *, default: int | None = 0, null: int | None = 0) -> Field:
    """A 32-bit integer, checked to be in ``low..high``. With ``default`` None null stays null."""
    checks = (between(low, high),) if low is not None or high is not None else ()
    return Field(name, coercion.integer(), default=default, null=None if default is None else null, checks=checks)


def flag(name: str, *, default: bool = False) -> Field:
    """A boolean; null is false whatever the default."""
    return Field(name, coercion.boolean, default=default, null=False)


def choice(name: str, *allowed: str, required: bool = False) -> Field:
    """One of ``allowed``."""
    return Field(name, coercion.choice(*allowed), required=required)


def ipv4(name: str, *, required: bool = False, message: str = IP_FORMAT) -> Field:
    """An IPv4 address in canonical form."""
    return Field(name, coercion.text, required=required, checks=(is_ipv4(message),))


def ignored(name: str, read: coercion.Coercion = coercion.anything) -> Field:
    """A field that the server sets itself; only its type matters in a body."""
    return Field(name, read, stored=False)


class Fields:
    """All fields of a resource.

    Attributes:
        defaults: every stored field with its default: a stored object laid over it is complete.
    """

    def __init__(self, fields: Iterable[Field]) -> None:
        self.all = tuple(fields)
        self._by_name = {field.name: field for field in self.all}
        self._checks = {field.name: field.checks for field in self.all if field.checks}
        self._required = tuple(field.name for field in self.all if field.required)
        # Defaults that validation refuses, so that the field has to be given.
        self._bad_defaults = {
            field.name: text_
            for field in self.all
            if field.default is not None
            for check in field.checks
            if (text_ := check(field.default)) is not None
        }
        self.defaults: Object = {field.name: field.default for field in self.all if field.stored}

    def read(self, body: dict[str, Any]) -> Object:
        """The values of a body that differ from their defaults. Unknown names are skipped.

        Raises:
            Refusal: 400, a value cannot be read.
        """
        values: Object = {}
        by_name = self._by_name
        for name, given in body.items():
            field = by_name.get(name)
            if field is None:
                continue
            value = None if given is None else field.read(given)
            if value is None:
                value = field.null
            if field.stored and value != field.default:
                values[name] = value
        return values

    def violations(self, values: Object) -> list[Violation]:
        """What bean validation has to say about values that ``read`` gave."""
        found = [(name, "may not be null") for name in self._required if values.get(name) is None]
        for name, message in self._bad_defaults.items():
            if name not in values:
                found.append((name, message))
        for name, value in values.items():
            if value is not None:
                for check in self._checks.get(name, ()):
                    complaint = check(value)
                    if complaint is not None:
                        found.append((name, complaint))
        return found

    def validate(self, values: Object) -> None:
        """Refuse values that violate a check.

        Raises:
            Refusal: 400 with all violations.
        """
        if found := self.violations(values):
            raise invalid(*found)
