"""Login and the check of every other request (rest-api 2)."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from midonet_kubernetes.minimidonet.rest.media import ERROR
from midonet_kubernetes.minimidonet.rest.refusal import Refusal

_NO_DIGIT_OF_BASE64 = re.compile(r"[^A-Za-z0-9+/]")
CHALLENGE = {"www-authenticate": 'Basic  realm="BASIC_AUTH_REALM"'}  # MidoNet writes two blanks


@dataclass(frozen=True, slots=True)
class Token:
    """What a login gives.

    Args:
        key: to be sent back as X-Auth-Token.
        expires: as ``EEE, dd-MM-yyyy HH:mm:ss z``, or None.
    """

    key: str
    expires: str | None


class Access(Protocol):
    """Decides who may do anything."""

    def login(self, authorization: str | None) -> Token:
        """A token for the user that an Authorization header names.

        Raises:
            Refusal: 401.
        """
        ...

    def check(self, headers: Mapping[str, str]) -> None:
        """Whether a request may pass.

        Raises:
            Refusal: 401.
        """
        ...


class OpenAccess:
    """MidoNet's mock: any user with a password logs in, and nobody needs to."""

    def login(self, authorization: str | None) -> Token:
        """See ``Access``."""
        credentials(authorization)
        return Token("00000000", None)

    def check(self, headers: Mapping[str, str]) -> None:
        """See ``Access``."""


def not_logged_in(message: str) -> Refusal:
    """401 of a login."""
    return Refusal(401, message, headers={**CHALLENGE, "content-type": f"{ERROR};charset=UTF-8"})


def credentials(authorization: str | None) -> tuple[str, str]:
    """User and password of an Authorization header.

    A password that is empty or has a colon is refused, as MidoNet's split at colons does.

    Raises:
        Refusal: 401.
    """
    if authorization is None or not authorization.strip():
        raise not_logged_in("Authorization header is not set.")
    scheme, blank, encoded = authorization.strip().partition(" ")
    if scheme.lower() != "basic" or not blank:
        raise not_logged_in("Authorization header does not contain Basic.")
    parts = _decode(encoded).rstrip(":").split(":")
    if len(parts) != 2:
        raise not_logged_in("Authorization header is not valid")
    return parts[0], parts[1]


def _decode(encoded: str) -> str:
    """Base64 as MidoNet's library reads it: of either alphabet, up to the padding, which may be missing."""
    kept = _NO_DIGIT_OF_BASE64.sub("", encoded.partition("=")[0].replace("-", "+").replace("_", "/"))
    whole = kept[:-1] if len(kept) % 4 == 1 else kept
    return base64.b64decode(whole + "=" * (-len(whole) % 4)).decode(errors="replace")
