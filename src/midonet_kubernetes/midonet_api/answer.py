"""What a MidoNet API answered, as a value: the status decides, the body is optional (rest-api 1.6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from midonet_kubernetes.errors import MidonetApiError
from midonet_kubernetes.exchange import Response

_LONGEST_MESSAGE = 300  # characters


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of any status."""

    response: Response

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.response.status

    @property
    def ok(self) -> bool:
        """2xx."""
        return 200 <= self.response.status < 300

    @property
    def location(self) -> str | None:
        """Where a new object is."""
        return self.response.headers.get("location")

    @property
    def message(self) -> str:
        """What the server said in its error body, shortened; "" when it said nothing that can be read."""
        try:
            document = msgspec.json.decode(self.response.body)
        except (msgspec.MsgspecError, RecursionError):
            return ""
        message = document.get("message") if isinstance(document, dict) else None
        if not isinstance(message, str):
            return ""
        violations = document.get("violations")
        if isinstance(violations, list):
            message += "".join(f"; {v.get('property')}: {v.get('message')}" for v in violations if isinstance(v, dict))
        return message[:_LONGEST_MESSAGE]

    def object(self) -> dict[str, Any]:
        """The body as an object.

        Raises:
            MidonetApiError: it is something else.
        """
        value = self._value()
        if not isinstance(value, dict):
            raise self._unreadable("an object")
        return value

    def objects(self) -> list[dict[str, Any]]:
        """The body as a list of objects.

        Raises:
            MidonetApiError: it is something else.
        """
        value = self._value()
        if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
            raise self._unreadable("a list of objects")
        return value

    def _value(self) -> Any:
        try:
            return msgspec.json.decode(self.response.body)
        except (msgspec.MsgspecError, RecursionError):
            return None

    def _unreadable(self, wanted: str) -> MidonetApiError:
        kind = self.response.headers.get("content-type", "no content type")
        return MidonetApiError(f"the MidoNet API answered {self.status} with {kind} instead of {wanted}", status=self.status)
