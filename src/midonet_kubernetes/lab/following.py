"""Whether a cluster's EndpointSlices have followed its Pods. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from midonet_kubernetes.model.kubernetes import EndpointSlice, Pod, Service


def followed(pods: Iterable[Pod], services: Iterable[Service], slices: Iterable[EndpointSlice]) -> bool:
    """Whether each Service leads to all Pods that it selects.

    Args:
        pods: that are ready.
        services: any.
        slices: of all Services.
    """
    listed = list(pods)
    wanted = {(service.metadata.key, pod.status.pod_ip) for service in services for pod in listed if _selects(service, pod)}
    return wanted <= {
        (f"{one.metadata.namespace}/{one.metadata.labels.get('kubernetes.io/service-name', '')}", address)
        for one in slices
        for endpoint in one.endpoints or ()
        if endpoint.conditions.ready is not False
        for address in endpoint.addresses
    }


def _selects(service: Service, pod: Pod) -> bool:
    selector = service.spec.selector or {}
    return (
        bool(selector)
        and service.metadata.namespace == pod.metadata.namespace
        and selector.items() <= pod.metadata.labels.items()
    )
