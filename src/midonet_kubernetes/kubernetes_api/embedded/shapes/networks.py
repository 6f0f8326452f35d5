"""Nodes, Services and their endpoints."""

from __future__ import annotations

from typing import Any

from midonet_kubernetes.kubernetes_api.embedded.shapes.objects import ConditionShape, ObjectShape
from midonet_kubernetes.model.kubernetes import Endpoint, EndpointPort, Object, Service, ServiceSpec


class NodeAddressShape(Object, frozen=True):
    """An address of a Node."""

    type: str = ""
    address: str = ""


class TaintShape(Object, frozen=True):
    """A taint of a Node."""

    key: str = ""
    value: str = ""
    effect: str = ""


class NodeSpecShape(Object, frozen=True):
    """A Node's ``spec``."""

    pod_cidr: str = ""
    pod_cidrs: list[str] = []
    unschedulable: bool = False
    taints: list[TaintShape] = []


class NodeStatusShape(Object, frozen=True):
    """A Node's ``status``."""

    addresses: list[NodeAddressShape] = []
    conditions: list[ConditionShape] = []
    node_info: dict[str, Any] = {}


class NodeShape(ObjectShape, frozen=True):
    """A Node."""

    spec: NodeSpecShape = NodeSpecShape()
    status: NodeStatusShape = NodeStatusShape()


class IngressShape(Object, frozen=True):
    """Where a load balancer is reached."""

    ip: str = ""
    hostname: str = ""


class LoadBalancerShape(Object, frozen=True):
    """A load balancer."""

    ingress: list[IngressShape] = []


class ServiceStatusShape(Object, frozen=True):
    """A Service's ``status``."""

    load_balancer: LoadBalancerShape = LoadBalancerShape()


class ServiceSpecShape(ServiceSpec, frozen=True):
    """A Service's ``spec``."""

    external_name: str = ""
    session_affinity_config: dict[str, dict[str, int]] = {}


class ServiceShape(Service, frozen=True):
    """A Service."""

    spec: ServiceSpecShape = ServiceSpecShape()
    status: ServiceStatusShape = ServiceStatusShape()


class EndpointShape(Endpoint, frozen=True):
    """An endpoint of a slice."""

    target_ref: dict[str, str] = {}


class EndpointSliceShape(ObjectShape, frozen=True):
    """An EndpointSlice."""

    address_type: str = ""
    endpoints: list[EndpointShape] = []
    ports: list[EndpointPort] = []
