"""Services. Their addresses and node ports are given out by ``service_addresses``."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from datetime import datetime

from midonet_kubernetes.kubernetes_api.embedded import name_rules
from midonet_kubernetes.kubernetes_api.embedded.failures import Cause, Json, duplicate, invalid_value, required, unsupported
from midonet_kubernetes.kubernetes_api.embedded.kinds.pods import PROTOCOLS
from midonet_kubernetes.kubernetes_api.embedded.resource import AGE, Column, Resource
from midonet_kubernetes.kubernetes_api.embedded.shapes.networks import ServiceShape

TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_TIMEOUT_OF_AFFINITY = 10_800  # seconds; ClientIP affinity's default


def is_published(spec: Json) -> bool:
    """Whether the Service has node ports."""
    return spec.get("type") in {"NodePort", "LoadBalancer"}


def _prepare(body: Json, _old: Json | None) -> None:
    spec = body.setdefault("spec", {})
    spec.setdefault("type", "ClusterIP")
    spec.setdefault("sessionAffinity", "None")
    for port in spec.get("ports", []):
        port.setdefault("protocol", "TCP")
        if not port.get("targetPort"):
            port["targetPort"] = port.get("port", 0)
    if spec["sessionAffinity"] == "ClientIP":
        spec.setdefault("sessionAffinityConfig", {}).setdefault("clientIP", {}).setdefault("timeoutSeconds", _TIMEOUT_OF_AFFINITY)
    if spec["type"] != "ExternalName":
        spec.setdefault("internalTrafficPolicy", "Cluster")
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")
    if is_published(spec) or spec.get("externalIPs"):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    body.setdefault("status", {}).setdefault("loadBalancer", {})


def _validate(body: Json, _old: Json | None) -> list[Cause]:
    spec = body["spec"]
    causes = []
    if spec["type"] not in TYPES:
        causes.append(unsupported("spec.type", spec["type"], TYPES))
    if spec["type"] == "ExternalName":
        return causes if spec.get("externalName") else [*causes, required("spec.externalName")]
    ports = spec.get("ports", [])
    if not ports and spec.get("clusterIP") != "None":
        causes.append(required("spec.ports"))
    if spec["sessionAffinity"] not in {"None", "ClientIP"}:
        causes.append(unsupported("spec.sessionAffinity", spec["sessionAffinity"], ("ClientIP", "None")))
    for key, value in spec.get("selector", {}).items():
        causes += [invalid_value("spec.selector", key, wrong) for wrong in name_rules.qualified_key(key)]
        causes += [invalid_value("spec.selector", value, wrong) for wrong in name_rules.label_value(value)]
    for index, address in enumerate(spec.get("externalIPs", [])):
        causes += _validate_address(address, f"spec.externalIPs[{index}]")
    return causes + list(_validate_ports(ports))


def _validate_address(text: str, path: str) -> Iterable[Cause]:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        yield invalid_value(path, text, "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)")


def _validate_ports(ports: list[Json]) -> Iterable[Cause]:
    names: set[str] = set()
    numbers: set[tuple[str, int]] = set()
    for index, port in enumerate(ports):
        path = f"spec.ports[{index}]"
        name, number, protocol = port.get("name", ""), port.get("port", 0), port["protocol"]
        if not name and len(ports) > 1:
            yield required(f"{path}.name")
        elif name:
            yield from (invalid_value(f"{path}.name", name, wrong) for wrong in name_rules.label(name))
            if name in names:
                yield duplicate(f"{path}.name", name)
        names.add(name)
        if not 1 <= number <= 65535:
            yield invalid_value(f"{path}.port", number, "must be between 1 and 65535, inclusive")
        if protocol not in PROTOCOLS:
            yield unsupported(f"{path}.protocol", protocol, PROTOCOLS)
        yield from _validate_target(port["targetPort"], f"{path}.targetPort")
        if (protocol, number) in numbers:
            entry = {"name": name, "protocol": protocol, "port": number, "targetPort": port["targetPort"]}
            yield duplicate(path, entry)
        numbers.add((protocol, number))


def _validate_target(target: int | str, path: str) -> Iterable[Cause]:
    if isinstance(target, str):
        yield from (invalid_value(path, target, wrong) for wrong in name_rules.port_name(target))
    elif not 1 <= target <= 65535:
        yield invalid_value(path, target, "must be between 1 and 65535, inclusive")


def _cluster_address(service: Json, _now: datetime) -> str:
    return service["spec"].get("clusterIP") or "<none>"


def _external_address(service: Json, _now: datetime) -> str:
    spec = service["spec"]
    if spec["type"] == "ExternalName":
        return str(spec.get("externalName", "<none>"))
    ingress = service.get("status", {}).get("loadBalancer", {}).get("ingress", [])
    addresses = [entry.get("ip") or entry.get("hostname", "") for entry in ingress] + spec.get("externalIPs", [])
    return ",".join(addresses) or ("<pending>" if spec["type"] == "LoadBalancer" else "<none>")


def _ports(service: Json, _now: datetime) -> str:
    texts = []
    for port in service["spec"].get("ports", []):
        node_port = f":{port['nodePort']}" if port.get("nodePort") else ""
        texts.append(f"{port['port']}{node_port}/{port['protocol']}")
    return ",".join(texts) or "<none>"


def _selector(service: Json, _now: datetime) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(service["spec"].get("selector", {}).items())) or "<none>"


SERVICES = Resource(
    group="",
    version="v1",
    kind="Service",
    plural="services",
    short_names=("svc",),
    categories=("all",),
    status=True,
    shape=ServiceShape,
    prepare=_prepare,
    validate=_validate,
    name_rule=name_rules.label_1035,
    columns=(
        Column("Type", lambda service, _: service["spec"]["type"]),
        Column("Cluster-IP", _cluster_address),
        Column("External-IP", _external_address),
        Column("Port(s)", _ports),
        AGE,
        Column("Selector", _selector, wide=True),
    ),
)
