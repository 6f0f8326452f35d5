"""Bean validation's checks and their texts (rest-api 1.6; ValidationMessages of MidoNet)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from midonet_kubernetes.minimidonet.rest.schema import describe

Check = Callable[[Any], str | None]

IP_FORMAT = "is an invalid IP format"
IPV4_PATTERN = r"^(([0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])\.){3}([0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])$"
MUST_MATCH_IPV4 = f'must match "{IPV4_PATTERN}"'
MAC_PATTERN = "^((([0-9]|[a-f]|[A-F]){2}):){5}([0-9]|[a-f]|[A-F]){2}$"
MAC_FORMAT = "MAC address string must be 6 words of 1 or 2 hex digits joined with 5 ':'"
MAC_MASK_FORMAT = 'MAC mask must consist of three sets of four hexadecimal digits separated by periods, e.g. "ffff.ff00.0000".'

IPV4 = r"(?:(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])\.){3}(?:[0-9]|[1-9][0-9]|1[0-9]{2}|2[0-4][0-9]|25[0-5])"
_IPV4 = re.compile(IPV4)
_MAC = re.compile(r"(?:[0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}")
_LOOSE_MAC = re.compile(r"(?:[0-9a-fA-F]{1,2}:){5}[0-9a-fA-F]{1,2}")
_MAC_MASK = re.compile(r"[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}\.[0-9a-fA-F]{4}")


def between(low: int | None, high: int | None) -> Check:
    """An integer in ``low..high``, either of which may be missing."""

    def check(value: int) -> str | None:
        if low is not None and value < low:
            return f"must be greater than or equal to {low}"
        if high is not None and value > high:
            return f"must be less than or equal to {high}"
        return None

    limits = {"minimum": low, "maximum": high}
    return describe(check, **{name: limit for name, limit in limits.items() if limit is not None})


def matches(pattern: re.Pattern[str], message: str) -> Check:
    """Text that matches as a whole."""

    def check(value: str) -> str | None:
        return None if pattern.fullmatch(value) else message

    return describe(check, pattern=f"^{pattern.pattern}$")


def is_ipv4(message: str) -> Check:
    """Canonical dotted decimal."""
    return matches(_IPV4, message)


def one_of(*allowed: str) -> Check:
    """One of some words, by a pattern as MidoNet has it."""

    def check(value: str) -> str | None:
        return None if value in allowed else 'must match "' + "|".join(allowed) + '"'

    return describe(check, enum=list(allowed))


def size(low: int, high: int) -> Check:
    """A list of ``low..high`` elements."""

    def check(value: list[Any]) -> str | None:
        return None if low <= len(value) <= high else f"size must be between {low} and {high}"

    return describe(check, minItems=low)


is_mac = matches(_MAC, f'must match "{MAC_PATTERN}"')
is_loose_mac = matches(_LOOSE_MAC, MAC_FORMAT)
is_mac_mask = matches(_MAC_MASK, MAC_MASK_FORMAT)
