"""The Kubernetes objects that we read, with only the fields that are read. Unknown fields are skipped while decoding."""

from __future__ import annotations

from msgspec import Struct, field

from midonet_kubernetes.model.wire import camel


class Object(Struct, frozen=True, kw_only=True, rename=camel, omit_defaults=True, gc=False):
    """A part of a Kubernetes object. Nothing decoded can be part of a cycle, so none is looked at for garbage."""


def always(value: str) -> str:
    """A default that is written like any other value: items of a list come without these fields, but no object goes out so."""
    return field(default_factory=lambda: value)  # omit_defaults only looks at plain defaults


class OwnerReference(Object, frozen=True):
    """Who an object belongs to; when the owner is gone, garbage collection deletes the object."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class Metadata(Object, frozen=True):
    """``metadata``."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""
    generation: int = 0
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    labels: dict[str, str] = {}
    annotations: dict[str, str] = {}
    finalizers: list[str] = []
    owner_references: list[OwnerReference] = []

    @property
    def key(self) -> str:
        """``namespace/name``, or ``name`` for an object without a namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class ReadinessCondition(Object, frozen=True):
    """A condition of a Node or a Pod."""

    type: str = ""
    status: str = ""


class NodeAddress(Object, frozen=True):
    """One of a Node's addresses."""

    type: str = ""
    address: str = ""


class NodeSpec(Object, frozen=True):
    """A Node's ``spec``."""

    pod_cidr: str = ""


class NodeStatus(Object, frozen=True):
    """A Node's ``status``."""

    addresses: list[NodeAddress] = []
    conditions: list[ReadinessCondition] = []


class Node(Object, frozen=True):
    """A Node."""

    api_version: str = always("v1")
    kind: str = always("Node")
    metadata: Metadata = Metadata()
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class ContainerPort(Object, frozen=True):
    """A port that a container says it listens on."""

    container_port: int = 0
    name: str = ""
    protocol: str = "TCP"
    host_port: int = 0


class Container(Object, frozen=True):
    """A container."""

    name: str = ""
    ports: list[ContainerPort] = []


class PodSpec(Object, frozen=True):
    """A Pod's ``spec``."""

    node_name: str = ""
    host_network: bool = False
    containers: list[Container] = []


class PodStatus(Object, frozen=True):
    """A Pod's ``status``."""

    phase: str = ""
    pod_ip: str = ""
    conditions: list[ReadinessCondition] = []


class Pod(Object, frozen=True):
    """A Pod."""

    api_version: str = always("v1")
    kind: str = always("Pod")
    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()


class ServicePort(Object, frozen=True):
    """A port of a Service; ``target_port`` is a number or a container port's name."""

    name: str = ""
    protocol: str = "TCP"
    port: int = 0
    target_port: int | str = 0
    node_port: int = 0


class ServiceSpec(Object, frozen=True):
    """A Service's ``spec``."""

    type: str = "ClusterIP"
    cluster_ip: str = ""
    cluster_ips: list[str] = []
    external_ips: list[str] = []
    ports: list[ServicePort] = []
    selector: dict[str, str] | None = None
    session_affinity: str = "None"
    publish_not_ready_addresses: bool = False
    internal_traffic_policy: str = "Cluster"


class Service(Object, frozen=True):
    """A Service."""

    api_version: str = always("v1")
    kind: str = always("Service")
    metadata: Metadata = Metadata()
    spec: ServiceSpec = ServiceSpec()


class EndpointPort(Object, frozen=True):
    """A port of an EndpointSlice or of an Endpoints subset; the slice's may be null, which means all ports."""

    name: str | None = ""
    protocol: str | None = "TCP"
    port: int | None = None


class EndpointConditions(Object, frozen=True):
    """Null means unknown; consumers read unknown readiness as ready (Kubernetes API reference, EndpointConditions)."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class Endpoint(Object, frozen=True):
    """An endpoint of a slice: its addresses are interchangeable."""

    addresses: list[str] = []
    conditions: EndpointConditions = EndpointConditions()
    node_name: str | None = None


class EndpointSlice(Object, frozen=True):
    """An EndpointSlice; it belongs to the Service named by its label ``kubernetes.io/service-name``."""

    api_version: str = always("discovery.k8s.io/v1")
    kind: str = always("EndpointSlice")
    metadata: Metadata = Metadata()
    address_type: str = "IPv4"
    endpoints: list[Endpoint] | None = []
    ports: list[EndpointPort] | None = []


class EndpointAddress(Object, frozen=True):
    """An address of an Endpoints subset."""

    ip: str = ""
    node_name: str | None = None


class EndpointSubset(Object, frozen=True):
    """A group of addresses with common ports."""

    addresses: list[EndpointAddress] | None = []
    not_ready_addresses: list[EndpointAddress] | None = []
    ports: list[EndpointPort] | None = []


class Endpoints(Object, frozen=True):
    """A v1 Endpoints object; it belongs to the Service of its name."""

    api_version: str = always("v1")
    kind: str = always("Endpoints")
    metadata: Metadata = Metadata()
    subsets: list[EndpointSubset] | None = []


class ObjectReference(Object, frozen=True):
    """What an Event is about."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    resource_version: str = ""


class EventSource(Object, frozen=True):
    """Who says it."""

    component: str = ""
    host: str = ""


class Event(Object, frozen=True):
    """A v1 Event."""

    api_version: str = always("v1")
    kind: str = always("Event")
    metadata: Metadata = Metadata()
    involved_object: ObjectReference = ObjectReference()
    reason: str = ""
    message: str = ""
    type: str = ""
    source: EventSource = EventSource()
    first_timestamp: str | None = None
    last_timestamp: str | None = None
    count: int = 0


class LeaseSpec(Object, frozen=True):
    """A Lease's ``spec``; times are RFC 3339 with microseconds."""

    holder_identity: str | None = None
    lease_duration_seconds: int | None = None
    acquire_time: str | None = None
    renew_time: str | None = None
    lease_transitions: int | None = None


class Lease(Object, frozen=True):
    """A coordination.k8s.io/v1 Lease."""

    api_version: str = always("coordination.k8s.io/v1")
    kind: str = always("Lease")
    metadata: Metadata = Metadata()
    spec: LeaseSpec = field(default_factory=LeaseSpec)
