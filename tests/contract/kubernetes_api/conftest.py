import asyncio
import contextlib
import os
import shutil
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from itertools import count
from pathlib import Path

import pytest

from midonet_kubernetes.errors import Unreachable
from midonet_kubernetes.exchange import Request, StreamedResponse
from midonet_kubernetes.http_transport import HttpTransport
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.credentials import Token
from midonet_kubernetes.kubernetes_api.embedded.api import Api
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Store
from midonet_kubernetes.kubernetes_api.embedded.transport import EmbeddedTransport
from midonet_kubernetes.kubernetes_api.kinds import raw
from midonet_kubernetes.testing import kubernetes_programs

CERTIFICATES = Path(__file__).parents[2] / "unit" / "kubernetes_api" / "certificates"
NAMESPACE = raw("v1", "Namespace", "namespaces", namespaced=False)
HISTORY = 20  # changes that the embedded API remembers
FOUND = kubernetes_programs.find()
REAL = bool(FOUND)
_NUMBERS = count()


class Breakable:
    """A transport to a healthy server, over which a test cuts or silences watches."""

    def __init__(self, transport):
        self._transport = transport
        self._breaks = asyncio.Event()
        self.silent = asyncio.Event()

    def cut(self):
        self._breaks.set()
        self._breaks = asyncio.Event()

    async def send(self, request):
        return await self._transport.send(request)

    @contextlib.asynccontextmanager
    async def stream(self, request):
        async with self._transport.stream(request) as response:
            yield StreamedResponse(response.status, response.headers, self._chunks(response.chunks, self._breaks, self.silent))

    async def close(self):
        await self._transport.close()

    async def _chunks(self, chunks, breaks, silent):
        breaking = asyncio.ensure_future(breaks.wait())
        try:
            while True:
                reading = asyncio.ensure_future(anext(chunks, None))
                try:
                    await asyncio.wait({reading, breaking}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    if not reading.done():
                        reading.cancel()
                        await asyncio.wait({reading})
                if breaking.done():
                    raise Unreachable("the connection was cut")
                if (chunk := reading.result()) is None:
                    return
                if silent.is_set():
                    await breaking
                    raise Unreachable("the connection was cut")
                yield chunk
        finally:
            breaking.cancel()


@pytest.fixture(scope="session")
def kube_apiserver(tmp_path_factory):
    """The addresses of a real API server and of its etcd."""
    directory = tmp_path_factory.mktemp("kubernetes")
    etcd_port, peer_port, port = _free_ports(3)
    etcd, peer = f"http://127.0.0.1:{etcd_port}", f"http://127.0.0.1:{peer_port}"
    (directory / "tokens").write_text("secret,admin,1,system:masters\n")
    commands = (
        [
            FOUND[0].etcd,
            f"--data-dir={directory / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={etcd}",
            f"--advertise-client-urls={etcd}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ],
        [
            FOUND[0].api_server,
            f"--etcd-servers={etcd}",
            "--bind-address=127.0.0.1",
            f"--secure-port={port}",
            f"--cert-dir={directory}",
            f"--tls-cert-file={CERTIFICATES / 'server.pem'}",
            f"--tls-private-key-file={CERTIFICATES / 'server.key'}",
            f"--token-auth-file={directory / 'tokens'}",
            "--authorization-mode=RBAC",
            "--service-account-issuer=https://127.0.0.1",
            f"--service-account-key-file={CERTIFICATES / 'server.pem'}",
            f"--service-account-signing-key-file={CERTIFICATES / 'server.key'}",
            "--service-cluster-ip-range=10.96.0.0/16",
            "--endpoint-reconciler-type=none",
            "--disable-admission-plugins=ServiceAccount",
            "--watch-cache-sizes=secrets#0",  # their watches go to etcd, whose history a test can make it forget
        ],
    )
    with (directory / "log").open("wb") as log:
        processes = [subprocess.Popen(command, stdout=log, stderr=log) for command in commands]
    try:
        _wait_until_ready(f"https://127.0.0.1:{port}/readyz", processes, directory / "log")
        yield f"https://127.0.0.1:{port}", etcd
    finally:
        for process in reversed(processes):
            process.terminate()
            process.wait()
        shutil.rmtree(directory)


def _free_ports(number):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _wait_until_ready(url, processes, log):
    tls = _client_tls()
    ends_at = time.monotonic() + 90
    while time.monotonic() < ends_at:
        request = urllib.request.Request(url, headers={"Authorization": "Bearer secret"})
        try:
            with urllib.request.urlopen(request, context=tls, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            with contextlib.suppress(subprocess.TimeoutExpired):
                processes[-1].wait(0.2)
                break
    pytest.fail(f"the API server did not become ready: {log.read_text()[-5000:]}")


def _client_tls():
    return ssl.create_default_context(cafile=CERTIFICATES / "ca.pem")


@pytest.fixture
def real_api_server():
    """Whether the cases run against a real API server too."""
    return REAL


@pytest.fixture(params=["embedded", *([pytest.param("real", marks=pytest.mark.cluster)] if REAL else [])])
async def breakable(request):
    """A transport to each kind of server; one that is in memory only keeps a short history."""
    if request.param == "real":
        transport = Breakable(HttpTransport(request.getfixturevalue("kube_apiserver")[0], tls=_client_tls()))
    else:
        transport = Breakable(EmbeddedTransport(Api(Registry(Store(history=HISTORY)))))
    yield transport
    await transport.close()


@pytest.fixture
def client(breakable):
    return Client(breakable, Token("secret"))


@pytest.fixture
async def namespace(client):
    """A namespace of the test's own."""
    name = f"test-{os.getpid()}-{next(_NUMBERS)}"
    await client.create(NAMESPACE, {"metadata": {"name": name}})
    yield name
    await client.delete(NAMESPACE, name)


@pytest.fixture
async def forget(breakable, namespace, request):
    """Makes the server forget its history of secrets up to a version."""

    async def compact(version):
        etcd = HttpTransport(request.getfixturevalue("kube_apiserver")[1])
        answer = await etcd.send(Request("POST", "/v3/kv/compaction", {}, b'{"revision": "%s"}' % version.encode()))
        await etcd.close()
        assert answer.status == 200, answer.body

    async def change_often(_):
        client = Client(breakable)
        for number in range(HISTORY + 1):
            await client.patch(NAMESPACE, namespace, {"metadata": {"labels": {"n": str(number)}}})

    return compact if request.node.callspec.params["breakable"] == "real" else change_often
