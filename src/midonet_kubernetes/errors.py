"""Every error that this program raises on purpose, and whose fault each is.

::

    MidonetKubeError
    ├── UserError                what the user gave us is wrong; the message says what to change    exit code 2
    │   ├── SettingError         an environment variable or a flag
    │   └── ManifestError        a file of Kubernetes objects
    ├── MachineError             the machine lacks something; the message says how to get it       exit code 1
    ├── KernelError              the kernel refused an operation (carries errno)
    └── ApiError                 an HTTP API did not do what was asked (carries the status)
        ├── Unreachable          no answer: connection refused, cut, timed out, or not HTTP; try again
        ├── KubernetesApiError   the Kubernetes API answered with a failure
        │   ├── NotFound, AlreadyExists, Conflict, Gone, Unauthorized, Forbidden, Invalid, TooManyRequests
        └── MidonetApiError      a MidoNet API answered with a failure
"""

from __future__ import annotations

import os


class MidonetKubeError(Exception):
    """The root: catch it to report, never to go on as if nothing had happened."""

    exit_code = 1


class UserError(MidonetKubeError):
    """What the user gave is wrong. The message says what is wrong, where, and what would be right."""

    exit_code = 2


class SettingError(UserError):
    """A setting has a value that is not allowed.

    Args:
        name: the environment variable or flag.
        value: what it was set to.
        allowed: what would be right, in words.
    """

    def __init__(self, name: str, value: str, allowed: str) -> None:
        super().__init__(f"{name}={value!r} is not allowed: {allowed}")
        self.name, self.value, self.allowed = name, value, allowed


class ManifestError(UserError):
    """A file of Kubernetes objects cannot be used; the message names file, document and field."""


class MachineError(MidonetKubeError):
    """The machine lacks a feature, a program or a permission; the message says how to get it."""


class KernelError(MidonetKubeError):
    """The kernel refused an operation.

    Args:
        operation: what was asked, in words ("create chain s25_dnat in table midonet").
        code: the errno, positive.
        detail: the kernel's own explanation when it gave one (extended acknowledgement).
    """

    def __init__(self, operation: str, code: int, detail: str = "") -> None:
        super().__init__(f"{operation}: {os.strerror(code)}" + (f" ({detail})" if detail else ""))
        self.operation, self.code, self.detail = operation, code, detail


class ApiError(MidonetKubeError):
    """An HTTP API did not do what was asked. ``status`` is 0 when there was no answer."""

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class Unreachable(ApiError):
    """No usable answer: refused, cut, timed out, wrong certificate, or not HTTP. Nobody's state is known; try again later."""


class KubernetesApiError(ApiError):
    """The Kubernetes API answered with a failure.

    Args:
        message: the server's message.
        status: the HTTP status.
        reason: ``reason`` of the ``Status`` object ("" when there was none).
        retry_after: seconds that the server asked to wait, if it did.
    """

    def __init__(self, message: str, *, status: int, reason: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, status=status)
        self.reason, self.retry_after = reason, retry_after


class NotFound(KubernetesApiError):
    """404: the object is not there (any more). Deleting it is done."""


class AlreadyExists(KubernetesApiError):
    """409 with reason AlreadyExists: somebody made it first. Read it and compare."""


class Conflict(KubernetesApiError):
    """409 with another reason: our copy is old. Read again and decide anew."""


class Gone(KubernetesApiError):
    """410: the resourceVersion is too old. List again."""


class Unauthorized(KubernetesApiError):
    """401: the token is wrong or was rotated. Read the credentials again, once."""


class Forbidden(KubernetesApiError):
    """403: the operator has to grant the permission; the message names it."""


class Invalid(KubernetesApiError):
    """400 or 422: the object that we sent is not acceptable. Sending it again will not help."""


class TooManyRequests(KubernetesApiError):
    """429: wait ``retry_after`` seconds."""


class MidonetApiError(ApiError):
    """A MidoNet API answered with a failure; the status decides, the body is optional text (rest-api 1.6)."""
