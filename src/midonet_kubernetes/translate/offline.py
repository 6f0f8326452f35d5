"""A set of Kubernetes objects translated at once, without a cluster.

What a cluster fills in has to be there already: ``nodeName`` and ``podIP`` of Pods, ``clusterIP`` of Services. Endpoints
are the exception. For a Service without EndpointSlices they come from its Endpoints object, as a cluster mirrors that; and
without one of these, from the Pods that its selector selects and that have an address and are ready.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from midonet_kubernetes.model.kubernetes import (
    Endpoint,
    EndpointAddress,
    EndpointConditions,
    EndpointPort,
    Endpoints,
    EndpointSlice,
    EndpointSubset,
    Metadata,
    Node,
    Pod,
    Service,
    ServicePort,
)
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.model.translation import Translation
from midonet_kubernetes.translate import endpoints, global_objects, node, pod, service
from midonet_kubernetes.translate.manifest import Known, uid_for
from midonet_kubernetes.translate.outcome import Outcome, Problem

SERVICE_NAME = "kubernetes.io/service-name"  # label of an EndpointSlice: the Service that it belongs to


@dataclass
class Objects:
    """Kubernetes objects by kind and key (``namespace/name``)."""

    nodes: dict[str, Node] = field(default_factory=dict)
    pods: dict[str, Pod] = field(default_factory=dict)
    services: dict[str, Service] = field(default_factory=dict)
    slices: dict[str, EndpointSlice] = field(default_factory=dict)
    endpoints: dict[str, Endpoints] = field(default_factory=dict)

    def add(self, value: Known) -> None:
        """Add an object; it replaces one of its kind and key."""
        key = value.metadata.key
        match value:
            case Node():
                self.nodes[key] = value
            case Pod():
                self.pods[key] = value
            case Service():
                self.services[key] = value
            case EndpointSlice():
                self.slices[key] = value
            case Endpoints():
                self.endpoints[key] = value


@dataclass(frozen=True, slots=True)
class Report:
    """All Translations of a set of objects, in the order in which they are pushed, and what could not be translated.

    Args:
        translations: of the cluster, Nodes, Pods, Services, endpoints; among one kind by key.
        problems: with the kind and key of the object that has it.
    """

    translations: tuple[Translation, ...]
    problems: tuple[tuple[str, Problem], ...]


def translate(objects: Objects, names: Names, source: str) -> Report:
    """Translate everything.

    Args:
        objects: with uids.
        names: of the tenant.
        source: which objects name endpoints, ``endpointslices`` or ``endpoints``.
    """
    translations, problems = list(global_objects.translations(names)), list[tuple[str, Problem]]()
    for title, outcome in _outcomes(objects, names, source):
        translations += outcome.translations
        problems += ((title, problem) for problem in outcome.problems)
    return Report(tuple(translations), tuple(problems))


def _outcomes(objects: Objects, names: Names, source: str) -> Iterator[tuple[str, Outcome]]:
    for key, a_node in sorted(objects.nodes.items()):
        yield f"Node {key}", node.translate(a_node, names)
    for key, a_pod in sorted(objects.pods.items()):
        yield f"Pod {key}", pod.translate(a_pod, objects.nodes.get(a_pod.spec.node_name), names)
    for key, a_service in sorted(objects.services.items()):
        yield f"Service {key}", service.translate(a_service, names)
    slices = _slices_by_service(objects.slices.values())
    pods = _pods_by_namespace(objects.pods.values())
    for key, a_service in sorted(objects.services.items()):
        listed = objects.endpoints.get(key) or _from_pods(a_service, pods.get(a_service.metadata.namespace, ()))
        if source == "endpoints":
            outcome = endpoints.from_endpoints(listed, a_service, names) if listed else Outcome()
        else:
            outcome = endpoints.from_slices(a_service, slices.get(key) or _mirrored(listed), names)
        yield f"Service {key}", outcome


def _slices_by_service(slices: Iterable[EndpointSlice]) -> Mapping[str, list[EndpointSlice]]:
    grouped = defaultdict[str, list[EndpointSlice]](list)
    for part in slices:
        grouped[f"{part.metadata.namespace}/{part.metadata.labels.get(SERVICE_NAME, '')}"].append(part)
    return grouped


def _pods_by_namespace(pods: Iterable[Pod]) -> Mapping[str, list[Pod]]:
    grouped = defaultdict[str, list[Pod]](list)
    for a_pod in pods:
        grouped[a_pod.metadata.namespace].append(a_pod)
    return grouped


def _mirrored(listed: Endpoints | None) -> list[EndpointSlice]:
    """Endpoints as the slices that a cluster mirrors them to."""
    subsets = (listed.subsets if listed else None) or ()
    return [
        EndpointSlice(
            ports=subset.ports,
            endpoints=[Endpoint(addresses=[at.ip], conditions=EndpointConditions(ready=True)) for at in subset.addresses or ()],
        )
        for subset in subsets
    ]


def _from_pods(a_service: Service, pods: Iterable[Pod]) -> Endpoints | None:
    """The Endpoints that a cluster would make of the Pods that a Service selects; None when it selects none by itself."""
    if not a_service.spec.selector:
        return None
    wanted = a_service.spec.selector.items()
    subsets = [
        EndpointSubset(addresses=[EndpointAddress(ip=a_pod.status.pod_ip)], ports=_resolved(a_service.spec.ports, a_pod))
        for a_pod in pods
        if wanted <= a_pod.metadata.labels.items() and _counts(a_pod, a_service)
    ]
    at = a_service.metadata
    uid = uid_for("Endpoints", at.namespace, at.name)
    return Endpoints(metadata=Metadata(name=at.name, namespace=at.namespace, uid=uid), subsets=subsets)


def _counts(a_pod: Pod, a_service: Service) -> bool:
    if not a_pod.status.pod_ip or a_pod.status.phase in pod.FINISHED or a_pod.metadata.deletion_timestamp:
        return False
    ready = any(condition.type == "Ready" and condition.status == "True" for condition in a_pod.status.conditions)
    return ready or a_service.spec.publish_not_ready_addresses


def _resolved(ports: Iterable[ServicePort], a_pod: Pod) -> list[EndpointPort]:
    """The ports of a Service as numbers of a Pod's; one named by a port that the Pod does not have is left out."""
    found = []
    for port in ports:
        number = _number(port, a_pod)
        if number:
            found.append(EndpointPort(name=port.name, protocol=port.protocol, port=number))
    return found


def _number(port: ServicePort, a_pod: Pod) -> int | None:
    if isinstance(port.target_port, int):
        return port.target_port or port.port
    named = (
        listed.container_port
        for container in a_pod.spec.containers
        for listed in container.ports
        if listed.name == port.target_port and listed.protocol == port.protocol
    )
    return next(named, None)
