"""The Kubernetes API that a lab runs on: the embedded one, which ends with the lab, or a real one, which stays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.lab.ownership import Ownership
from midonet_kubernetes.lab.programs import Programs
from midonet_kubernetes.lab.underlay import LabNode
from midonet_kubernetes.linux.kernel import Kernel


class Api(Protocol):
    """What differs between the two, in the order in which a session asks for it."""

    @property
    def ownership(self) -> Ownership | None:
        """How the lab's objects are told from others'; None: all are the lab's."""
        ...

    def start(self, nodes: Sequence[LabNode], kernel: Kernel, programs: Programs) -> None:
        """Make the API reachable on the first node, which is there."""
        ...

    async def claim(self, client: Client, nodes: Sequence[LabNode], say: Callable[[str], None]) -> None:
        """Once it answers: nobody else's lab or MidoNet is there, nothing of a killed lab either, and Translations are known.

        Raises:
            UserError: the API cannot be used for this lab.
        """
        ...

    async def give_pod_networks(self, client: Client) -> None:
        """The lab's Nodes are there: see to it that each has a network for its pods.

        Raises:
            UserError: the cluster gave one that is not the lab's.
        """
        ...

    async def complete_namespaces(self, client: Client, namespaces: Iterable[str]) -> None:
        """See to it that pods are admitted to these Namespaces, which are there."""
        ...

    async def absentee(self, client: Client) -> str:
        """Which component keeps the lab's pods from being made or placed, in a sentence; "" when nothing is seen."""
        ...

    async def release(self, client: Client, programs: Programs, say: Callable[[str], None]) -> None:
        """The lab ends: leave nothing of it in the API. Complains, but does not raise."""
        ...
