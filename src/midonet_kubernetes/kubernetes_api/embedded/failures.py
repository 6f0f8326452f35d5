"""What the API server refuses, worded and numbered as kube-apiserver does, so that kubectl's users recognise it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from midonet_kubernetes.errors import KubernetesApiError

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Cause:
    """One field that is wrong.

    Args:
        field: its path, as ``spec.ports[0].port``.
        reason: ``FieldValueInvalid`` and the like.
        message: what kubectl prints behind the path.
    """

    field: str
    reason: str
    message: str


def invalid_value(field: str, value: object, detail: str) -> Cause:
    """The value is of the right type and still wrong."""
    return Cause(field, "FieldValueInvalid", f"Invalid value: {_shown(value)}: {detail}")


def required(field: str, detail: str = "") -> Cause:
    """The field must be given."""
    return Cause(field, "FieldValueRequired", "Required value" + (f": {detail}" if detail else ""))


def duplicate(field: str, value: object) -> Cause:
    """The value may stand in the list only once."""
    return Cause(field, "FieldValueDuplicate", f"Duplicate value: {_shown(value)}")


def unsupported(field: str, value: object, allowed: Sequence[str]) -> Cause:
    """The value is none of those that are allowed."""
    choices = ", ".join(f'"{choice}"' for choice in allowed)
    return Cause(field, "FieldValueNotSupported", f"Unsupported value: {_shown(value)}: supported values: {choices}")


def _shown(value: object) -> str:
    return msgspec.json.encode(value).decode()


class Failure(KubernetesApiError):
    """An answer that is a ``Status`` with ``status: Failure``.

    Args:
        code: the HTTP status.
        reason: its word for machines.
        message: for people.
        details: ``details`` of the Status.
    """

    def __init__(self, code: int, reason: str, message: str, details: Json | None = None) -> None:
        super().__init__(message, status=code, reason=reason)
        self.message, self.details = message, details or {}

    def status_object(self) -> Json:
        """The ``Status`` object."""
        status: Json = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        status |= {"message": self.message, "reason": self.reason, "code": self.status}
        return status | ({"details": self.details} if self.details else {})


def _details(kind: str, group: str, name: str) -> Json:
    """``details`` of a Status; what is empty is left out."""
    return {key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value}


def qualified(plural: str, group: str) -> str:
    """``deployments.apps``; ``pods`` for the core group."""
    return f"{plural}.{group}" if group else plural


def not_found(plural: str, group: str, name: str) -> Failure:
    """404 for an object."""
    return Failure(404, "NotFound", f'{qualified(plural, group)} "{name}" not found', _details(plural, group, name))


def no_such_path() -> Failure:
    """404 for a path that no resource has."""
    return Failure(404, "NotFound", "the server could not find the requested resource")


def already_exists(plural: str, group: str, name: str) -> Failure:
    """409: there is one of that name."""
    return Failure(409, "AlreadyExists", f'{qualified(plural, group)} "{name}" already exists', _details(plural, group, name))


def conflict(plural: str, group: str, name: str, why: str = "") -> Failure:
    """409: the caller's copy is old, or its precondition does not hold."""
    why = why or "the object has been modified; please apply your changes to the latest version and try again"
    return Failure(
        409,
        "Conflict",
        f'Operation cannot be fulfilled on {qualified(plural, group)} "{name}": {why}',
        _details(plural, group, name),
    )


def invalid(kind: str, group: str, name: str, causes: Sequence[Cause]) -> Failure:
    """422: fields are wrong; all of them are named."""
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = {"causes": [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]}
    message = f'{qualified(kind, group)} "{name}" is invalid: {listed}'
    return Failure(422, "Invalid", message, _details(kind, group, name) | details)


def bad_request(message: str) -> Failure:
    """400: the request itself makes no sense."""
    return Failure(400, "BadRequest", message)


def expired(message: str) -> Failure:
    """410: the resourceVersion is older than what is remembered (or not of this store's life)."""
    return Failure(410, "Expired", message)


def internal_error(error: Exception) -> Failure:
    """500: a defect of this server."""
    return Failure(500, "InternalError", f"Internal error occurred: {type(error).__name__}: {error}")


def forbidden(plural: str, group: str, name: str, why: str) -> Failure:
    """403: allowed in general, not now."""
    return Failure(403, "Forbidden", f'{qualified(plural, group)} "{name}" is forbidden: {why}', _details(plural, group, name))


def method_not_allowed() -> Failure:
    """405: the resource does not have this verb."""
    return Failure(405, "MethodNotAllowed", "the server does not allow this method on the requested resource")
