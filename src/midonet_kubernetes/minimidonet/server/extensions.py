"""What minimidonet offers besides MidoNet's API, under ``/minimidonet/v1`` (architecture, seam 4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any
from urllib.parse import parse_qsl

from midonet_kubernetes.minimidonet.page.answers import Answers
from midonet_kubernetes.minimidonet.rest.body import parse
from midonet_kubernetes.minimidonet.rest.call import existing
from midonet_kubernetes.minimidonet.rest.coercion import uuid_in_uri
from midonet_kubernetes.minimidonet.rest.refusal import Refusal
from midonet_kubernetes.minimidonet.server.agents import Agents
from midonet_kubernetes.minimidonet.server.reference import openapi
from midonet_kubernetes.minimidonet.store.store import Store

PREFIX = "/minimidonet/v1"


@dataclass(frozen=True, slots=True)
class Extensions:
    """The extensions over one store.

    Args:
        store: the topology.
        agents: the hosts' agents.
    """

    store: Store
    agents: Agents

    def answer(self, method: str, path: str, query: str, body: bytes) -> Any:
        """The JSON value of a 200.

        Args:
            method: in capitals.
            path: below the prefix.
            query: of the URI.
            body: as sent.

        Raises:
            Refusal: anything else.
        """
        match path.strip("/").split("/"):
            case ["version"]:
                return _only(method, GET=self._version)
            case ["openapi.json"]:
                return _only(method, GET=openapi)
            case ["topology"]:
                return _only(method, GET=self._topology)
            case ["hosts"]:
                return _only(method, GET=self._hosts)
            case ["page", name]:
                return _only(method, GET=lambda: Answers(self.store, self.agents).answer(name, dict(parse_qsl(query))))
            case ["hosts", host]:
                return _only(method, PUT=lambda: self._register(_host_id(host), body))
            case ["hosts", host, "status"]:
                id_ = _host_id(host)
                return _only(method, PUT=lambda: self._report(id_, body), GET=lambda: self._status(id_))
        raise Refusal(404, f"There is nothing at {PREFIX}{path[:200]}")

    def _version(self) -> Any:
        return {"version": version("midonet-kubernetes"), "store": self.store.id, "revision": self.store.revision}

    def _topology(self) -> Any:
        objects = {kind: by_id for kind, by_id in self.store.objects().items() if by_id}
        return {"store": self.store.id, "revision": self.store.revision, "objects": objects}

    def _hosts(self) -> Any:
        return [self._host(id_, host.get("name")) for id_, host in self.store.tables.all("Host").items()]

    def _host(self, id_: str, name: str | None) -> dict[str, Any]:
        return {"id": id_, "name": name, "alive": self.agents.is_alive(id_), "status": self.agents.status(id_)}

    def _register(self, host: str, body: bytes) -> Any:
        given = parse(body)
        with self.store.transaction() as transaction:
            self.agents.register(transaction, host, given)
        return {"leaseSeconds": self.agents.lease_seconds}

    def _report(self, host: str, body: bytes) -> Any:
        given = parse(body)
        with self.store.transaction() as transaction:
            existing(transaction, "Host", host)
        self.agents.report(host, given)
        return {}

    def _status(self, host: str) -> Any:
        with self.store.transaction() as transaction:
            return self._host(host, existing(transaction, "Host", host).get("name"))


def _only(method: str, **verbs: Callable[[], Any]) -> Any:
    verb = verbs.get("GET" if method == "HEAD" else method)
    if verb is None:
        raise Refusal(405, f"{method} is not possible here", headers={"allow": ",".join(sorted(verbs))})
    return verb()


def _host_id(text: str) -> str:
    id_ = uuid_in_uri(text)
    if id_ is None:
        raise Refusal(404, f"{text[:80]} is not the id of a host: it has to be a UUID")
    return id_
