"""Which resources are served: the built-in ones, and those that CustomResourceDefinitions define."""

from __future__ import annotations

from collections.abc import Iterator

from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.kinds import endpoints, events, nodes, plain, pods, services, workloads
from midonet_kubernetes.kubernetes_api.embedded.kinds.custom_resource_definitions import DEFINITIONS, defined_by
from midonet_kubernetes.kubernetes_api.embedded.resource import Resource

BUILT_IN: tuple[Resource, ...] = (
    nodes.NAMESPACES,
    nodes.NODES,
    pods.PODS,
    services.SERVICES,
    endpoints.ENDPOINTS,
    events.EVENTS,
    events.EVENTS_V1,
    plain.CONFIG_MAPS,
    plain.SECRETS,
    plain.SERVICE_ACCOUNTS,
    workloads.DEPLOYMENTS,
    workloads.REPLICA_SETS,
    workloads.STATEFUL_SETS,
    workloads.DAEMON_SETS,
    endpoints.ENDPOINT_SLICES,
    plain.LEASES,
    plain.NETWORK_POLICIES,
    *plain.RBAC,
    DEFINITIONS,
)


class Catalogue:
    """The resources of one server."""

    def __init__(self) -> None:
        self._served = {(r.group, r.version, r.plural): r for r in BUILT_IN}
        self._custom: dict[str, list[Resource]] = {}

    def define(self, definition: Json) -> None:
        """Serve what a CustomResourceDefinition defines, in place of what it defined before."""
        self.forget(definition["metadata"]["name"])
        resources = defined_by(definition)
        self._custom[definition["metadata"]["name"]] = resources
        self._served |= {(r.group, r.version, r.plural): r for r in resources}

    def forget(self, name: str) -> None:
        """Serve a definition's resources no longer."""
        for resource in self._custom.pop(name, ()):
            del self._served[resource.group, resource.version, resource.plural]

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        """The resource at a path."""
        return self._served.get((group, version, plural))

    def stored_as(self, resource_id: str) -> Resource | None:
        """A resource by its id (``deployments.apps``), in the first of its versions."""
        return next((r for r in self._served.values() if r.id == resource_id and r.view is None), None)

    def of_kind(self, api_version: str, kind: str) -> Resource | None:
        """The resource of an object."""
        return next((r for r in self._served.values() if r.api_version == api_version and r.kind == kind), None)

    def custom(self, name: str) -> list[Resource]:
        """What a definition defines."""
        return list(self._custom.get(name, ()))

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._served.values())
