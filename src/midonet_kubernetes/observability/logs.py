"""Log lines as text or JSON, without secrets at any level."""

from __future__ import annotations

import base64
import logging
import re
import sys
import time
from typing import TextIO

import msgspec

HIDDEN = "***"
# What looks like a credential wherever it comes from: headers as text, kubeconfig fields, URLs with a user.
_SHAPES = re.compile(
    r"(?i)(authorization\W+(?:basic|bearer)?\s*|bearer\s+|x-auth-token\W+|"
    r"(?:password|token|client-key-data|secret)[\"']?\s*[:=]\s*[\"']?|://[^/\s:@]+:)([^\s\"',;@}]+)"
)


class Redactor:
    """Takes secrets out of text: those it was told, and what looks like one."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()
        self._pattern: re.Pattern[str] | None = None

    def hide(self, *secrets: str) -> None:
        """From now on these texts, and their base64 forms, are never written. Empty ones are ignored."""
        for secret in filter(None, secrets):
            self._secrets.update((secret, base64.b64encode(secret.encode()).decode()))
        longest_first = sorted(self._secrets, key=len, reverse=True)
        self._pattern = re.compile("|".join(map(re.escape, longest_first))) if longest_first else None

    def __call__(self, text: str) -> str:
        """The text without them."""
        if self._pattern is not None:
            text = self._pattern.sub(HIDDEN, text)
        return _SHAPES.sub(rf"\1{HIDDEN}", text)


class _Formatter(logging.Formatter):
    def __init__(self, redact: Redactor) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        self.converter = time.gmtime
        self._redact = redact


class TextFormatter(_Formatter):
    """One line for people (an exception adds its traceback)."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        return self._redact(super().format(record))


class JsonFormatter(_Formatter):
    """One JSON object a line: time, level, logger, message, exception."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        line = {
            "time": f"{self.formatTime(record, self.datefmt)}.{record.msecs:03.0f}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": self._redact(record.getMessage()),
        }
        if record.exc_info:
            line["exception"] = self._redact(self.formatException(record.exc_info))
        return msgspec.json.encode(line).decode()


def configure(level: str, form: str, redactor: Redactor, stream: TextIO | None = None) -> None:
    """Send all logging of the process to ``stream`` (standard error).

    Args:
        level: of ``settings.LOG_LEVELS``.
        form: ``text`` or ``json``.
        redactor: knows the secrets.
        stream: where to.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter(redactor) if form == "json" else TextFormatter(redactor))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    logging.getLogger("asyncio").setLevel(logging.WARNING)
