"""A whole control plane in this process: embedded Kubernetes API, embedded MidoNet API, and the controllers between them."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Mapping
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import msgspec

from midonet_kubernetes.controllers.program import Controllers, Options
from midonet_kubernetes.exchange import Request, Transport
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.election import Election
from midonet_kubernetes.kubernetes_api.embedded.api import Api
from midonet_kubernetes.kubernetes_api.embedded.cluster import Cluster, Networks
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Store
from midonet_kubernetes.kubernetes_api.embedded.transport import EmbeddedTransport
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.midonet_api import Client as MidonetClient
from midonet_kubernetes.midonet_api import InProcessTransport
from midonet_kubernetes.minimidonet.server.api import Api as MidonetApi
from midonet_kubernetes.minimidonet.store.store import Store as MidonetStore
from midonet_kubernetes.model.translation import Translation

_NETWORKS = Networks(ipaddress.IPv4Network("10.1.0.0/16"), ipaddress.IPv4Network("10.96.0.0/16"))
_PATIENCE = 600.0  # seconds of (virtual) time
_TENTH = 0.1

Topology = dict[str, dict[str, dict[str, Any]]]


def host_id(name: str) -> str:
    """The id of the MidoNet host that ``Twins.add_host`` makes."""
    return str(uuid5(NAMESPACE_DNS, name))


class Twins:
    """Both APIs, and clients of both.

    Args:
        networks: of the cluster.
    """

    def __init__(self, networks: Networks = _NETWORKS) -> None:
        registry = Registry(Store())
        self.api = Api(registry)
        self.cluster = Cluster(registry, networks)
        self.midonet_store = MidonetStore()
        self.midonet_api = MidonetApi(self.midonet_store)
        self.kubernetes = Client(self.kubernetes_transport())
        self.midonet = MidonetClient(self.midonet_transport())

    def kubernetes_transport(self) -> Transport:
        """A transport to the Kubernetes API."""
        return EmbeddedTransport(self.api)

    def midonet_transport(self) -> Transport:
        """A transport to the MidoNet API."""
        return InProcessTransport(self.midonet_api.handle)

    def controllers(
        self,
        options: Options | None = None,
        *,
        kubernetes: Transport | None = None,
        midonet: Transport | None = None,
        identity: str = "",
    ) -> Controllers:
        """The program over these twins, or over transports that lead to them."""
        client = Client(kubernetes or self.kubernetes_transport())
        election = Election(
            client, namespace="kube-system", name="test", identity=identity, clock=asyncio.get_running_loop().time
        )
        return Controllers(client, MidonetClient(midonet or self.midonet_transport()), options, election=election)

    async def add_host(self, name: str) -> str:
        """An agent registers its host; its id."""
        body = {"id": host_id(name), "name": name}
        answer = await self.midonet.request(
            "POST", "/hosts", content_type="application/vnd.org.midonet.Host-v3+json", body=msgspec.json.encode(body)
        )
        assert answer.ok, answer
        return host_id(name)

    async def apply(self, path: str, object_: Mapping[str, Any]) -> None:
        """POST an object to the Kubernetes API, or PUT it if there is one of its name."""
        name = object_["metadata"]["name"]
        found = await self._send("GET", f"{path}/{name}")
        if found == 404:
            status = await self._send("POST", path, object_)
        else:
            status = await self._send("PUT", f"{path}/{name}", object_)
        assert status < 300, status
        if "status" in object_:
            await self._send("PUT", f"{path}/{name}/status", object_)

    async def remove(self, path: str) -> None:
        """DELETE an object of the Kubernetes API."""
        assert await self._send("DELETE", path) < 300

    async def translations(self) -> dict[str, Translation]:
        """All Translations, by key."""
        return {one.metadata.key: one for one in await self.kubernetes.list(TRANSLATION)}

    def topology(self) -> Topology:
        """All that MidoNet has: kind, id, object."""
        tables = self.midonet_store.tables
        return {kind: dict(tables.all(kind)) for kind in tables.kinds()}

    async def settle(self, *programs: Controllers) -> None:
        """Until nothing is left to do.

        Raises:
            TimeoutError: something does not come to an end.
        """
        async with asyncio.timeout(_PATIENCE):
            quiet = 0
            while quiet < 3:
                self.cluster.settle()
                await asyncio.sleep(_TENTH)
                quiet = 0 if any(busy(program) for program in programs) else quiet + 1

    async def _send(self, method: str, path: str, object_: Mapping[str, Any] | None = None) -> int:
        body = msgspec.json.encode(object_) if object_ is not None else b""
        response = await self.api.handle(Request(method, path, {"Content-Type": "application/json"}, body))
        return response.status


def busy(program: Controllers) -> str:
    """What the program has left to do, "" for nothing."""
    if not program.election.is_leader():
        return "not leading"
    if program.informers.behind():
        return program.informers.behind()
    for name, reconciler in program.reconcilers.items():
        if reconciler.queue.depth or reconciler.queue.delayed:
            return name
    pusher = program.pusher
    if pusher and (pusher.board.works or pusher.statuses.depth or pusher.queue.depth):
        return f"pusher: {list(pusher.board.works)[:5]}"
    return ""
