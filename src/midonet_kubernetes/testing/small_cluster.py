"""One Node, two Pods and a Service of both, in a real API and a MidoNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from midonet_kubernetes.kubernetes_api.client import MERGE_PATCH, Client
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.midonet_api import Client as MidonetClient
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.model.translation import PUSHED, Translation
from midonet_kubernetes.testing.background import until
from midonet_kubernetes.testing.cluster_load import post, with_status
from midonet_kubernetes.testing.installation import Installation, Replica
from midonet_kubernetes.testing.objects import NODES, PODS, SERVICES, SLICES, endpoint_slice, node, pod, service

TRANSLATIONS = 3 + 3 + 2 * 3 + 2 * 3
"""Of the whole cluster, the Node, two Pods and two Services: ``kubernetes`` is one too."""


async def create(api: Client, installation: Installation) -> None:
    """Make it, and the host in MidoNet."""
    await installation.add_host("node-a")
    await with_status(api, NODES, node("node-a", 1))
    await with_status(api, PODS, pod("web-1", "node-a", "10.1.1.3"))
    await with_status(api, PODS, pod("web-2", "node-a", "10.1.1.4", mac="0a:00:00:00:00:02"))
    await post(api, SERVICES, service("web", 80))
    await post(api, SLICES, endpoint_slice("web-1", "web", 80, "10.1.1.3"))
    await post(api, SLICES, endpoint_slice("web-2", "web", 80, "10.1.1.4"))


async def move_second_endpoint(api: Client, address: str) -> None:
    """The second slice of the Service names another address."""
    body = {"endpoints": [{"addresses": [address], "conditions": {"ready": True}}]}
    await api.send("PATCH", f"{SLICES}/web-2", msgspec.json.encode(body), MERGE_PATCH)


async def until_pushed(api: Client, *replicas: Replica, count: int = TRANSLATIONS) -> Sequence[Translation]:
    """All Translations, once there are ``count`` and each says that it is in MidoNet."""

    async def look() -> Sequence[Translation]:
        found = await api.list(TRANSLATION)
        assert [one.metadata.key for one in found if not is_pushed(one)] == []
        assert len(found) == count, sorted(one.metadata.key for one in found)
        return found

    return await until(f"{count} Translations in MidoNet", look, programs=[replica.process for replica in replicas])


def is_pushed(translation: Translation) -> bool:
    """Whether its status says so of what it is now."""
    conditions = translation.status.conditions if translation.status else []
    told = [(one.type, one.status, one.observed_generation) for one in conditions]
    return (PUSHED, "True", translation.metadata.generation) in told


async def chains(midonet: MidonetClient) -> dict[str, str]:
    """The ids of MidoNet's chains, by name."""
    return {chain["name"]: chain["id"] for chain in await midonet.list("/chains", KINDS["Chain"].collection_media_type)}


async def rules(midonet: MidonetClient, chain: str) -> list[dict[str, Any]]:
    """The rules of a chain, given its name."""
    id_ = (await chains(midonet))[chain]
    return await midonet.list(f"/chains/{id_}/rules", KINDS["Rule"].collection_media_type)


async def endpoints(midonet: MidonetClient) -> list[str]:
    """The addresses to which MidoNet sends what comes to the Service."""
    found = await rules(midonet, "KUBE-SVC-default/web/p80")
    return sorted(target["addressFrom"] for rule in found for target in rule.get("natTargets") or [])
