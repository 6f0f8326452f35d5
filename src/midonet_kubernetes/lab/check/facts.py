"""What the check has to know of a cluster, read from its Kubernetes objects."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Interface

from midonet_kubernetes.model.kubernetes import EndpointSlice, Node, Pod, Service


@dataclass(frozen=True)
class NodeFact:
    """A node: its own address, its address in the pod network, and the pods' gateway on it."""

    name: str
    internal_ip: str
    pod_network_ip: str
    gateway: str


@dataclass(frozen=True)
class PodFact:
    """A running pod and the ports that it answers on."""

    key: str
    node: str
    ip: str
    ports: tuple[int, ...]

    @property
    def name(self) -> str:
        """The name it answers with."""
        return self.key.rsplit("/", 1)[1]


@dataclass(frozen=True)
class ServicePortFact:
    """A port of a Service with the pods behind it (``name`` answers)."""

    service: str
    cluster_ip: str
    protocol: str
    port: int
    pods: tuple[PodFact, ...]
    expected: bool  # it has endpoints at all, pods or not


@dataclass(frozen=True)
class Facts:
    """A cluster as the check sees it.

    Args:
        nodes: all of them.
        pods: those that answer.
        service_ports: of Services with a ClusterIP.
        api: address and port of the API server's Service, None when the server is not on one of the nodes.
        node_port: where each node itself answers, TCP and UDP.
    """

    nodes: tuple[NodeFact, ...]
    pods: tuple[PodFact, ...]
    service_ports: tuple[ServicePortFact, ...]
    api: tuple[str, int] | None
    node_port: int


def gather(
    nodes: Iterable[Node],
    pods: Iterable[Pod],
    services: Iterable[Service],
    slices: Iterable[EndpointSlice],
    *,
    node_port: int,
) -> Facts:
    """The facts in the objects; what is not ready yet is left out."""
    pod_facts = tuple(sorted((_pod(pod) for pod in pods if _answers(pod)), key=lambda pod: pod.key))
    by_ip = {pod.ip: pod for pod in pod_facts}
    endpoints: dict[tuple[str, str, str], dict[str, PodFact | None]] = {}
    for endpoint_slice in slices:
        owner = endpoint_slice.metadata.labels.get("kubernetes.io/service-name", "")
        for port in endpoint_slice.ports or ():
            ready = endpoints.setdefault(
                (f"{endpoint_slice.metadata.namespace}/{owner}", port.name or "", port.protocol or "TCP"), {}
            )
            for endpoint in endpoint_slice.endpoints or ():
                if endpoint.conditions.ready is not False:
                    ready.update({ip: by_ip.get(ip) for ip in endpoint.addresses})
    node_facts = tuple(sorted((_node(node) for node in nodes if node.spec.pod_cidr), key=lambda node: node.name))
    service_ports, api = [], None
    for service in sorted(services, key=lambda service: service.metadata.key):
        if service.spec.cluster_ip in {"", "None"}:
            continue
        if service.metadata.key == "default/kubernetes":
            first = service.spec.ports[0]
            if endpoints.get((service.metadata.key, first.name, first.protocol), {}).keys() & {n.internal_ip for n in node_facts}:
                api = (service.spec.cluster_ip, first.port)
            continue
        for service_port in service.spec.ports:
            ready = endpoints.get((service.metadata.key, service_port.name, service_port.protocol), {})
            behind = tuple(ready[ip] for ip in sorted(ready))
            service_ports.append(
                ServicePortFact(
                    service=service.metadata.key,
                    cluster_ip=service.spec.cluster_ip,
                    protocol=service_port.protocol,
                    port=service_port.port,
                    pods=tuple(pod for pod in behind if pod is not None),
                    expected=bool(behind),
                )
            )
    return Facts(
        nodes=node_facts,
        pods=pod_facts,
        service_ports=tuple(service_ports),
        api=api,
        node_port=node_port,
    )


def _node(node: Node) -> NodeFact:
    subnet = IPv4Interface(node.spec.pod_cidr)
    internal = next((address.address for address in node.status.addresses if address.type == "InternalIP"), "")
    return NodeFact(node.metadata.name, internal, pod_network_ip=str(subnet.ip + 2), gateway=str(subnet.ip + 1))


def _answers(pod: Pod) -> bool:
    ready = any(condition.type == "Ready" and condition.status == "True" for condition in pod.status.conditions)
    return ready and bool(pod.status.pod_ip) and not pod.spec.host_network and not pod.metadata.deletion_timestamp


def _pod(pod: Pod) -> PodFact:
    ports = {port.container_port for container in pod.spec.containers for port in container.ports}
    return PodFact(pod.metadata.key, pod.spec.node_name, pod.status.pod_ip, tuple(sorted(ports)))
