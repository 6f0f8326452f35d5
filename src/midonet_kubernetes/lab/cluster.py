"""Which programs make the lab a cluster, and with what arguments."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from uuid import NAMESPACE_DNS, uuid5

from midonet_kubernetes.lab.programs import Program
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.lab.underlay import LabNode

POD_NETWORK, SERVICE_NETWORK = "10.244.0.0/16", "10.96.0.0/16"
API_PORT, MIDONET_PORT, NODE_PORT = 6443, 8181, 10250  # NODE_PORT: where each node itself answers
PROGRAMS = Path(sys.executable).parent
CONTROLLERS, PLUGIN = "midonet-kube-controllers", "midonet-kube-cni"
LEASE_NAMESPACE = "kube-system"  # of the Lease by which the controllers elect their leader; it has their name


@dataclass(frozen=True)
class Networks:
    """The cluster's networks.

    Args:
        pods: of all pods, an IPv4 CIDR; each node has a /24 of it.
        services: of all ClusterIPs, an IPv4 CIDR.
    """

    pods: str = POD_NETWORK
    services: str = SERVICE_NETWORK


DEFAULT_NETWORKS = Networks()


def missing_programs() -> list[str]:
    """Programs that should stand beside the Python interpreter and do not."""
    names = ("midonet-kube", CONTROLLERS, "midonet-kube-node", "minimidonet", PLUGIN)
    return [name for name in names if not (PROGRAMS / name).is_file()]


def midonet_url(nodes: Sequence[LabNode]) -> str:
    """The embedded MidoNet's server, on the first node."""
    return f"http://{nodes[0].address}:{MIDONET_PORT}"


def cni_configuration(node: LabNode) -> Path:
    """Where the node's daemon writes its CNI configuration."""
    return node.files / "cni" / "10-midonet.conflist"


def kubernetes_api(place: Place, nodes: Sequence[LabNode], networks: Networks, outside: int) -> Program:
    """The embedded Kubernetes API; ``outside`` is a socket that listens on this machine's loopback, for kubectl."""
    first = nodes[0]
    listen = [f"--listen={first.address}:{API_PORT}", f"--listen=127.0.0.1:{API_PORT}", f"--fd={outside}"]
    cidrs = [f"--pod-cidr={networks.pods}", f"--service-cidr={networks.services}", f"--advertise={first.address}:{API_PORT}"]
    argv = [str(PROGRAMS / "midonet-kube"), "kubernetes-api", *listen, *cidrs, f"--store={place.folder / 'kubernetes.sqlite'}"]
    return Program("kubernetes-api", argv, first.network, inherited=(outside,))


def midonet(place: Place, nodes: Sequence[LabNode]) -> Program:
    """The embedded MidoNet's server."""
    first = nodes[0]
    argv = [str(PROGRAMS / "minimidonet"), "serve", f"--listen={first.address}:{MIDONET_PORT}", "--allow-anonymous"]
    return Program("minimidonet", [*argv, f"--store={place.folder / 'midonet.sqlite'}"], first.network)


def controllers(place: Place, nodes: Sequence[LabNode]) -> Program:
    """Translates, and pushes to MidoNet."""
    environment = {
        "MIDONETKUBE_KUBECONFIG": str(inside_kubeconfig(place)),
        "MIDONETKUBE_MIDONET_API": f"{midonet_url(nodes)}/midonet-api",
        "MIDONETKUBE_LISTEN": f"{nodes[0].address}:9453",
    }
    return Program(CONTROLLERS, [str(PROGRAMS / CONTROLLERS)], nodes[0].network, environment)


def agent(node: LabNode, nodes: Sequence[LabNode]) -> Program:
    """The agent of minimidonet on a node."""
    host = uuid5(NAMESPACE_DNS, node.name)
    argv = [str(PROGRAMS / "minimidonet"), "agent", f"--api={midonet_url(nodes)}", f"--host-id={host}"]
    return Program(f"agent-{node.name}", [*argv, f"--name={node.name}", f"--namespace={node.datapath}"], node.network)


def node_daemon(place: Place, node: LabNode, networks: Networks = DEFAULT_NETWORKS) -> Program:
    """The daemon that wires a node's pods."""
    environment = {
        "MIDONETKUBE_KUBECONFIG": str(inside_kubeconfig(place)),
        "MIDONETKUBE_NODENAME": node.name,
        "MIDONETKUBE_CLUSTERCIDR": networks.pods,
        "MIDONETKUBE_SERVICECIDR": networks.services,
        "MIDONETKUBE_CNICONFIGPATH": str(cni_configuration(node)),
        "MIDONETKUBE_NODESOCKET": str(node.files / "node.sock"),
        "MIDONETKUBE_NODESTATE": str(node.files / "state"),
        "MIDONETKUBE_DATAPATHNAMESPACE": str(node.datapath),
        "MIDONETKUBE_LISTEN": f"{node.address}:9454",
    }
    return Program(f"node-daemon-{node.name}", [str(PROGRAMS / "midonet-kube-node")], node.network, environment)


def inside_kubeconfig(place: Place) -> Path:
    """The kubeconfig of the lab's own programs."""
    return place.folder / "kubeconfig-inside"


def kubeconfig(server: str) -> str:
    """A kubeconfig for ``server``; the lab asks for no credentials."""
    return f"""\
apiVersion: v1
kind: Config
current-context: lab
clusters:
- name: lab
  cluster: {{server: "{server}"}}
contexts:
- name: lab
  context: {{cluster: lab, user: lab}}
users:
- name: lab
  user: {{}}
"""
