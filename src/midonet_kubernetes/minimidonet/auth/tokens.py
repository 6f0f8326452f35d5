"""Strict access: a token from a login with a password of the users' file, for a time (rest-api 2)."""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from midonet_kubernetes.minimidonet.auth.access import CHALLENGE, Token, credentials, not_logged_in
from midonet_kubernetes.minimidonet.auth.users import ADMIN, Users
from midonet_kubernetes.minimidonet.rest.refusal import Refusal

TOKEN_SECONDS = 3600.0
MOST_TOKENS = 10_000
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")


@dataclass(frozen=True, slots=True)
class _Grant:
    user: str
    role: str
    ends: float


class TokenAccess:
    """Tokens of users.

    Args:
        users: who may log in.
        clock: seconds since 1970.
        seconds: how long a token holds.
    """

    def __init__(self, users: Users, clock: Callable[[], float] = time.time, seconds: float = TOKEN_SECONDS) -> None:
        self._users, self._clock, self._seconds = users, clock, seconds
        self._grants: dict[bytes, _Grant] = {}  # oldest first, by digest: the tokens themselves are not kept
        self._lock = threading.Lock()  # logins run in threads, because a password takes its time

    def login(self, authorization: str | None) -> Token:
        """See ``Access``."""
        name, password = credentials(authorization)
        with self._lock:
            self._users.refresh()
        user = self._users.verify(name, password)
        if user is None:
            raise not_logged_in("Invalid user name or password")
        key, now = secrets.token_urlsafe(24), self._clock()
        with self._lock:
            self._drop_old(now)
            self._grants[_digest(key)] = _Grant(user.name, user.role, now + self._seconds)
        return Token(key, _date(now + self._seconds))

    def check(self, headers: Mapping[str, str]) -> None:
        """See ``Access``."""
        key = headers.get("x-auth-token", "")
        if not key:
            raise Refusal(401, "No token was passed in.")
        grant = self._grants.get(_digest(key))
        if grant is None or grant.ends <= self._clock():
            raise Refusal(401, "Authentication error", headers=CHALLENGE)
        if grant.role != ADMIN:
            raise Refusal(401, None)

    def _drop_old(self, now: float) -> None:
        while self._grants:
            oldest = next(iter(self._grants))
            if self._grants[oldest].ends > now and len(self._grants) < MOST_TOKENS:
                return
            del self._grants[oldest]


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="replace")).digest()


def _date(seconds: float) -> str:
    """As MidoNet writes it: ``Fri, 13-12-2019 04:24:22 UTC``."""
    when = time.gmtime(seconds)
    return f"{_DAYS[when.tm_wday]}, " + time.strftime("%d-%m-%Y %H:%M:%S UTC", when)
