"""The transport to a MidoNet API: what is special about its connections, and whom to trust."""

from __future__ import annotations

import ssl
from pathlib import Path
from urllib.parse import urlsplit

from midonet_kubernetes import http_transport
from midonet_kubernetes.errors import UserError

# MidoNet closes a connection that was idle for 30 s without a word (rest-api 11.4).
_KEEP_ALIVE_SECONDS = 20.0


class HttpTransport(http_transport.HttpTransport):
    """An ``exchange.Transport`` to a MidoNet API.

    Args:
        server: URL; only scheme, host and port count.
        tls: how to check the server; None is the system's trust.
        timeout: seconds for a whole request that is not a stream. MidoNet itself gives up after 30.
        idle: seconds without a byte after which a stream counts as broken.
        connections: at most so many at a time, streams included.
    """

    def __init__(
        self,
        server: str,
        *,
        tls: ssl.SSLContext | None = None,
        timeout: float = 40.0,
        idle: float = 15.0,
        connections: int = 64,
    ) -> None:
        parts = urlsplit(server)
        super().__init__(
            f"{parts.scheme}://{parts.netloc}",
            tls=tls,
            timeout=timeout,
            idle=idle,
            keep_alive=_KEEP_ALIVE_SECONDS,
            connections=connections,
            verbatim=True,
        )


def tls_context(ca_file: str) -> ssl.SSLContext:
    """Trust in the certificates of a file, instead of the system's.

    Raises:
        UserError: the file cannot be read or holds no certificate.
    """
    try:
        return ssl.create_default_context(cadata=Path(ca_file).read_text(encoding="ascii"))
    except (OSError, ssl.SSLError, ValueError) as error:
        raise UserError(f"{ca_file} is no file of PEM certificates ({error}): give the certificate of the server's CA") from error
