"""The page's files, as they are in the package. They hold no data and need no token."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from midonet_kubernetes.exchange import Response

_FOLDER = Path(__file__).parent
_FILES = {
    "/": ("page.html", "text/html; charset=utf-8"),
    "/page.js": ("page.js", "text/javascript; charset=utf-8"),
    "/views.js": ("views.js", "text/javascript; charset=utf-8"),
    "/picture.js": ("picture.js", "text/javascript; charset=utf-8"),
    "/page.css": ("page.css", "text/css; charset=utf-8"),
}
# Nothing but these files and answers of this server, whatever a name in the topology may hold.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page_file(path: str) -> Response | None:
    """The file at a path; None when there is none."""
    return _read(*_FILES[path]) if path in _FILES else None


@cache
def _read(name: str, media: str) -> Response:
    headers = {
        "content-type": media,
        "content-security-policy": _POLICY,
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-cache",
    }
    return Response(200, headers, (_FOLDER / name).read_bytes())
