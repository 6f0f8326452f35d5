"""Nodes and Namespaces, the objects of the cluster itself."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from datetime import datetime

from midonet_kubernetes.kubernetes_api.embedded import name_rules
from midonet_kubernetes.kubernetes_api.embedded.failures import Cause, Json, invalid_value
from midonet_kubernetes.kubernetes_api.embedded.resource import AGE, Column, Resource
from midonet_kubernetes.kubernetes_api.embedded.shapes.networks import NodeShape
from midonet_kubernetes.kubernetes_api.embedded.shapes.objects import NamespaceShape

_ROLE = "node-role.kubernetes.io/"


def is_ready(node: Json) -> bool:
    """Whether the Ready condition is True."""
    conditions = node.get("status", {}).get("conditions", [])
    return any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions)


def _prepare_node(body: Json, _old: Json | None) -> None:
    spec = body.setdefault("spec", {})
    if spec.get("podCIDR"):
        spec.setdefault("podCIDRs", [spec["podCIDR"]])
    body.setdefault("status", {})


def _validate_node(body: Json, old: Json | None) -> list[Cause]:
    given = body["spec"].get("podCIDR", "")
    causes = []
    try:
        ipaddress.ip_network(given or "0.0.0.0/0", strict=False)
    except ValueError:
        causes.append(invalid_value("spec.podCIDRs[0]", given, "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"))
    before = (old or {}).get("spec", {}).get("podCIDR")
    if before and before != given:
        message = 'node updates may not change podCIDR except from "" to valid'
        causes.append(Cause("spec.podCIDRs", "FieldValueForbidden", f"Forbidden: {message}"))
    return causes


def _node_status(node: Json, _now: datetime) -> str:
    word = "Ready" if is_ready(node) else "NotReady"
    return word + (",SchedulingDisabled" if node["spec"].get("unschedulable") else "")


def _roles(node: Json, _now: datetime) -> str:
    labels = node["metadata"].get("labels", {})
    return ",".join(sorted(key.removeprefix(_ROLE) for key in labels if key.startswith(_ROLE))) or "<none>"


def _address(kind: str) -> Callable[[Json, datetime], str]:
    def cell(node: Json, _now: datetime) -> str:
        addresses = node.get("status", {}).get("addresses", [])
        return next((entry["address"] for entry in addresses if entry["type"] == kind), "<none>")

    return cell


def _info(name: str) -> Callable[[Json, datetime], str]:
    return lambda node, _now: node.get("status", {}).get("nodeInfo", {}).get(name) or "<unknown>"


NODES = Resource(
    group="",
    version="v1",
    kind="Node",
    plural="nodes",
    namespaced=False,
    short_names=("no",),
    status=True,
    shape=NodeShape,
    prepare=_prepare_node,
    validate=_validate_node,
    columns=(
        Column("Status", _node_status),
        Column("Roles", _roles),
        AGE,
        Column("Version", lambda node, _: node.get("status", {}).get("nodeInfo", {}).get("kubeletVersion", "")),
        Column("Internal-IP", _address("InternalIP"), wide=True),
        Column("External-IP", _address("ExternalIP"), wide=True),
        Column("OS-Image", _info("osImage"), wide=True),
        Column("Kernel-Version", _info("kernelVersion"), wide=True),
        Column("Container-Runtime", _info("containerRuntimeVersion"), wide=True),
    ),
)


def _prepare_namespace(body: Json, old: Json | None) -> None:
    body["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = body["metadata"]["name"]
    if old is None:
        body["spec"] = {"finalizers": ["kubernetes"]}
        body["status"] = {"phase": "Active"}


NAMESPACES = Resource(
    group="",
    version="v1",
    kind="Namespace",
    plural="namespaces",
    namespaced=False,
    short_names=("ns",),
    status=True,
    shape=NamespaceShape,
    prepare=_prepare_namespace,
    name_rule=name_rules.label,
    columns=(Column("Status", lambda namespace, _: namespace.get("status", {}).get("phase", "")), AGE),
)
