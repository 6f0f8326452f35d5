"""A real control plane on the loopback address: etcd, kube-apiserver and, if asked for, kube-controller-manager."""

from __future__ import annotations

import asyncio
import contextlib
import json
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from midonet_kubernetes.http_transport import HttpTransport
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.credentials import Token
from midonet_kubernetes.testing.background import Background, free_ports
from midonet_kubernetes.testing.kubernetes_programs import Programs

ADMIN = "secret-of-admin"
_READY_SECONDS = 90.0
# Who did what to which object, one JSON line for each answer.
_AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived", "ResponseStarted"],
    "rules": [
        {"level": "None", "users": ["admin", "system:apiserver"]},
        {"level": "Metadata"},
    ],
}


@dataclass(frozen=True)
class RealKubernetes:
    """A running control plane.

    Args:
        programs: of which it is made.
        directory: all of its files.
        url: of the API server.
        certificate_authority: the file that its certificate is checked against.
        server: the API server's process.
        etcd: etcd's process.
    """

    programs: Programs
    directory: Path
    url: str
    certificate_authority: Path
    server: Background
    etcd: Background

    def tls(self) -> ssl.SSLContext:
        """How to check the server."""
        return ssl.create_default_context(cafile=self.certificate_authority)

    def client(self, token: str = ADMIN, *, connections: int = 128) -> Client:
        """A client that shows a token; the caller closes it."""
        return Client(HttpTransport(self.url, tls=self.tls(), connections=connections), Token(token))

    def kubeconfig(self, token: str = ADMIN, *, name: str = "admin") -> Path:
        """A kubeconfig file with a token in it."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [
                {"name": "real", "cluster": {"server": self.url, "certificate-authority": str(self.certificate_authority)}}
            ],
            "users": [{"name": name, "user": {"token": token}}],
            "contexts": [{"name": "real", "context": {"cluster": "real", "user": name}}],
            "current-context": "real",
        }
        path = self.directory / f"{name}.kubeconfig"
        path.write_text(yaml.safe_dump(document), encoding="ascii")
        path.chmod(0o600)
        return path

    async def kubectl(self, *arguments: str | Path, input_: str = "", fails: bool = False) -> str:
        """What kubectl prints.

        Args:
            arguments: without the program's name.
            input_: on its standard input.
            fails: whether it is expected to fail; then its complaints are returned too.

        Raises:
            AssertionError: it failed, or did not if that was expected; with what it said.
        """
        assert self.programs.kubectl is not None
        process = await asyncio.create_subprocess_exec(
            self.programs.kubectl,
            f"--kubeconfig={self.kubeconfig()}",
            f"--cache-dir={self.directory / 'kubectl'}",
            *map(str, arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT if fails else asyncio.subprocess.PIPE,
        )
        output, complaints = await process.communicate(input_.encode())
        assert bool(process.returncode) == fails, f"kubectl {arguments}: {output.decode()}{(complaints or b'').decode()}"
        return output.decode()

    @contextmanager
    def controller_manager(self, *controllers: str) -> Iterator[Background]:
        """kube-controller-manager with these controllers, while the context lasts."""
        assert self.programs.controller_manager is not None
        kubeconfig = self.kubeconfig()
        argv: list[str | Path] = [
            self.programs.controller_manager,
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            f"--controllers={','.join(controllers)}",
            "--leader-elect=false",
            "--secure-port=0",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ]
        with Background(argv, self.directory / "controller-manager.log") as process:
            yield process

    def audit(self, *, since: int = 0) -> tuple[list[dict[str, object]], int]:
        """What the audit log holds from byte ``since`` on, and the byte to go on from; needs ``audited``."""
        with (self.directory / "audit.log").open("rb") as log:
            log.seek(since)
            text = log.read()
        whole = text[: text.rfind(b"\n") + 1]
        return [json.loads(line) for line in whole.splitlines()], since + len(whole)


@contextmanager
def started(programs: Programs, directory: Path, certificates: Path, *, audited: bool = False) -> Iterator[RealKubernetes]:
    """Start a control plane, and end it with the context.

    Args:
        programs: of which it is made.
        directory: an empty folder.
        certificates: folder with ``ca.pem``, ``server.pem`` and ``server.key``, made out to 127.0.0.1.
        audited: whether every request that is not the administrator's is written down.

    Raises:
        AssertionError: it did not become ready; with the end of its log.
    """
    etcd_port, peer_port, port = free_ports(3)
    etcd, peer = f"http://127.0.0.1:{etcd_port}", f"http://127.0.0.1:{peer_port}"
    (directory / "tokens").write_text(f"{ADMIN},admin,1,system:masters\n", encoding="ascii")
    etcd_argv: list[str | Path] = [
        programs.etcd,
        f"--data-dir={directory / 'etcd'}",
        "--unsafe-no-fsync",
        f"--listen-client-urls={etcd}",
        f"--advertise-client-urls={etcd}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
    ]
    argv: list[str | Path] = [
        programs.api_server,
        f"--etcd-servers={etcd}",
        "--bind-address=127.0.0.1",
        f"--secure-port={port}",
        f"--cert-dir={directory}",
        f"--tls-cert-file={certificates / 'server.pem'}",
        f"--tls-private-key-file={certificates / 'server.key'}",
        f"--token-auth-file={directory / 'tokens'}",
        "--authorization-mode=RBAC",
        "--allow-privileged",
        "--service-account-issuer=https://127.0.0.1",
        f"--service-account-key-file={certificates / 'server.pem'}",
        f"--service-account-signing-key-file={certificates / 'server.key'}",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",
        "--disable-admission-plugins=ServiceAccount",  # nobody makes default service accounts here
        *(_audit(directory) if audited else []),
    ]
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(Background(etcd_argv, directory / "etcd.log"))
        server = stack.enter_context(Background(argv, directory / "kube-apiserver.log"))
        running = RealKubernetes(programs, directory, f"https://127.0.0.1:{port}", certificates / "ca.pem", server, store)
        _wait_until_ready(running)
        yield running


def _audit(directory: Path) -> list[str]:
    policy = directory / "audit-policy.yaml"
    policy.write_text(yaml.safe_dump(_AUDIT_POLICY), encoding="ascii")
    (directory / "audit.log").touch()
    return [f"--audit-policy-file={policy}", f"--audit-log-path={directory / 'audit.log'}", "--audit-log-mode=blocking-strict"]


def _wait_until_ready(kubernetes: RealKubernetes) -> None:
    tls, ends_at = kubernetes.tls(), time.monotonic() + _READY_SECONDS
    request = urllib.request.Request(f"{kubernetes.url}/readyz", headers={"Authorization": f"Bearer {ADMIN}"})
    while True:
        try:
            with urllib.request.urlopen(request, context=tls, timeout=5):
                return
        except (urllib.error.URLError, OSError):
            kubernetes.server.check()
            assert time.monotonic() < ends_at, f"the API server did not become ready:\n{kubernetes.server.tail()}"
            with contextlib.suppress(subprocess.TimeoutExpired):
                kubernetes.server.process.wait(0.1)
