"""Small Kubernetes objects, as their owners would write them, and where they live in the API."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]

NODES = "/api/v1/nodes"
PODS = "/api/v1/namespaces/default/pods"
SERVICES = "/api/v1/namespaces/default/services"
SLICES = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices"
ENDPOINTS = "/api/v1/namespaces/default/endpoints"
TRANSLATIONS = "/apis/midonet.org/v1/namespaces/default/translations"


def node(name: str, number: int, **spec: Any) -> Json:
    """A Node with the InternalIP 192.168.0.``number``."""
    return {
        "metadata": {"name": name},
        "spec": {"podCIDR": f"10.1.{number}.0/24", **spec},
        "status": {"addresses": [{"type": "InternalIP", "address": f"192.168.0.{number}"}]},
    }


def pod(name: str, on: str, ip: str, *, mac: str = "0a:00:00:00:00:01", app: str = "web", phase: str = "Running") -> Json:
    """A ready Pod that listens on port 80."""
    return {
        "metadata": {"name": name, "labels": {"app": app}, "annotations": {"midonet.org/mac-address": mac}},
        "spec": {"nodeName": on, "containers": [{"name": "c", "image": "i", "ports": [{"containerPort": 80}]}]},
        "status": {
            "phase": phase,
            "podIP": ip,
            "podIPs": [{"ip": ip}],
            "conditions": [{"type": "Ready", "status": "True"}],
        },
    }


def service(name: str, *ports: int, app: str = "web", **spec: Any) -> Json:
    """A Service that sends each of its ports to port 80 of the Pods of ``app``."""
    listed = [{"name": f"p{port}", "port": port, "targetPort": 80} for port in ports]
    return {"metadata": {"name": name}, "spec": {"selector": {"app": app}, "ports": listed, **spec}}


def endpoint_slice(name: str, of: str, port: int, *addresses: str) -> Json:
    """A slice of the Service ``of``, made by hand."""
    return {
        "metadata": {"name": name, "labels": {"kubernetes.io/service-name": of}},
        "addressType": "IPv4",
        "endpoints": [{"addresses": [address], "conditions": {"ready": True}} for address in addresses],
        "ports": [{"name": f"p{port}", "port": 80, "protocol": "TCP"}],
    }
