"""Times as the API writes them, and ages as kubectl shows them."""

from __future__ import annotations

from datetime import UTC, datetime

_MINUTE, _HOUR, _DAY = 60, 3_600, 86_400


def timestamp(moment: datetime) -> str:
    """RFC 3339 in whole seconds, as in ``metadata.creationTimestamp``."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def since(text: str | None, now: datetime) -> str:
    """The age of a timestamp; ``<unknown>`` when there is none or it is not one."""
    try:
        return human(int((now - datetime.fromisoformat(text or "")).total_seconds()))
    except (ValueError, TypeError):
        return "<unknown>"


def human(seconds: int) -> str:
    """A duration in the coarse units of ``duration.HumanDuration`` of apimachinery."""
    if seconds < 0:
        return "0s" if seconds >= -1 else "<invalid>"
    if seconds < 2 * _MINUTE:
        return f"{seconds}s"
    if seconds < 10 * _MINUTE:
        return _two(seconds // _MINUTE, "m", seconds % _MINUTE, "s")
    if seconds < 3 * _HOUR:
        return f"{seconds // _MINUTE}m"
    if seconds < 8 * _HOUR:
        return _two(seconds // _HOUR, "h", seconds % _HOUR // _MINUTE, "m")
    if seconds < 2 * _DAY:
        return f"{seconds // _HOUR}h"
    if seconds < 8 * _DAY:
        return _two(seconds // _DAY, "d", seconds % _DAY // _HOUR, "h")
    if seconds < 2 * 365 * _DAY:
        return f"{seconds // _DAY}d"
    if seconds < 8 * 365 * _DAY:
        return _two(seconds // (365 * _DAY), "y", seconds // _DAY % 365, "d")
    return f"{seconds // (365 * _DAY)}y"


def _two(large: int, large_unit: str, small: int, small_unit: str) -> str:
    return f"{large}{large_unit}" + (f"{small}{small_unit}" if small else "")
