"""An answer as the bytes of HTTP/1.1, with the headers that aiohttp would add."""

from __future__ import annotations

import time
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus

from midonet_kubernetes.exchange import Response

_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}" for status in HTTPStatus}


LONGEST_PIECE = 1 << 16  # bytes of a body that are cheaper copied than sent apart


def rendered(response: Response) -> list[bytes]:
    """Head and body, in one piece or two.

    Raises:
        ValueError: a header has more than one line.
    """
    headers = response.headers
    values = "".join(headers.values())
    if "\r" in values or "\n" in values:
        raise ValueError("a header has more than one line")
    lines = [_STATUS_LINES[response.status]]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    lines.append("server: minimidonet")
    if response.status != HTTPStatus.NO_CONTENT:
        lines.append(f"Content-Length: {len(response.body)}")
    lines.append(_date(int(time.time())))
    # Halves of surrogate pairs are bytes of a request that are no text; aiohttp leaves them out, too.
    head = "\r\n".join(lines).encode(errors="ignore")
    return [head, response.body] if len(response.body) > LONGEST_PIECE else [head + response.body]


@lru_cache(maxsize=1)
def _date(second: int) -> str:
    return f"Date: {formatdate(second, usegmt=True)}\r\n\r\n"
