"""What the controllers know of the cluster: one informer for each kind, keeping only the fields that are read."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from functools import lru_cache
from sys import intern
from typing import Any

from msgspec import structs

from midonet_kubernetes.controllers.shown_translations import ShownTranslations
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.informer import Informer
from midonet_kubernetes.kubernetes_api.kinds import ENDPOINT_SLICE, ENDPOINTS, NODE, POD, SERVICE
from midonet_kubernetes.kubernetes_api.page import BadObjectHandler, log_bad_object
from midonet_kubernetes.model.annotations import MAC_ADDRESS
from midonet_kubernetes.model.kubernetes import (
    Endpoint,
    EndpointConditions,
    Endpoints,
    EndpointSlice,
    Metadata,
    Node,
    Pod,
    PodSpec,
    PodStatus,
    Service,
)

BY_NODE, BY_SERVICE = "node", "service"
_SERVICE_NAME = "kubernetes.io/service-name"
_SCHEDULED = "spec.nodeName!="
# Shared by all objects that have nothing there; nobody changes a decoded object.
_NO_LIST: list[Any] = []
_NO_MAP: dict[str, str] = {}


class Informers:
    """The informers that the enabled controllers need.

    Args:
        client: of the API server.
        controllers: those that run.
        endpoints_source: ``endpointslices`` or ``endpoints``.
        on_bad: told of each object that cannot be read.
    """

    def __init__(
        self,
        client: Client,
        controllers: Iterable[str],
        endpoints_source: str,
        *,
        on_bad: BadObjectHandler = log_bad_object,
    ) -> None:
        enabled = set(controllers)
        self.translations = ShownTranslations(client)
        self.nodes = Informer[Node](client, NODE, streamed=True, on_bad=on_bad)
        self.pods = Informer[Pod](
            client, POD, fields=_SCHEDULED, trim=trim_pod, indexers={BY_NODE: _node_of}, streamed=True, on_bad=on_bad
        )
        self.services = Informer[Service](client, SERVICE, trim=trim_service, streamed=True, on_bad=on_bad)
        self.slices = Informer[EndpointSlice](
            client,
            ENDPOINT_SLICE,
            labels=_SERVICE_NAME,
            trim=trim_slice,
            indexers={BY_SERVICE: _services_of},
            streamed=True,
            on_bad=on_bad,
        )
        self.endpoints = Informer[Endpoints](client, ENDPOINTS, streamed=True, on_bad=on_bad)
        needed: dict[str, list[Informer[Any]]] = {
            "node": [self.nodes, self.translations.informer],
            "nodeannotator": [self.nodes],
            "pod": [self.nodes, self.pods, self.translations.informer],
            "service": [self.services, self.translations.informer],
            "endpoints": [
                self.services,
                self.slices if endpoints_source == "endpointslices" else self.endpoints,
                self.translations.informer,
            ],
            "pusher": [self.translations.informer],
        }
        self.running = list(dict.fromkeys(informer for name in needed if name in enabled for informer in needed[name]))

    async def run(self) -> None:
        """Keep them up to date until cancelled."""
        async with asyncio.TaskGroup() as group:
            for informer in self.running:
                group.create_task(informer.run())

    async def synced(self) -> None:
        """Until each has been the server's state once."""
        for informer in self.running:
            await informer.synced.wait()

    def behind(self) -> str:
        """What is not known yet, in words; "" when all is."""
        missing = [informer.kind.plural for informer in self.running if not informer.synced.is_set()]
        return f"not listed yet: {', '.join(missing)}" if missing else ""


def service_of(part: EndpointSlice) -> str:
    """The key of the Service that a slice belongs to, "" for none."""
    name = part.metadata.labels.get(_SERVICE_NAME, "")
    return f"{part.metadata.namespace}/{name}" if name else ""


def _node_of(pod: Pod) -> list[str]:
    return [pod.spec.node_name]


def _services_of(part: EndpointSlice) -> list[str]:
    return [service] if (service := service_of(part)) else []


def trim_pod(pod: Pod) -> Pod:
    """Only what becomes part of a Translation."""
    mac = pod.metadata.annotations.get(MAC_ADDRESS)
    spec, status = pod.spec, pod.status
    return Pod(
        metadata=_slim(pod.metadata, annotations={} if mac is None else {MAC_ADDRESS: mac}),
        spec=_place(spec.node_name, spec.host_network),
        status=PodStatus(phase=intern(status.phase), pod_ip=status.pod_ip, conditions=_NO_LIST),
    )


@lru_cache(maxsize=4096)  # Pods of one Node share it
def _place(node_name: str, host_network: bool) -> PodSpec:  # noqa: FBT001 - as in PodSpec
    return PodSpec(node_name=intern(node_name), host_network=host_network, containers=_NO_LIST)


def trim_service(service: Service) -> Service:
    """Without what others wrote into its metadata."""
    return structs.replace(service, metadata=_slim(service.metadata))


def trim_slice(part: EndpointSlice) -> EndpointSlice:
    """With no label but the one that names its Service; endpoints that are in the same condition share it."""
    labels = {_SERVICE_NAME: part.metadata.labels.get(_SERVICE_NAME, "")}
    endpoints = [Endpoint(addresses=one.addresses, conditions=_shared(one.conditions)) for one in part.endpoints or ()]
    return structs.replace(part, metadata=_slim(part.metadata, labels=labels), endpoints=endpoints)


@lru_cache(maxsize=64)
def _condition(ready: bool | None, serving: bool | None, terminating: bool | None) -> EndpointConditions:  # noqa: FBT001
    return EndpointConditions(ready=ready, serving=serving, terminating=terminating)


def _shared(conditions: EndpointConditions) -> EndpointConditions:
    return _condition(conditions.ready, conditions.serving, conditions.terminating)


def _slim(metadata: Metadata, *, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None) -> Metadata:
    return Metadata(
        name=metadata.name,
        namespace=intern(metadata.namespace),
        uid=intern(metadata.uid),  # also in the label of its Translations
        resource_version=metadata.resource_version,
        deletion_timestamp=metadata.deletion_timestamp,
        finalizers=metadata.finalizers if metadata.deletion_timestamp else _NO_LIST,
        owner_references=_NO_LIST,
        labels=labels or _NO_MAP,
        annotations=annotations or _NO_MAP,
    )
