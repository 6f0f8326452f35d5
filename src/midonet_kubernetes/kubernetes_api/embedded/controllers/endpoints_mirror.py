"""Endpoints that a user writes for a Service without a selector are mirrored to EndpointSlices, which consumers read."""

from __future__ import annotations

from collections.abc import Iterable

from midonet_kubernetes.kubernetes_api.embedded import deletion
from midonet_kubernetes.kubernetes_api.embedded.controllers.controller import RegistryController, Subject, controlled
from midonet_kubernetes.kubernetes_api.embedded.controllers.endpoint_sets import MANAGED_BY, SERVICE_NAME
from midonet_kubernetes.kubernetes_api.embedded.controllers.replica_sets import owner_reference
from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.kinds.endpoints import ENDPOINT_SLICES, is_ipv4
from midonet_kubernetes.kubernetes_api.embedded.store import Change, Key

_MANAGER = "endpointslicemirroring-controller.k8s.io"
_SKIP = "endpointslice.kubernetes.io/skip-mirror"


class EndpointsMirror(RegistryController):
    """Keeps one slice for each subset of such Endpoints."""

    def affected(self, change: Change) -> Iterable[Subject]:
        """Endpoints and the Service of their name."""
        if change.now.key.resource in {"endpoints", "services"}:
            yield (change.now.key.namespace, change.now.key.name)

    def reconcile(self, subject: Subject) -> None:
        """Write the slices; those of Endpoints that are gone are garbage, since the Endpoints own them."""
        namespace, name = subject
        stored = self.store.get(Key("endpoints", namespace, name))
        if stored is None:
            return
        service = self.store.get(Key("services", namespace, name))
        mirrored = service is not None and not service.body()["spec"].get("selector") and _SKIP not in stored.labels
        endpoints = stored.body()
        there = sorted(piece.key.name for piece in controlled(self.store, stored.uid, ENDPOINT_SLICES.id))
        wanted = [_slice(endpoints, subset) for subset in endpoints.get("subsets", [])] if mirrored else []
        for body, present in zip(wanted, [*there, *[""] * len(wanted)], strict=False):
            self._write(namespace, present, body)
        for surplus in there[len(wanted) :]:
            deletion.delete(self.registry, ENDPOINT_SLICES, namespace, surplus, deletion.Options())

    def _write(self, namespace: str, name: str, body: Json) -> None:
        if not name:
            self.registry.create(ENDPOINT_SLICES, namespace, body)
            return
        changed = {field: body[field] for field in ("endpoints", "ports")}
        self.registry.update(ENDPOINT_SLICES, namespace, name, lambda old: old | changed)


def _slice(endpoints: Json, subset: Json) -> Json:
    about = endpoints["metadata"]
    ready = [_endpoint(address, ready=True) for address in subset.get("addresses", []) if is_ipv4(address["ip"])]
    waiting = [_endpoint(address, ready=False) for address in subset.get("notReadyAddresses", []) if is_ipv4(address["ip"])]
    return {
        "metadata": {
            "generateName": f"{about['name']}-",
            "labels": {**about.get("labels", {}), SERVICE_NAME: about["name"], MANAGED_BY: _MANAGER},
            "ownerReferences": [owner_reference(endpoints)],
        },
        "addressType": "IPv4",
        "endpoints": ready + waiting,
        "ports": subset.get("ports", []),
    }


def _endpoint(address: Json, *, ready: bool) -> Json:
    kept: Json = {name: address[name] for name in ("nodeName", "targetRef", "hostname") if name in address}
    return {"addresses": [address["ip"]], "conditions": {"ready": ready}, **kept}
