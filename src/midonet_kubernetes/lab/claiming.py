"""Makes sure that a real cluster is one lab's alone as far as MidoNet goes, and knows Translations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from ipaddress import IPv4Network, ip_address

from midonet_kubernetes.errors import AlreadyExists, ApiError, NotFound, UserError
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.embedded.controllers.first_objects import translation_definition
from midonet_kubernetes.kubernetes_api.kinds import LEASE, NODE, SERVICE, raw
from midonet_kubernetes.lab.clearing import clear, translations
from midonet_kubernetes.lab.cluster import CONTROLLERS, LEASE_NAMESPACE, Networks
from midonet_kubernetes.lab.ownership import LABEL, Ownership
from midonet_kubernetes.lab.underlay import LabNode
from midonet_kubernetes.lab.waiting import within

LEADER_SPEAKS = 5.0  # seconds within which a leader renews its Lease
DEFINED = 15.0  # seconds until the API server serves a new kind
DEFINITION = raw("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", namespaced=False)


async def claim(
    client: Client, ownership: Ownership, networks: Networks, nodes: Sequence[LabNode], say: Callable[[str], None]
) -> None:
    """Refuse a cluster that others use; take away what a killed lab of this name left; define Translations.

    Raises:
        UserError: it has another lab, MidoNet, Nodes of the lab's names, or another network of Services.
    """
    await _refuse_another_service_network(client, networks)
    labs = {node.metadata.name: node.metadata.labels.get(LABEL, "") for node in await client.list(NODE)}
    if others := set(labs.values()) - {"", ownership.lab}:
        raise UserError(
            f"the lab {min(others)!r} uses this cluster, or was killed: end it, or have its next start take away what it left"
        )
    if taken := sorted(node.name for node in nodes if labs.get(node.name) == ""):
        raise UserError(f"this cluster has Nodes named {', '.join(taken)}, as the lab's would be; use another cluster")
    await _refuse_controllers(client)
    if ownership.lab in labs.values():
        say(f"taking away what an earlier lab {ownership.lab!r} left in the cluster")
        await clear(client, ownership)
    if await translations(client):
        raise UserError("this cluster has Translations, so it has (or had) MidoNet: use one without, or delete them first")
    await _define_translations(client)


async def _refuse_another_service_network(client: Client, networks: Networks) -> None:
    with suppress(NotFound):
        address = (await client.get(SERVICE, "kubernetes", namespace="default")).spec.cluster_ip
        if ip_address(address) not in IPv4Network(networks.services):
            raise UserError(
                f"the cluster gives its Services addresses such as {address}, which is not in {networks.services}: "
                "name its network with --service-network"
            )


async def _refuse_controllers(client: Client) -> None:
    """A leader that lives renews its Lease all the time; that of a killed lab does not."""
    with suppress(NotFound):
        lease = await client.get(LEASE, CONTROLLERS, namespace=LEASE_NAMESPACE)

        async def renewed() -> bool:
            now = await client.get(LEASE, CONTROLLERS, namespace=LEASE_NAMESPACE)
            return now.metadata.resource_version != lease.metadata.resource_version

        holder = lease.spec.holder_identity
        if holder and await within(LEADER_SPEAKS, renewed):
            raise UserError(f"{CONTROLLERS} runs at this cluster ({holder}): a lab needs a cluster without MidoNet")


async def _define_translations(client: Client) -> None:
    """The definition stays when the lab ends, as one of ``deploy/`` would."""
    definition = translation_definition()
    name = definition["metadata"]["name"]
    with suppress(AlreadyExists):
        await client.create(DEFINITION, definition)

    async def served() -> bool:
        status = (await client.get(DEFINITION, name)).get("status") or {}
        return any((one["type"], one["status"]) == ("Established", "True") for one in status.get("conditions") or ())

    if not await within(DEFINED, served):
        raise ApiError(f"the API server does not serve Translations within {DEFINED:.0f} s of their definition")
