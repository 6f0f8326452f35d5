"""Nodes that wire pods by executing CNI plugins: ours with its daemon, and the reference plugins."""

from __future__ import annotations

import contextlib
import json
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from measuring.networks import Namespaces, output_of
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.node.state import State
from midonet_kubernetes.testing.background import Background, ours

MTU = 1450
_KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


class Node(Protocol):
    """Something that plugins wire pods to."""

    namespace: Namespace

    def job(self, command: str, pod: Namespace) -> str:
        """A line for ``execute``."""
        ...


@dataclass(frozen=True)
class Call:
    """One execution of a plugin, from its start to its end."""

    seconds: float
    result: dict[str, Any]


def call(execute: Path, node: Node, command: str, pods: Sequence[Namespace], at_once: int = 1) -> list[Call]:
    """Execute a node's plugin for each pod.

    Raises:
        AssertionError: one of them failed; with what it said.
    """
    given = "\n".join(node.job(command, pod) for pod in pods) + "\n"
    calls = []
    for pod, line in zip(pods, output_of(node.namespace, [execute, str(at_once)], given).splitlines(), strict=True):
        microseconds, status = line.split()
        said = Path(f"{pod.path}.out").read_text(encoding="utf-8")
        assert status == "0", f"{command} of {pod.path} ended with {status}: {said}"
        calls.append(Call(float(microseconds) / 1e6, json.loads(said) if said else {}))
    return calls


def address_of(result: dict[str, Any]) -> str:
    """The pod's address in a result."""
    return str(result["ips"][0]["address"]).partition("/")[0]


def _job(program: Path, configuration: Path, command: str, pod: Namespace, plugins: Path) -> str:
    name = Path(pod.path).name
    environment = {
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": name,
        "CNI_NETNS": pod.path,
        "CNI_IFNAME": "eth0",
        "CNI_PATH": str(plugins),
        "CNI_ARGS": f"IgnoreUnknown=1;K8S_POD_NAMESPACE=bench;K8S_POD_NAME={name};K8S_POD_UID=u",
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
    }
    fields = [str(program), str(configuration), f"{pod.path}.out", *(f"{key}={value}" for key, value in environment.items())]
    return "\t".join(fields)


class OurNode:
    """A node with our daemon, which knows its podCIDR and has no Kubernetes API.

    Args:
        namespaces: where its own is made.
        name: of the Node.
        pod_cidr: its podCIDR.
        address: its InternalIP; the virtual network's MTU follows from that link.
        namespace: its own; None: a new one.
    """

    def __init__(
        self, namespaces: Namespaces, name: str, pod_cidr: str, address: str = "", namespace: Namespace | None = None
    ) -> None:
        self.namespace = namespace or namespaces.make(name)
        folder = namespaces.folder / f"{name}.d"
        folder.mkdir()
        self._program, self._plugins = ours("midonet-kube-cni"), folder / "bin"
        self.datapath = str(namespaces.folder / f"{name}-midonet")
        (folder / "kubeconfig").write_text(_KUBECONFIG, encoding="ascii")
        with contextlib.closing(State(folder / "state")) as state:
            state.remember("podCIDR", pod_cidr)
            state.remember("addresses", json.dumps([address] if address else []))
        self._configuration = folder / "configuration"
        document = {"cniVersion": "1.0.0", "name": "midonet", "type": "midonet-kube-cni", "socket": str(folder / "api")}
        self._configuration.write_text(json.dumps(document), encoding="ascii")
        environment = {
            "MIDONETKUBE_NODENAME": name,
            "MIDONETKUBE_CLUSTERCIDR": "10.0.0.0/8",
            "MIDONETKUBE_NODESOCKET": str(folder / "api"),
            "MIDONETKUBE_NODESTATE": str(folder / "state"),
            "MIDONETKUBE_DATAPATHNAMESPACE": self.datapath,
            "MIDONETKUBE_KUBECONFIG": str(folder / "kubeconfig"),
            "MIDONETKUBE_CNICONFIGPATH": "",
            "MIDONETKUBE_CNIPLUGINDIRECTORY": "",
            "MIDONETKUBE_LISTEN": "127.0.0.1:0",
        }
        self.daemon: Background = namespaces.program(self.namespace, [ours("midonet-kube-node")], environment)
        _wait_for_socket(folder / "api", self.daemon)

    def job(self, command: str, pod: Namespace) -> str:
        """See ``Node``."""
        return _job(self._program, self._configuration, command, pod, self._plugins)


class BridgeNode:
    """A node with the reference plugins ``bridge`` and ``host-local``.

    Args:
        namespaces: where its own is made.
        name: of the node, and of its namespace.
        plugins: folder of the plugins.
        subnet: for its pods.
        masquerade: the plugin's ``ipMasq``, which needs iptables.
        namespace: its own; None: a new one.
    """

    def __init__(
        self,
        namespaces: Namespaces,
        name: str,
        plugins: Path,
        subnet: str,
        *,
        masquerade: bool = False,
        namespace: Namespace | None = None,
    ) -> None:
        self.namespace = namespace or namespaces.make(name)
        self._plugins = plugins
        folder = namespaces.folder / f"{name}.d"
        folder.mkdir()
        self._configuration = folder / "configuration"
        document = {
            "cniVersion": "1.0.0",
            "name": name,
            "type": "bridge",
            "bridge": "cni0",
            "isGateway": True,
            "ipMasq": masquerade,
            "mtu": MTU,
            "ipam": {
                "type": "host-local",
                "ranges": [[{"subnet": subnet}]],
                "routes": [{"dst": "0.0.0.0/0"}],
                "dataDir": str(folder / "addresses"),
            },
        }
        self._configuration.write_text(json.dumps(document), encoding="ascii")

    def job(self, command: str, pod: Namespace) -> str:
        """See ``Node``."""
        return _job(self._plugins / "bridge", self._configuration, command, pod, self._plugins)


def _wait_for_socket(path: Path, daemon: Background, seconds: float = 20.0) -> None:
    ends_at = time.monotonic() + seconds
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
        while probe.connect_ex(str(path)):
            daemon.check()
            assert time.monotonic() < ends_at, f"no socket {path}: {daemon.tail()}"
            time.sleep(0.02)
