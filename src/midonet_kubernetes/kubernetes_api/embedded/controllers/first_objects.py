"""What a cluster has from its first moment: four Namespaces, the Translation kind, and the ``kubernetes`` Service."""

from __future__ import annotations

import copy
import functools
from collections.abc import Iterable
from importlib import resources

import yaml

from midonet_kubernetes.kubernetes_api.embedded.controllers.controller import RegistryController, Subject
from midonet_kubernetes.kubernetes_api.embedded.controllers.endpoint_sets import SERVICE_NAME
from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.kinds.custom_resource_definitions import DEFINITIONS
from midonet_kubernetes.kubernetes_api.embedded.kinds.endpoints import ENDPOINT_SLICES, ENDPOINTS
from midonet_kubernetes.kubernetes_api.embedded.kinds.nodes import NAMESPACES
from midonet_kubernetes.kubernetes_api.embedded.kinds.services import SERVICES
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.resource import Resource
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Key

_NAMESPACES = ("default", "kube-node-lease", "kube-public", "kube-system")
_HTTPS = 443


@functools.cache
def _definition() -> Json:
    text = resources.files("midonet_kubernetes.kubernetes_api.embedded").joinpath("translation.yaml").read_text("utf-8")
    definition: Json = yaml.safe_load(text)
    return definition


def translation_definition() -> Json:
    """The CustomResourceDefinition of Translations; ``deploy/translation.yaml`` is a link to the same file."""
    return copy.deepcopy(_definition())


class FirstObjects(RegistryController):
    """Makes what is missing of them, at the start and whenever one is deleted.

    Args:
        registry: the objects.
        address: of the ``kubernetes`` Service.
        advertised: where the API server is reached, address and port; None leaves the Service without endpoints.
    """

    def __init__(self, registry: Registry, address: str, advertised: tuple[str, int] | None) -> None:
        super().__init__(registry)
        self._address, self._advertised = address, advertised
        self._keys = {key for key, _ in self._wanted()}

    def affected(self, change: Change) -> Iterable[Subject]:
        """One of them was deleted or changed."""
        if change.now.key in self._keys:
            yield ()

    def reconcile(self, subject: Subject) -> None:  # noqa: ARG002 - there is one subject only
        """Make what is missing; the endpoints are also put right."""
        for key, body in self._wanted():
            resource = self.registry.catalogue.stored_as(key.resource)
            assert resource is not None
            if self.store.get(key) is None:
                self.registry.create(resource, key.namespace, body)
            elif resource in {ENDPOINTS, ENDPOINT_SLICES}:
                self._put_right(resource, key, body)

    def _put_right(self, resource: Resource, key: Key, body: Json) -> None:
        self.registry.update(resource, key.namespace, key.name, lambda _old: body)

    def _wanted(self) -> list[tuple[Key, Json]]:
        wanted = [(Key(NAMESPACES.id, "", name), {"metadata": {"name": name}}) for name in _NAMESPACES]
        definition = translation_definition()
        wanted.append((Key(DEFINITIONS.id, "", definition["metadata"]["name"]), definition))
        wanted.append((Key(SERVICES.id, "default", "kubernetes"), self._service()))
        if self._advertised is not None:
            wanted.append((Key(ENDPOINT_SLICES.id, "default", "kubernetes"), self._slice(*self._advertised)))
            wanted.append((Key(ENDPOINTS.id, "default", "kubernetes"), self._endpoints(*self._advertised)))
        return wanted

    def _service(self) -> Json:
        labels = {"component": "apiserver", "provider": "kubernetes"}
        target = self._advertised[1] if self._advertised else _HTTPS
        port = {"name": "https", "protocol": "TCP", "port": _HTTPS, "targetPort": target}
        spec = {"type": "ClusterIP", "clusterIP": self._address, "ports": [port]}
        return {"metadata": {"name": "kubernetes", "labels": labels}, "spec": spec}

    @staticmethod
    def _slice(address: str, port: int) -> Json:
        return {
            "metadata": {"name": "kubernetes", "labels": {SERVICE_NAME: "kubernetes"}},
            "addressType": "IPv4",
            "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            "ports": [{"name": "https", "protocol": "TCP", "port": port}],
        }

    @staticmethod
    def _endpoints(address: str, port: int) -> Json:
        labels = {"endpointslice.kubernetes.io/skip-mirror": "true"}
        subset = {"addresses": [{"ip": address}], "ports": [{"name": "https", "protocol": "TCP", "port": port}]}
        return {"metadata": {"name": "kubernetes", "labels": labels}, "subsets": [subset]}
