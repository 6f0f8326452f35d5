"""The client of a MidoNet API, real MidoNet 5.6 or minimidonet.

Its twin is minimidonet's own handler, behind ``InProcessTransport``.

Start with ``client.Client``; ``http_transport`` is the only module that knows an HTTP library.
"""

from __future__ import annotations

from midonet_kubernetes.midonet_api.answer import Answer
from midonet_kubernetes.midonet_api.client import Client, Credentials
from midonet_kubernetes.midonet_api.http_transport import HttpTransport, tls_context
from midonet_kubernetes.midonet_api.in_process import InProcessTransport

__all__ = ["Answer", "Client", "Credentials", "HttpTransport", "InProcessTransport", "tls_context"]
