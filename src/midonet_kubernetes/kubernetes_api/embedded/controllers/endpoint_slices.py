"""EndpointSlices and Endpoints of Services that select Pods. A Pod's change costs the Services that select it, nothing more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from midonet_kubernetes.kubernetes_api.embedded import deletion
from midonet_kubernetes.kubernetes_api.embedded.controllers import endpoint_sets
from midonet_kubernetes.kubernetes_api.embedded.controllers.controller import RegistryController, Subject, controlled
from midonet_kubernetes.kubernetes_api.embedded.controllers.endpoint_sets import MANAGED_BY, SERVICE_NAME, Slice
from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.kinds.endpoints import ENDPOINT_SLICES, ENDPOINTS
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Key, Stored

_MANAGER = "endpointslice-controller.k8s.io"
_ENDPOINTS_MANAGER = "endpoint-controller"
_ENDPOINTS_MANAGED_BY = "endpoints.kubernetes.io/managed-by"

Pair = tuple[str, str, str]  # namespace, label, value


class EndpointSlices(RegistryController):
    """Writes the endpoints of Services."""

    def __init__(self, registry: Registry) -> None:
        super().__init__(registry)
        self._selectors: dict[tuple[str, str], Mapping[str, str]] = {}
        self._services: dict[Pair, dict[str, None]] = {}  # Services by one pair of their selector
        self._pods: dict[Pair, dict[str, None]] = {}  # Pods by each of their labels

    def affected(self, change: Change) -> Iterable[Subject]:
        """A Service, those that select a Pod, and that of a slice."""
        key = change.now.key
        if key.resource == "services":
            self._learn_service(change)
            yield (key.namespace, key.name)
        elif key.resource == "pods":
            self._learn_pod(change)
            yield from self._selecting(change)
        elif key.resource == ENDPOINT_SLICES.id and SERVICE_NAME in change.now.labels:
            yield (key.namespace, change.now.labels[SERVICE_NAME])
        elif key.resource == "endpoints":
            yield (key.namespace, key.name)

    def _learn_service(self, change: Change) -> None:
        namespace, name = change.now.key.namespace, change.now.key.name
        old = self._selectors.pop((namespace, name), None)
        if old:
            self._services[_first_pair(namespace, old)].pop(name, None)
        selector = change.now.body()["spec"].get("selector")
        if selector and change.type != "DELETED":
            self._selectors[namespace, name] = selector
            self._services.setdefault(_first_pair(namespace, selector), {})[name] = None

    def _learn_pod(self, change: Change) -> None:
        namespace, name = change.now.key.namespace, change.now.key.name
        if change.before is not None:
            for pair in _pairs(namespace, change.before.labels):
                pods = self._pods[pair]
                pods.pop(name, None)
                if not pods:
                    del self._pods[pair]
        if change.type != "DELETED":
            for pair in _pairs(namespace, change.now.labels):
                self._pods.setdefault(pair, {})[name] = None

    def _selecting(self, change: Change) -> Iterable[Subject]:
        namespace = change.now.key.namespace
        states = [change.now] if change.before is None else [change.now, change.before]
        for stored in states:
            for pair in _pairs(namespace, stored.labels):
                for name in self._services.get(pair, ()):
                    if self._selectors[namespace, name].items() <= stored.labels.items():
                        yield (namespace, name)

    def reconcile(self, subject: Subject) -> None:
        """Write the difference between the endpoints that a Service should have and those it has."""
        namespace, name = subject
        stored = self.store.get(Key("services", namespace, name))
        selector = self._selectors.get((namespace, name))
        if stored is None:
            self._remove_endpoints(namespace, name)
            return
        service = stored.body()
        if not selector or service["metadata"].get("deletionTimestamp"):
            return
        names = self._pods.get(_first_pair(namespace, selector), ())
        pods = [self.store.get(Key("pods", namespace, pod)) for pod in names]
        selected = [pod.body() for pod in pods if pod is not None and selector.items() <= pod.labels.items()]
        self._write_slices(service, selected)
        self._write_endpoints(service, selected)

    def _write_slices(self, service: Json, pods: list[Json]) -> None:
        about = service["metadata"]
        there = [
            stored
            for stored in controlled(self.store, about["uid"], ENDPOINT_SLICES.id)
            if stored.labels.get(MANAGED_BY) == _MANAGER
        ]
        wanted = endpoint_sets.distribute(service, pods, {stored.key.name: stored.body() for stored in there})
        kept = {piece.name for piece in wanted}
        for piece in wanted:
            if piece.name:
                self._update_slice(service, piece)
            else:
                self._create_slice(service, piece)
        for stored in there:
            if stored.key.name not in kept:
                deletion.delete(self.registry, ENDPOINT_SLICES, *stored.key[1:], deletion.Options())

    def _create_slice(self, service: Json, piece: Slice) -> None:
        about = service["metadata"]
        reference = {"apiVersion": "v1", "kind": "Service", "name": about["name"], "uid": about["uid"]}
        metadata = {
            "generateName": f"{about['name']}-",
            "labels": _labels(service),
            "ownerReferences": [{**reference, "controller": True, "blockOwnerDeletion": True}],
        }
        body = {"metadata": metadata, "addressType": "IPv4", "endpoints": piece.endpoints, "ports": piece.ports}
        self.registry.create(ENDPOINT_SLICES, about["namespace"], body)

    def _update_slice(self, service: Json, piece: Slice) -> None:
        def edit(body: Json) -> Json:
            body["metadata"]["labels"] = _labels(service)
            return body | {"endpoints": piece.endpoints, "ports": piece.ports}

        self.registry.update(ENDPOINT_SLICES, service["metadata"]["namespace"], piece.name, edit)

    def _write_endpoints(self, service: Json, pods: list[Json]) -> None:
        about = service["metadata"]
        labels = {**about.get("labels", {}), _ENDPOINTS_MANAGED_BY: _ENDPOINTS_MANAGER}
        subsets = endpoint_sets.subsets(service, pods)
        wanted: Json = {"metadata": {"name": about["name"], "labels": labels}}
        if subsets:
            wanted["subsets"] = subsets
        if self.store.get(Key("endpoints", about["namespace"], about["name"])) is None:
            self.registry.create(ENDPOINTS, about["namespace"], wanted)
        else:
            self.registry.update(ENDPOINTS, about["namespace"], about["name"], lambda _old: wanted)

    def _remove_endpoints(self, namespace: str, name: str) -> None:
        stored = self.store.get(Key("endpoints", namespace, name))
        if stored is not None and _is_ours(stored):
            deletion.delete(self.registry, ENDPOINTS, namespace, name, deletion.Options())


def _is_ours(stored: Stored) -> bool:
    return stored.labels.get(_ENDPOINTS_MANAGED_BY) == _ENDPOINTS_MANAGER


def _labels(service: Json) -> dict[str, str]:
    headless = {"service.kubernetes.io/headless": ""} if service["spec"].get("clusterIP") == "None" else {}
    about = service["metadata"]
    return {**about.get("labels", {}), **headless, SERVICE_NAME: about["name"], MANAGED_BY: _MANAGER}


def _pairs(namespace: str, labels: Mapping[str, str]) -> Iterable[Pair]:
    return [(namespace, label, value) for label, value in labels.items()]


def _first_pair(namespace: str, selector: Mapping[str, str]) -> Pair:
    label = min(selector)
    return namespace, label, selector[label]
