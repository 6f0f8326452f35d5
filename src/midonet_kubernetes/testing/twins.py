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
_KINDS = (
    "Bridge", "Chain", "Host", "Ip4Mac", "MacPort", "Port", "Route", "Router", "Rule", "TunnelZone", "TunnelZoneHost",
)  # fmt: skip
_HOPELESS = 4  # failures of a Translation in a row after which nothing but another change is expected to help

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
        """All that MidoNet has: kind, id, object; without what differs between two runs that did the same."""
        tables = self.midonet_store.tables
        found: Topology = {}
        for kind in _KINDS:
            objects: dict[str, dict[str, Any]] = {}
            for id_, object_ in tables.all(kind).items():
                plain = {key: object_[key] for key in object_ if key not in {"tunnelKey", "rank", "id"} and key[0] != "_"}
                local = plain.get("type") == "Local"
                objects[f"local {plain['nextHopPort']}" if local else id_] = plain
            if kind == "Rule":
                names = {id_: str(chain.get("name")) for id_, chain in tables.all("Chain").items()}
                _number(objects, tables.all(kind), names)
            if objects:
                found[kind] = objects
        return found

    async def settle(self, *programs: Controllers, statuses: bool = True) -> None:
        """Until nothing is left to do, statuses included if asked for.

        Raises:
            TimeoutError: something does not come to an end.
        """
        async with asyncio.timeout(_PATIENCE):
            quiet = 0
            while quiet < 3:
                self.cluster.settle()
                await asyncio.sleep(_TENTH)
                quiet = 0 if any(busy(program, statuses=statuses) for program in programs) else quiet + 1

    async def _send(self, method: str, path: str, object_: Mapping[str, Any] | None = None) -> int:
        body = msgspec.json.encode(object_) if object_ is not None else b""
        response = await self.api.handle(Request(method, path, {"Content-Type": "application/json"}, body))
        return response.status


def _number(rules: dict[str, dict[str, Any]], stored: Mapping[str, Any], names: Mapping[str, str]) -> None:
    """Give each rule its place in its chain; the jumps of KUBE-SERVICES exclude each other, so theirs means nothing."""
    chains: dict[str, list[str]] = {}
    for id_ in sorted(stored, key=lambda id_: stored[id_]["rank"]):
        if names[stored[id_]["chainId"]] == "KUBE-SERVICES":
            continue
        chain = chains.setdefault(stored[id_]["chainId"], [])
        rules[id_]["place"] = len(chain)
        chain.append(id_)


def busy(program: Controllers, *, statuses: bool = True) -> str:
    """What the program has left to do, "" for nothing."""
    if not program.election.is_leader():
        return "not leading"
    if program.informers.behind():
        return program.informers.behind()
    for name, reconciler in program.reconcilers.items():
        if reconciler.queue.depth or reconciler.queue.delayed:
            return name
    pusher = program.pusher
    if pusher is None:
        return ""
    hopeful = [key for key in pusher.board.works if pusher.queue.failures(key) < _HOPELESS]
    return f"pusher: {hopeful[:5]}" if hopeful or (statuses and pusher.statuses.depth) or pusher.queue.depth else ""


def differences(wanted: Topology, got: Topology) -> list[str]:
    """What is not as wanted, one line each."""
    lines = []
    for kind in sorted({*wanted, *got}):
        one, other = wanted.get(kind, {}), got.get(kind, {})
        lines += [f"{kind} {id_}: missing {one[id_]}" for id_ in one.keys() - other.keys()]
        lines += [f"{kind} {id_}: too much {other[id_]}" for id_ in other.keys() - one.keys()]
        for id_ in one.keys() & other.keys():
            fields = [key for key in one[id_].keys() | other[id_].keys() if one[id_].get(key) != other[id_].get(key)]
            lines += [f"{kind} {id_}: {key} is {other[id_].get(key)!r}, not {one[id_].get(key)!r}" for key in fields]
    return lines
