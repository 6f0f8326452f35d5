"""Who we are towards the API server, where that is said in a header. Client certificates are part of the TLS context."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from midonet_kubernetes.errors import UserError

_TOKEN_LIFE = 60.0  # seconds after which a token file is read again; kubelet rotates tokens well before they end


class Credentials(Protocol):
    """What proves to the server who asks."""

    async def headers(self) -> Mapping[str, str]:
        """The headers for the next request.

        Raises:
            UserError: the credentials cannot be had; the message says from where they should come.
        """
        ...

    def forget(self) -> bool:
        """The server refused (401). Return whether ``headers`` may answer something else now."""
        ...


class Token:
    """A token that never changes; an empty one is no token, for servers that ask for none or for a certificate."""

    def __init__(self, token: str = "") -> None:
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    async def headers(self) -> Mapping[str, str]:
        """The token as a header."""
        return self._headers

    def forget(self) -> bool:
        """There is no other token."""
        return False


class TokenFile:
    """A token in a file that somebody else keeps fresh, such as a Pod's service account.

    Args:
        path: of the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._headers: Mapping[str, str] = {}
        self._read_at = float("-inf")

    async def headers(self) -> Mapping[str, str]:
        """The token, at most a minute old.

        Raises:
            UserError: the file cannot be read and there is no token from before.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._read_at + _TOKEN_LIFE:
            self._read()
            self._read_at = now
        return self._headers

    def forget(self) -> bool:
        """Read the file again next time."""
        self._read_at = float("-inf")
        return True

    def _read(self) -> None:
        try:
            token = self._path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            if self._headers:  # half-way through a rotation the old token is still good
                return
            raise UserError(f"the token file {self._path} cannot be read: {error}") from error
        self._headers = {"Authorization": f"Bearer {token}"}


ANONYMOUS = Token()
