"""The page's tables: what is shown of hosts, devices, ports, routes, chains and rules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from midonet_kubernetes.minimidonet.page import words
from midonet_kubernetes.minimidonet.page.origins import of_bridge, of_chain, of_port, of_rule
from midonet_kubernetes.minimidonet.page.question import Question
from midonet_kubernetes.minimidonet.rest.refusal import missing
from midonet_kubernetes.minimidonet.server.agents import Agents
from midonet_kubernetes.minimidonet.store.indices import Object
from midonet_kubernetes.minimidonet.store.tables import Tables

Row = dict[str, Any]
_MOST_USES = 20
_FILTERS = ("inboundFilterId", "outboundFilterId")


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows over one topology. An object is a row with its ``id``; one that another names is a row of ``id`` and ``name``.

    Args:
        tables: the topology.
        agents: the hosts' agents.
    """

    tables: Tables
    agents: Agents

    def hosts(self, question: Question) -> Row:
        """Hosts, with what their agents say."""
        hosts = self.tables.all("Host")
        return question.rows(hosts, self.host, lambda id_: (hosts[id_].get("name"), *hosts[id_].get("addresses", ())))

    def routers(self, question: Question) -> Row:
        """Routers."""
        return self._devices("Router", question)

    def bridges(self, question: Question) -> Row:
        """Bridges."""
        return self._devices("Bridge", question)

    def chains(self, question: Question) -> Row:
        """Chains, with the Kubernetes object of each."""
        chains = self.tables.all("Chain")
        return question.rows(chains, self._chain, lambda id_: (chains[id_].get("name"),))

    def rules(self, question: Question) -> Row:
        """The rules of the chain ``of`` in their order."""
        chain = self._chain(self._existing("Chain", question.of)["id"])
        ids = self.tables.find("Rule", "chainId", question.of)
        rules = question.rows(ids, self._rule, self._texts_of_rule)
        return {"of": {**chain, "uses": list(islice(self._uses(question.of), _MOST_USES))}, **rules}

    def ports(self, question: Question) -> Row:
        """The ports of the router, bridge or host ``of``."""
        tables = self.tables
        if tables.get("Host", question.of) is not None:
            owner, ids = self.host(question.of), tables.find("Port", "hostId", question.of)
        else:
            kind = "Router" if tables.get("Router", question.of) is not None else "Bridge"
            self._existing(kind, question.of)
            owner, ids = self.device(kind, question.of), tables.find("Port", "deviceId", question.of)
        return {"of": owner, **question.rows(ids, self._port, self._texts_of_port)}

    def routes(self, question: Question) -> Row:
        """The routes of the router ``of``."""
        self._existing("Router", question.of)
        routes = self.tables.all("Route")
        ids = self.tables.find("Route", "routerId", question.of)
        return question.rows(ids, self._route, lambda id_: (routes[id_].get("dstNetworkAddr"), routes[id_].get("nextHopGateway")))

    def host(self, id_: str) -> Row:
        """One host."""
        host = self.tables.get("Host", id_) or {}
        return {
            "id": id_,
            "kind": "Host",
            "name": host.get("name"),
            "addresses": host.get("addresses", []),
            "alive": self.agents.is_alive(id_),
            "ports": len(self.tables.find("Port", "hostId", id_)),
            "status": self.agents.status(id_),
        }

    def device(self, kind: str, id_: str) -> Row:
        """One router or bridge."""
        device = self._existing(kind, id_)
        row = {
            "id": id_,
            "kind": kind,
            "name": device.get("name"),
            "up": device.get("adminStateUp", True),
            "filters": self._filters(device),
            "ports": len(self.tables.find("Port", "deviceId", id_)),
            "origin": of_bridge(self.tables, device) if kind == "Bridge" else None,
        }
        return {**row, "routes": len(self.tables.find("Route", "routerId", id_))} if kind == "Router" else row

    def _devices(self, kind: str, question: Question) -> Row:
        devices = self.tables.all(kind)
        return question.rows(devices, lambda id_: self.device(kind, id_), lambda id_: (devices[id_].get("name"),))

    def _existing(self, kind: str, id_: str) -> Object:
        object_ = self.tables.get(kind, id_)
        if object_ is None:
            raise missing(kind, id_[:80])
        return object_

    def _named(self, kind: str, id_: str | None) -> Row | None:
        object_ = self.tables.get(kind, id_) if id_ is not None else None
        return None if object_ is None else {"id": object_["id"], "kind": kind, "name": object_.get("name")}

    def _filters(self, object_: Object) -> list[Row | None]:
        return [self._named("Chain", object_.get(name)) for name in _FILTERS]

    def _chain(self, id_: str) -> Row:
        chain = self._existing("Chain", id_)
        count = self.tables.ranked("Rule", "chainId").count(id_)
        return {"id": id_, "kind": "Chain", "name": chain.get("name"), "rules": count, "origin": of_chain(chain)}

    def _uses(self, chain: str) -> Iterator[Row]:
        """Who has the chain as a filter, and chains from which rules jump to it."""
        for kind in ("Bridge", "Router", "Port"):
            for field in _FILTERS:
                for id_ in self.tables.find(kind, field, chain):
                    yield {**(self._named(kind, id_) or {}), "as": "inbound" if field == _FILTERS[0] else "outbound"}
        for id_ in self.tables.find("Rule", "jumpChainId", chain):
            yield {**(self._named("Chain", self._existing("Rule", id_)["chainId"]) or {}), "as": "jump"}

    def _rule(self, id_: str) -> Row:
        rule = self._existing("Rule", id_)
        target = self._named("Chain", rule.get("jumpChainId"))
        return {
            "id": id_,
            "position": self.tables.ranked("Rule", "chainId").position(id_, rule) + 1,
            "condition": words.condition(rule),
            "action": words.action(rule),
            "target": target,
            "origin": of_rule(self.tables, rule),
        }

    def _texts_of_rule(self, id_: str) -> Iterator[str | None]:
        rule = self._existing("Rule", id_)
        yield rule["type"]
        yield rule.get("nwSrcAddress")
        yield rule.get("nwDstAddress")
        if rule["type"] == "jump":
            yield self._existing("Chain", rule["jumpChainId"]).get("name")
        for target in rule.get("natTargets", ()):
            yield target["addressFrom"]

    def _port(self, id_: str) -> Row:
        port = self._existing("Port", id_)
        peer = self.tables.get("Port", port["peerId"]) if port.get("peerId") else None
        return {
            "id": id_,
            "device": self._device_of(port),
            "up": port.get("adminStateUp", True),
            "addresses": port.get("portSubnet") or [],
            "host": self._host_of(port),
            "interface": port.get("interfaceName"),
            "peer": None if peer is None else self._device_of(peer),
            "filters": self._filters(port),
            "origin": of_port(self.tables, port),
        }

    def _texts_of_port(self, id_: str) -> Iterator[str | None]:
        port = self._existing("Port", id_)
        yield port.get("interfaceName")
        yield from port.get("portSubnet") or ()
        origin = of_port(self.tables, port)
        yield origin["key"] if origin is not None else None

    def _device_of(self, port: Object) -> Row | None:
        return self._named("Router" if port["type"] == "Router" else "Bridge", port["deviceId"])

    def _host_of(self, port: Object) -> Row | None:
        host = self._named("Host", port.get("hostId"))
        return None if host is None else {**host, "alive": self.agents.is_alive(host["id"])}

    def _route(self, id_: str) -> Row:
        route = self._existing("Route", id_)

        def prefix(end: str) -> str:
            return f"{route.get(f'{end}NetworkAddr') or '0.0.0.0'}/{route.get(f'{end}NetworkLength', 0)}"  # noqa: S104 - a prefix

        port = self.tables.get("Port", route["nextHopPort"]) if route.get("nextHopPort") else None
        peer = self.tables.get("Port", port["peerId"]) if port is not None and port.get("peerId") else None
        return {
            "id": id_,
            "source": prefix("src"),
            "destination": prefix("dst"),
            "hop": words.next_hop(route),
            "peer": None if peer is None else self._device_of(peer),
            "weight": route.get("weight", 0),
        }
