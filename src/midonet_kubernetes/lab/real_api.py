"""The lab on a real API server, where the lab's nodes are Nodes like others and all of the lab is labelled with its name."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Network
from pathlib import Path
from socket import create_server, socket
from typing import Any

import yaml

from midonet_kubernetes.errors import AlreadyExists, ApiError, Forbidden, NotFound, Unauthorized, UserError
from midonet_kubernetes.kubernetes_api.access import Access, connect
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import NODE, raw
from midonet_kubernetes.kubernetes_api.kubeconfig import read_kubeconfig
from midonet_kubernetes.lab import cluster
from midonet_kubernetes.lab.absentees import absentee
from midonet_kubernetes.lab.claiming import claim
from midonet_kubernetes.lab.clearing import clear
from midonet_kubernetes.lab.cluster import Networks
from midonet_kubernetes.lab.ownership import LABEL, Ownership
from midonet_kubernetes.lab.programs import Programs
from midonet_kubernetes.lab.relay import hand_over, relay
from midonet_kubernetes.lab.relayed_kubeconfig import address_of, moved, relayed
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.lab.underlay import LabNode
from midonet_kubernetes.lab.waiting import within
from midonet_kubernetes.linux.kernel import Kernel

COMPONENT_ACTS = 5.0  # seconds after which the lab does the work of a component that the cluster seems not to have
CLEARED = 15.0  # seconds for the lab to leave the API
DEPLOYMENT = raw("apps/v1", "Deployment", "deployments", namespaced=True)
RAW_POD = raw("v1", "Pod", "pods", namespaced=True)
ACCOUNT = raw("v1", "ServiceAccount", "serviceaccounts", namespaced=True)


@contextmanager
def real_api(place: Place, nodes: Sequence[LabNode], networks: Networks, kubeconfig: Path) -> Iterator[RealApi]:
    """Before the lab is isolated: see that the API answers, start the relay, and write the lab's kubeconfigs.

    Raises:
        UserError: the kubeconfig cannot be used, or the API server refuses it.
        ApiError: the API server does not answer as it should.
    """
    access = read_kubeconfig(kubeconfig)
    asyncio.run(_greet(access, kubeconfig))
    outside = moved(kubeconfig)
    _write_private(place.kubeconfig, outside)
    _write_private(cluster.inside_kubeconfig(place), relayed(outside, nodes[0].address, cluster.API_PORT))
    with relay(*address_of(access.server)) as channel:
        yield RealApi(Ownership(place.name), networks, channel)


async def _greet(access: Access, kubeconfig: Path) -> None:
    client = await connect(access)
    try:
        await client.send("GET", f"{NODE.path()}?limit=1")
    except (Unauthorized, Forbidden) as error:
        raise UserError(f"the API server refuses {kubeconfig}: {error}. The lab needs an administrator's") from error
    finally:
        await client.close()


def _write_private(path: Path, document: Mapping[str, Any]) -> None:
    path.touch(mode=0o600)
    path.write_text(yaml.safe_dump(dict(document)), encoding="utf-8")


@dataclass(frozen=True)
class RealApi:
    """See ``api.Api``.

    Args:
        ownership: how the lab's objects are told from others'.
        networks: of pods and Services, as the cluster has them.
        channel: to the relay.
    """

    ownership: Ownership
    networks: Networks
    channel: socket

    def start(self, nodes: Sequence[LabNode], kernel: Kernel, programs: Programs) -> None:  # noqa: ARG002 - see Api
        """Have the relay listen on the first node."""
        namespace = kernel.open_namespace(str(nodes[0].network))
        try:
            with namespace.entered():
                listening = create_server((nodes[0].address, cluster.API_PORT), backlog=128)
        finally:
            namespace.close()
        with listening:
            hand_over(self.channel, listening)

    async def claim(self, client: Client, nodes: Sequence[LabNode], say: Callable[[str], None]) -> None:
        """See ``claiming.claim``."""
        await claim(client, self.ownership, self.networks, nodes, say)

    async def give_pod_networks(self, client: Client) -> None:
        """Wait for kube-controller-manager to allocate; where it does not, it is ours to do."""
        network = IPv4Network(self.networks.pods)

        async def allocated() -> bool:
            return all(node.spec.pod_cidr for node in await client.list(NODE, labels=self.ownership.selector))

        await within(COMPONENT_ACTS, allocated)
        nodes = await client.list(NODE)
        taken = [IPv4Network(node.spec.pod_cidr) for node in nodes if "." in node.spec.pod_cidr]
        free = (subnet for subnet in network.subnets(new_prefix=24) if not any(subnet.overlaps(other) for other in taken))
        for node in nodes:
            if node.metadata.labels.get(LABEL) != self.ownership.lab:
                continue
            if not node.spec.pod_cidr:
                subnet = str(next(free))
                await client.patch(NODE, node.metadata.name, {"spec": {"podCIDR": subnet, "podCIDRs": [subnet]}})
            elif ":" in node.spec.pod_cidr or not IPv4Network(node.spec.pod_cidr).subnet_of(network):
                raise UserError(
                    f"the cluster gives the pods of a node {node.spec.pod_cidr}, which is not in {network}: "
                    "name its network with --pod-network"
                )

    async def complete_namespaces(self, client: Client, namespaces: Iterable[str]) -> None:
        """Admission wants the ServiceAccount ``default``: wait for kube-controller-manager, else create it."""
        for namespace in namespaces:

            async def there(namespace: str = namespace) -> bool:
                with suppress(NotFound):
                    await client.get(ACCOUNT, "default", namespace=namespace)
                    return True
                return False

            if not await within(COMPONENT_ACTS, there):
                with suppress(AlreadyExists):
                    await client.create(ACCOUNT, {"metadata": {"name": "default"}}, namespace=namespace)

    async def absentee(self, client: Client) -> str:
        """See ``absentees.absentee``."""
        mine = self.ownership.selector
        deployments, pods = await client.list(DEPLOYMENT, labels=mine), await client.list(RAW_POD, labels=mine)
        return absentee(deployments, pods)

    async def release(self, client: Client, programs: Programs, say: Callable[[str], None]) -> None:
        """Nobody makes Translations any more; then all of the lab goes."""
        await programs.stop(cluster.CONTROLLERS)
        try:
            async with asyncio.timeout(CLEARED):
                await clear(client, self.ownership)
        except (ApiError, TimeoutError) as error:
            why = str(error) or f"it took more than {CLEARED:.0f} s"
            say(
                f"not all of the lab is gone from the cluster ({why}): objects labelled {self.ownership.selector}, and "
                "Translations. The next lab of this name takes them away"
            )
