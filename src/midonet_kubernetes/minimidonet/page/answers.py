"""What the page asks the server, below ``/minimidonet/v1/page/``."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from midonet_kubernetes.minimidonet.page.picture import picture
from midonet_kubernetes.minimidonet.page.question import Question
from midonet_kubernetes.minimidonet.page.tables import Rows
from midonet_kubernetes.minimidonet.rest.refusal import Refusal
from midonet_kubernetes.minimidonet.server.agents import Agents
from midonet_kubernetes.minimidonet.store.store import Store

_TABLES: dict[str, Callable[[Rows, Question], Any]] = {
    "picture": picture,
    "hosts": Rows.hosts,
    "routers": Rows.routers,
    "bridges": Rows.bridges,
    "ports": Rows.ports,
    "routes": Rows.routes,
    "chains": Rows.chains,
    "rules": Rows.rules,
}
_COUNTED = ("Router", "Bridge", "Port", "Route", "Chain", "Rule", "MacPort", "Ip4Mac", "IpAddrGroup", "PortGroup", "LoadBalancer")


@dataclass(frozen=True, slots=True)
class Answers:
    """The page's answers over one store.

    Args:
        store: the topology.
        agents: the hosts' agents.
    """

    store: Store
    agents: Agents

    def answer(self, name: str, query: Mapping[str, str]) -> Any:
        """A JSON value.

        Args:
            name: of the answer.
            query: the request's parameters.

        Raises:
            Refusal: 404 there is no such answer or object; 400 a parameter is wrong.
        """
        if name == "summary":
            return self._summary()
        if name not in _TABLES:
            raise Refusal(404, f"The page has no {name[:80]}")
        return _TABLES[name](Rows(self.store.tables, self.agents), Question.read(query))

    def _summary(self) -> Any:
        tables = self.store.tables
        return {
            "revision": self.store.revision,
            "counts": {kind: len(tables.all(kind)) for kind in _COUNTED},
            "hosts": {"alive": self.agents.alive(), "all": len(tables.all("Host"))},
        }
