"""Services."""

from __future__ import annotations

from midonet_kubernetes.controllers.endpoints import is_of_endpoints
from midonet_kubernetes.controllers.informers import Informers
from midonet_kubernetes.controllers.reconciler import leaves
from midonet_kubernetes.controllers.writer import Case
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate import service


class Services:
    """What a Service is to become, its endpoints apart."""

    def __init__(self, informers: Informers, names: Names) -> None:
        self._informers, self._names = informers, names

    def all_keys(self) -> list[str]:
        """All Services."""
        return list(self._informers.services.store)

    def look(self, key: str) -> Case | None:
        """What the Service is to have."""
        found = self._informers.services.get(key)
        if found is None or leaves(found):
            return None
        return Case(found, service.translate(found, self._names), mine=lambda name: not is_of_endpoints(name))
