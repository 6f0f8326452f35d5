"""Users from a file, one a line: ``NAME:ROLE:scrypt:SALT:HASH``. Only the role ``admin`` may use the API (rest-api 2.3)."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
import secrets
from dataclasses import dataclass
from pathlib import Path

from midonet_kubernetes.errors import UserError

ADMIN = "admin"
ROLES = (ADMIN, "tenant_admin", "tenant_user")
_SCHEME = "scrypt"
_COST, _BLOCK, _PARALLEL = 2**14, 8, 1  # 16 MiB and some 50 ms
_SALT_BYTES = 16
_NAME = re.compile(r"[^\s:]{1,64}")


@dataclass(frozen=True, slots=True)
class User:
    """A user.

    Args:
        name: without colons and blanks.
        role: one of ``ROLES``.
        salt: random.
        hash: of the password.
    """

    name: str
    role: str
    salt: bytes
    hash: bytes

    def line(self) -> str:
        """The line of the file."""
        return ":".join((self.name, self.role, _SCHEME, _text(self.salt), _text(self.hash)))


class Users:
    """The users of a file, read again when the file changed.

    Args:
        path: of the file.

    Raises:
        UserError: it cannot be read, or a line is wrong.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stamp = (0, 0)
        self._users: dict[str, User] = {}
        # Stands in for a user that is not there, so that both answers take the same time.
        self._nobody = new_user("nobody", secrets.token_urlsafe(), ROLES[-1])
        self.refresh()

    def refresh(self) -> None:
        """Read the file if it changed.

        Raises:
            UserError: it cannot be read, or a line is wrong.
        """
        try:
            found = self._path.stat()
            stamp = (found.st_mtime_ns, found.st_size)
            if stamp == self._stamp:
                return
            lines = self._path.read_text("utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"--users {self._path} cannot be read ({error}): make it with minimidonet passwd") from error
        self._users = {user.name: user for user in _parse(self._path, lines)}
        self._stamp = stamp

    def verify(self, name: str, password: str) -> User | None:
        """The user, if the password is right. Takes as long for a wrong name as for a wrong password."""
        user = self._users.get(name, self._nobody)
        given = _hash(password, user.salt)
        is_right = hmac.compare_digest(given, user.hash)
        return user if is_right and user is not self._nobody else None


def new_user(name: str, password: str, role: str = ADMIN) -> User:
    """A user with a fresh salt.

    Raises:
        UserError: the name or the password cannot be used.
    """
    if _NAME.fullmatch(name) is None:
        raise UserError(f"{name!r} is no name for a user: up to 64 characters, neither blanks nor colons")
    if not password or ":" in password:
        raise UserError("the password has to have a character, and none may be a colon: MidoNet's login cannot take others")
    salt = secrets.token_bytes(_SALT_BYTES)
    return User(name, role, salt, _hash(password, salt))


def write_user(path: Path, user: User) -> None:
    """Add a user to the file, or replace the one of the same name. The file is only for its owner.

    Raises:
        UserError: the file cannot be read or written, or a line is wrong.
    """
    try:
        lines = path.read_text("utf-8").splitlines() if path.exists() else []
        others = [line for line in lines if not line.startswith(f"{user.name}:")]
        draft = path.with_name(f"{path.name}.new")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write("\n".join((*others, user.line())) + "\n")
        draft.replace(path)
    except OSError as error:
        raise UserError(f"{path} cannot be written: {error.strerror}") from error


def _parse(path: Path, lines: list[str]) -> list[User]:
    users = []
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        parts = text.split(":")
        if len(parts) != 5 or parts[1] not in ROLES or parts[2] != _SCHEME:
            raise UserError(f"{path}, line {number}: not NAME:ROLE:scrypt:SALT:HASH; make it with minimidonet passwd")
        try:
            users.append(User(parts[0], parts[1], _bytes(parts[3]), _bytes(parts[4])))
        except binascii.Error as error:
            raise UserError(f"{path}, line {number}: salt or hash is not base64; make it with minimidonet passwd") from error
    return users


def _hash(password: str, salt: bytes) -> bytes:
    return hashlib.scrypt(password.encode(), salt=salt, n=_COST, r=_BLOCK, p=_PARALLEL, dklen=32)


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
