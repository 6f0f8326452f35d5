"""Kubernetes' own control plane as programs of a lab, on its first node: etcd, API server, controller manager, scheduler.

Kubelets and our programs reach the API server over the underlay, each with a token of its own and no more rights than in a
real cluster (Node and RBAC authorization).
"""

from __future__ import annotations

import shutil
import ssl
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from midonet_kubernetes.http_transport import HttpTransport
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.credentials import Token
from midonet_kubernetes.lab.cluster import API_PORT, POD_NETWORK, SERVICE_NETWORK
from midonet_kubernetes.lab.programs import Program
from midonet_kubernetes.lab.underlay import LabNode

NAMES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
ADMIN, MANAGER, SCHEDULER = "admin", "controller-manager", "scheduler"
CONTROLLERS, NODE_DAEMON = "midonet-kube-controllers", "midonet-kube-node"


def users(nodes: list[LabNode]) -> dict[str, tuple[str, str]]:
    """User name and groups of everybody who has a token, by a name for it; the token is ``secret-of-NAME``."""
    accounts = {
        name: (f"system:serviceaccount:kube-system:{name}", "system:serviceaccounts") for name in (CONTROLLERS, NODE_DAEMON)
    }
    kubelets = {f"kubelet-{node.name}": (f"system:node:{node.name}", "system:nodes") for node in nodes}
    masters = {name: (name, "system:masters") for name in (ADMIN, MANAGER, SCHEDULER)}
    return {**masters, **kubelets, **accounts}


@dataclass(frozen=True)
class ControlPlane:
    """One control plane.

    Args:
        programs: where ``NAMES`` and ``kubectl`` are.
        folder: for its files; it exists.
        nodes: of the lab; the first one has it.
    """

    programs: Mapping[str, Path]
    folder: Path
    nodes: list[LabNode]

    @property
    def url(self) -> str:
        """Of the API server."""
        return f"https://{self.nodes[0].address}:{API_PORT}"

    @property
    def certificate(self) -> Path:
        """What the API server shows; its own authority. Its key signs tokens of service accounts too."""
        return self.folder / "server.pem"

    @property
    def _key(self) -> Path:
        return self.folder / "server.key"

    def prepare(self) -> None:
        """Write certificate, tokens and kubeconfigs.

        Raises:
            CalledProcessError: openssl refuses.
        """
        names = f"IP:{self.nodes[0].address},IP:127.0.0.1,IP:10.96.0.1,DNS:kubernetes.default.svc"
        extensions = [f"subjectAltName={names}", "keyUsage=critical,digitalSignature,keyCertSign"]
        argv = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
        argv += ["-subj", "/CN=server", "-out", str(self.certificate), "-keyout", str(self._key)]
        argv += [word for extension in extensions for word in ("-addext", extension)]
        subprocess.run([shutil.which("openssl") or "openssl", *argv[1:]], check=True, capture_output=True)
        known = users(self.nodes)
        tokens = [f'secret-of-{name},{user},{name},"{groups}"\n' for name, (user, groups) in known.items()]
        (self.folder / "tokens").write_text("".join(tokens), encoding="ascii")
        for name in known:
            self._write_kubeconfig(name)

    def kubeconfig(self, name: str) -> Path:
        """The kubeconfig of somebody who has a token."""
        return self.folder / f"{name}.kubeconfig"

    def _write_kubeconfig(self, name: str) -> None:
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": self.url, "certificate-authority": str(self.certificate)}}],
            "users": [{"name": name, "user": {"token": f"secret-of-{name}"}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": name}}],
            "current-context": "c",
        }
        self.kubeconfig(name).write_text(yaml.safe_dump(document), encoding="ascii")

    def client(self) -> Client:
        """A client of the administrator; the caller closes it."""
        tls = ssl.create_default_context(cafile=self.certificate)
        return Client(HttpTransport(self.url, tls=tls), Token(f"secret-of-{ADMIN}"))

    def all_programs(self) -> list[Program]:
        """Its programs, in the order in which they are started."""
        argvs = {
            "etcd": self._etcd(),
            "kube-apiserver": self._api_server(),
            "kube-controller-manager": self._manager(),
            "kube-scheduler": self._scheduler(),
        }
        return [Program(name, [str(self.programs[name]), *words], self.nodes[0].network) for name, words in argvs.items()]

    def _etcd(self) -> list[str]:
        client, peer = "http://127.0.0.1:2379", "http://127.0.0.1:2380"
        return [
            f"--data-dir={self.folder / 'etcd'}",
            "--unsafe-no-fsync",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
        ]

    def _api_server(self) -> list[str]:
        return [
            "--etcd-servers=http://127.0.0.1:2379",
            f"--advertise-address={self.nodes[0].address}",
            f"--secure-port={API_PORT}",
            f"--cert-dir={self.folder}",
            f"--tls-cert-file={self.certificate}",
            f"--tls-private-key-file={self._key}",
            f"--token-auth-file={self.folder / 'tokens'}",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={self.certificate}",
            f"--service-account-signing-key-file={self._key}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            "--kubelet-preferred-address-types=InternalIP",
        ]

    def _manager(self) -> list[str]:
        return [
            *self._as_client(MANAGER),
            "--allocate-node-cidrs",
            f"--cluster-cidr={POD_NETWORK}",
            f"--service-cluster-ip-range={SERVICE_NETWORK}",
            f"--service-account-private-key-file={self._key}",
            f"--root-ca-file={self.certificate}",
            "--kube-api-qps=200",
            "--kube-api-burst=400",
        ]

    def _scheduler(self) -> list[str]:
        return self._as_client(SCHEDULER)

    def _as_client(self, name: str) -> list[str]:
        file = self.kubeconfig(name)
        words = [f"--{prefix}kubeconfig={file}" for prefix in ("", "authentication-", "authorization-")]
        return [*words, "--leader-elect=false", "--secure-port=0"]
