"""From a failed answer to the error that says what to do. The format is ``Status`` of the Kubernetes API conventions."""

from __future__ import annotations

import msgspec

from midonet_kubernetes.errors import (
    AlreadyExists,
    Conflict,
    Forbidden,
    Gone,
    Invalid,
    KubernetesApiError,
    NotFound,
    TooManyRequests,
    Unauthorized,
)
from midonet_kubernetes.exchange import Response

_BY_STATUS: dict[int, type[KubernetesApiError]] = {
    400: Invalid,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    422: Invalid,
    429: TooManyRequests,
}
_LONGEST_EXCERPT = 200  # characters of an answer that is no Status


class _Details(msgspec.Struct, rename="camel"):
    retry_after_seconds: float | None = None


class _Status(msgspec.Struct):
    message: str = ""
    reason: str = ""
    code: int = 0
    details: _Details | None = None


_DECODER = msgspec.json.Decoder(_Status)


def error_in(document: msgspec.Raw | bytes, *, status: int = 0, retry_after: str = "") -> KubernetesApiError:
    """The error that a ``Status`` tells of.

    Args:
        document: the ``Status`` as JSON, or whatever came instead.
        status: the HTTP status; 0 takes the document's own code, as for an ERROR event of a watch.
        retry_after: the header of that name, in seconds.
    """
    try:
        told = _DECODER.decode(document)
    except msgspec.DecodeError:
        told = _Status(message=bytes(document)[:_LONGEST_EXCERPT].decode(errors="replace").strip())
    code = status or told.code
    asked = float(retry_after) if retry_after.isdecimal() else None
    if asked is None and told.details is not None:
        asked = told.details.retry_after_seconds
    error = AlreadyExists if told.reason == "AlreadyExists" else _BY_STATUS.get(code, KubernetesApiError)
    return error(told.message or f"the answer has status {code}", status=code, reason=told.reason, retry_after=asked)


def error_of(response: Response) -> KubernetesApiError:
    """The error that a failed answer tells of."""
    return error_in(response.body, status=response.status, retry_after=response.headers.get("retry-after", ""))
