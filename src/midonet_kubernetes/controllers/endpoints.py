"""The endpoints of Services, from EndpointSlices or from v1 Endpoints.

From slices, they belong to the Service, and replace what the Go integration (or this program, told to use Endpoints) made
for the Endpoints object of that name.
"""

from __future__ import annotations

from midonet_kubernetes.controllers.informers import BY_SERVICE, Informers
from midonet_kubernetes.controllers.reconciler import leaves
from midonet_kubernetes.controllers.writer import Case
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.translate import endpoints

_PREFIX = "endpoints"


def is_of_endpoints(name: str) -> bool:
    """Whether a Translation, by its name, is one of endpoints."""
    return name.startswith(_PREFIX)


class ServiceEndpoints:
    """What the EndpointSlices of a Service are to become; keys are the Service's."""

    def __init__(self, informers: Informers, names: Names) -> None:
        self._informers, self._names = informers, names

    def all_keys(self) -> list[str]:
        """All Services."""
        return list(self._informers.services.store)

    def look(self, key: str) -> Case | None:
        """What the Service is to have for its endpoints."""
        service = self._informers.services.get(key)
        if service is None or leaves(service):
            return None
        slices = self._informers.slices.by_index(BY_SERVICE, key)
        outcome = endpoints.from_slices(service, slices, self._names)
        return Case(service, outcome, mine=is_of_endpoints, predecessors=(f"Endpoints/{key}",))


class EndpointsObjects:
    """What Endpoints objects are to become; keys are tpredecessors, which are the Services' too."""

    def __init__(self, informers: Informers, names: Names) -> None:
        self._informers, self._names = informers, names

    def all_keys(self) -> list[str]:
        """All Endpoints."""
        return list(self._informers.endpoints.store)

    def look(self, key: str) -> Case | None:
        """What the Endpoints object is to have."""
        found = self._informers.endpoints.get(key)
        if found is None or leaves(found):
            return None
        service = self._informers.services.get(key)
        predecessors = (service.metadata.uid,) if service else ()
        return Case(found, endpoints.from_endpoints(found, service, self._names), mine=is_of_endpoints, predecessors=predecessors)
