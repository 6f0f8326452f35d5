"""The lab on an API of its own, which begins and ends with it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.lab import cluster
from midonet_kubernetes.lab.cluster import Networks
from midonet_kubernetes.lab.programs import Programs
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.lab.underlay import LabNode
from midonet_kubernetes.linux.kernel import Kernel


@contextmanager
def embedded_api(place: Place, nodes: Sequence[LabNode], networks: Networks) -> Iterator[EmbeddedApi]:
    """Before the lab is isolated: open what it inherits, and write its kubeconfigs."""
    with socket.create_server(("127.0.0.1", 0), backlog=128) as outside:
        place.kubeconfig.write_text(cluster.kubeconfig(f"http://127.0.0.1:{outside.getsockname()[1]}"), encoding="utf-8")
        inside = cluster.kubeconfig(f"http://{nodes[0].address}:{cluster.API_PORT}")
        cluster.inside_kubeconfig(place).write_text(inside, encoding="utf-8")
        yield EmbeddedApi(place, networks, outside.fileno())


@dataclass(frozen=True)
class EmbeddedApi:
    """See ``api.Api``. It has controllers for all that a real cluster has components for.

    Args:
        place: of the lab.
        networks: of pods and Services.
        outside: number of a socket that listens on the machine's loopback, for kubectl.
    """

    place: Place
    networks: Networks
    outside: int
    ownership = None

    def start(self, nodes: Sequence[LabNode], kernel: Kernel, programs: Programs) -> None:  # noqa: ARG002 - see Api
        """Start the program."""
        programs.start(cluster.kubernetes_api(self.place, nodes, self.networks, self.outside))

    async def claim(self, client: Client, nodes: Sequence[LabNode], say: Callable[[str], None]) -> None:
        """It is the lab's."""

    async def give_pod_networks(self, client: Client) -> None:
        """Its controllers do."""

    async def complete_namespaces(self, client: Client, namespaces: Iterable[str]) -> None:
        """It admits all pods."""

    async def absentee(self, client: Client) -> str:  # noqa: ARG002 - see Api
        """Nothing is missing."""
        return ""

    async def release(self, client: Client, programs: Programs, say: Callable[[str], None]) -> None:
        """It ends with the lab."""
