"""Kubernetes objects of a cluster of any size, as manifests, and what they become in MidoNet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import msgspec

from midonet_kubernetes.model.annotations import HOST_ID, MAC_ADDRESS, TUNNEL_ENDPOINT_IP
from midonet_kubernetes.model.kubernetes import EndpointSlice, Node, Pod, Service
from midonet_kubernetes.model.names import Names
from midonet_kubernetes.model.translation import Translation
from midonet_kubernetes.node.node_link import node_mac
from midonet_kubernetes.translate import endpoints, node, pod, service

NAMES = Names("bench")
NAMESPACE = "bench"
PORT, TARGET_PORT = 80, 8080


def host_id(name: str) -> str:
    """The id of a node's MidoNet host."""
    return str(uuid5(NAMESPACE_DNS, name))


def node_manifest(name: str, pod_cidr: str, address: str) -> dict[str, Any]:
    """A Node as kubelet, node daemon and agent leave it."""
    annotations = {HOST_ID: host_id(name), TUNNEL_ENDPOINT_IP: address, MAC_ADDRESS: node_mac(name)}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "uid": name, "annotations": annotations},
        "spec": {"podCIDR": pod_cidr, "podCIDRs": [pod_cidr]},
        "status": {"addresses": [{"type": "InternalIP", "address": address}, {"type": "Hostname", "address": name}]},
    }


def pod_manifest(name: str, node_name: str, address: str, mac: str) -> dict[str, Any]:
    """A running Pod."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "uid": name, "annotations": {MAC_ADDRESS: mac}},
        "spec": {"nodeName": node_name},
        "status": {"podIP": address, "phase": "Running"},
    }


def service_address(number: int) -> str:
    """The ClusterIP of a Service."""
    return f"10.96.{1 + number // 250}.{1 + number % 250}"


def endpoint_addresses(number: int, count: int, *, moved: int = 0) -> list[str]:
    """Addresses of a Service's endpoints, all over a large cluster; ``moved`` changes the last one."""
    first = number * count
    places = [*range(first, first + count - 1), first + count - 1 + 200_000 * moved]
    return [f"10.{128 + place // 62500 % 100}.{1 + place // 250 % 250}.{3 + place % 250}" for place in places]


def service_manifest(number: int) -> dict[str, Any]:
    """A Service with one port."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": f"service-{number}", "namespace": NAMESPACE},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": service_address(number),
            "clusterIPs": [service_address(number)],
            "ipFamilies": ["IPv4"],
            "ports": [{"name": "web", "protocol": "TCP", "port": PORT, "targetPort": TARGET_PORT}],
        },
    }


def slice_manifest(number: int, addresses: Sequence[str]) -> dict[str, Any]:
    """The EndpointSlice of a Service."""
    name = f"service-{number}"
    return {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"kubernetes.io/service-name": name}},
        "addressType": "IPv4",
        "ports": [{"name": "web", "protocol": "TCP", "port": TARGET_PORT}],
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
    }


def node_translations(manifest: dict[str, Any]) -> Sequence[Translation]:
    """What a Node becomes."""
    return node.translate(msgspec.convert(manifest, Node), NAMES).translations


def pod_translations(manifest: dict[str, Any], its_node: dict[str, Any]) -> Sequence[Translation]:
    """What a Pod becomes."""
    return pod.translate(msgspec.convert(manifest, Pod), msgspec.convert(its_node, Node), NAMES).translations


def service_translations(number: int, addresses: Sequence[str]) -> Iterator[Translation]:
    """What a Service and its endpoints become."""
    yield from service.translate(_service(number), NAMES).translations
    yield from endpoints_translations(number, addresses)


def endpoints_translations(number: int, addresses: Sequence[str]) -> Sequence[Translation]:
    """What a Service's endpoints become: one rule."""
    part = msgspec.convert(_with_uid(slice_manifest(number, addresses)), EndpointSlice)
    return endpoints.from_slices(_service(number), [part], NAMES).translations


def _service(number: int) -> Service:
    return msgspec.convert(_with_uid(service_manifest(number)), Service)


def _with_uid(manifest: dict[str, Any]) -> dict[str, Any]:
    return {**manifest, "metadata": {**manifest["metadata"], "uid": manifest["metadata"]["name"]}}
