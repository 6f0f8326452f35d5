"""How to reach an API server and as whom: from a kubeconfig, or from inside a Pod."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.http_transport import HttpTransport
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.credentials import ANONYMOUS, Credentials, TokenFile

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where kubelet puts a Pod's token, certificate authority and namespace."""


@dataclass(frozen=True)
class Access:
    """A way to an API server.

    Args:
        server: its URL.
        tls: how to check it, None for the system's trust (or for plain HTTP).
        credentials: who we are.
        namespace: the one that is meant when none is named.
        tls_server_name: to whom the server's certificate is made out, "" for the host of ``server``.
    """

    server: str
    tls: ssl.SSLContext | None = None
    credentials: Credentials = field(default=ANONYMOUS)
    namespace: str = "default"
    tls_server_name: str = ""


async def connect(access: Access) -> Client:
    """A client over the network. The server itself need not be there yet.

    Raises:
        UserError: there are no credentials where they should be.
    """
    await access.credentials.headers()
    transport = HttpTransport(access.server, tls=access.tls, tls_server_name=access.tls_server_name)
    return Client(transport, access.credentials)


def in_cluster(environment: Mapping[str, str], directory: Path = SERVICE_ACCOUNT) -> Access:
    """The access that every Pod is given by its service account.

    Raises:
        UserError: this is no Pod, or its service account is not mounted.
    """
    host, port = environment.get("KUBERNETES_SERVICE_HOST", ""), environment.get("KUBERNETES_SERVICE_PORT", "")
    if not host or not port:
        raise UserError(
            "KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set, so this is not a Pod: "
            "set MIDONETKUBE_KUBECONFIG to a kubeconfig file"
        )
    try:
        tls = ssl.create_default_context(cafile=str(directory / "ca.crt"))
        namespace = (directory / "namespace").read_text(encoding="ascii").strip()
    except OSError as error:
        raise UserError(f"the service account in {directory} cannot be read ({error}): is it mounted into the Pod?") from error
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    return Access(server, tls, TokenFile(directory / "token"), namespace)
