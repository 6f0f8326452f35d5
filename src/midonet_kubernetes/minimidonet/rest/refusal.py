"""A request that is refused, as an exception: whoever notices raises it, one place turns it into the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from midonet_kubernetes.errors import MidonetKubeError

Violation = tuple[str, str]  # property and message

_STORAGE_NAMES = {"Bridge": "Network", "IpAddrGroup": "IPAddrGroup"}


class Refusal(MidonetKubeError):
    """The request changes nothing and is answered with ``status``.

    Args:
        status: the HTTP status.
        message: for the error body; None is JSON's null.
        violations: of bean validation; the body lists them.
        plain: no body at all, as the framework below MidoNet's resources answers (rest-api 1.6).
        page: MidoNet's container shows its own page instead of a body.
        headers: to add to the answer.
    """

    def __init__(
        self,
        status: int,
        message: str | None = None,
        *,
        violations: Sequence[Violation] = (),
        plain: bool = False,
        page: bool = False,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.message, self.violations = status, message, tuple(violations)
        self.plain, self.page, self.headers = plain, page, dict(headers or {})


def bad_request(message: str | None) -> Refusal:
    """400 with a message."""
    return Refusal(400, message)


def invalid(*violations: Violation) -> Refusal:
    """400 of bean validation."""
    return Refusal(400, "Validation error(s) found", violations=violations)


def missing(kind: str, id_: str) -> Refusal:
    """404 for an object that is not there."""
    return Refusal(404, f"There is no {_storage_name(kind)} with ID {id_}.")


def taken(kind: str, id_: str) -> Refusal:
    """409 for an id in use."""
    return Refusal(409, f"A(n) {_storage_name(kind)} with ID {id_} already exists.")


def occupied(kind: str, id_: str, other: str, other_id: str, field: str) -> Refusal:
    """409 for a reference to an object whose only slot is taken."""
    return Refusal(
        409,
        f"Operation failed because the {kind} with ID {id_} already references the {other} with ID {other_id} "
        f"via the field {field}. This field can accommodate only one reference.",
    )


def _storage_name(kind: str) -> str:
    """How MidoNet's messages name a kind (rest-api 1.7)."""
    return _STORAGE_NAMES.get(kind, kind)
