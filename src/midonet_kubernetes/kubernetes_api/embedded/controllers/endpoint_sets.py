"""From a Service and its Pods to endpoints: who is ready, on which ports, in which slice."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.kinds.pods import is_finished, is_ready

SERVICE_NAME = "kubernetes.io/service-name"
MANAGED_BY = "endpointslice.kubernetes.io/managed-by"
_FULL = 100  # endpoints in a slice; kube-controller-manager's --max-endpoints-per-slice

Ports = tuple[tuple[str, str, int, str], ...]  # name, protocol, number, appProtocol


@dataclass(slots=True)
class Slice:
    """A slice as it should be; without a name it is to be made."""

    name: str
    ports: list[Json]
    endpoints: list[Json] = field(default_factory=list)


def resolve_ports(service: Json, pod: Json) -> Ports:
    """The ports of a Service at one Pod; a named target port that the Pod does not have is left out."""
    resolved = []
    for port in service["spec"].get("ports", []):
        number = _target(port, pod)
        if number:
            resolved.append((port.get("name", ""), port["protocol"], number, port.get("appProtocol", "")))
    return tuple(resolved)


def _target(port: Json, pod: Json) -> int:
    target: int | str = port["targetPort"]
    if isinstance(target, int):
        return target
    for container in pod["spec"].get("containers", []):
        for offered in container.get("ports", []):
            if offered.get("name") == target and offered["protocol"] == port["protocol"]:
                return int(offered["containerPort"])
    return 0


def _endpoint(service: Json, pod: Json) -> Json:
    """One endpoint; ``ready`` is never true of a Pod that is being deleted (EndpointConditions)."""
    serving = is_ready(pod)
    terminating = "deletionTimestamp" in pod["metadata"]
    publish = bool(service["spec"].get("publishNotReadyAddresses"))
    endpoint = {
        "addresses": [pod["status"]["podIP"]],
        "conditions": {"ready": publish or (serving and not terminating), "serving": serving, "terminating": terminating},
        "targetRef": _reference(pod),
    }
    if pod["spec"].get("nodeName"):
        endpoint["nodeName"] = pod["spec"]["nodeName"]
    return endpoint


def _reference(pod: Json) -> Json:
    about = pod["metadata"]
    return {"kind": "Pod", "namespace": about["namespace"], "name": about["name"], "uid": about["uid"]}


def _listed(pods: list[Json]) -> list[Json]:
    """The Pods that are endpoints at all: they have an address and have not ended."""
    return [pod for pod in pods if pod.get("status", {}).get("podIP") and not is_finished(pod)]


def _port_objects(ports: Ports) -> list[Json]:
    return [
        {"name": name, "protocol": protocol, "port": number, **({"appProtocol": application} if application else {})}
        for name, protocol, number, application in ports
    ]


def distribute(service: Json, pods: list[Json], there: dict[str, Json]) -> list[Slice]:
    """The slices of a Service. An endpoint stays in the slice it is in, so that one Pod's change is one slice's change.

    Args:
        service: the Service.
        pods: those that it selects.
        there: its present slices by name.
    """
    groups: dict[Ports, dict[str, Json]] = {}
    for pod in _listed(pods):
        groups.setdefault(resolve_ports(service, pod), {})[pod["metadata"]["uid"]] = _endpoint(service, pod)
    if not groups:
        groups[()] = {}
    slices: list[Slice] = []
    free = dict(sorted(there.items()))
    for ports, endpoints in groups.items():
        objects = _port_objects(ports)
        mine = [Slice(name, objects) for name, body in free.items() if _same_ports(body.get("ports", []), objects)]
        for piece in mine:
            body = free.pop(piece.name)
            uids = [_uid(endpoint) for endpoint in body["endpoints"]]
            piece.endpoints = [endpoints.pop(uid) for uid in uids if uid in endpoints]
        _fill(mine, objects, list(endpoints.values()))
        slices += [piece for piece in mine if piece.endpoints]
    return slices or [Slice(next(iter(there), ""), [])]


def _fill(slices: list[Slice], ports: list[Json], endpoints: list[Json]) -> None:
    for endpoint in endpoints:
        piece = next((piece for piece in slices if len(piece.endpoints) < _FULL), None)
        if piece is None:
            piece = Slice("", ports)
            slices.append(piece)
        piece.endpoints.append(endpoint)


def _uid(endpoint: Json) -> Any:
    return endpoint.get("targetRef", {}).get("uid")


def _same_ports(left: list[Json], right: list[Json]) -> bool:
    return sorted(left, key=str) == sorted(right, key=str)


def subsets(service: Json, pods: list[Json]) -> list[Json]:
    """The same as ``subsets`` of a v1 Endpoints object, which knows no terminating addresses."""
    publish = bool(service["spec"].get("publishNotReadyAddresses"))
    groups: dict[Ports, tuple[list[Json], list[Json]]] = {}
    for pod in sorted(_listed(pods), key=lambda pod: str(pod["status"]["podIP"])):
        if "deletionTimestamp" in pod["metadata"] and not publish:
            continue
        ports = resolve_ports(service, pod)
        address = {"ip": pod["status"]["podIP"], "targetRef": _reference(pod)}
        if pod["spec"].get("nodeName"):
            address["nodeName"] = pod["spec"]["nodeName"]
        if ports:
            ready, waiting = groups.setdefault(ports, ([], []))
            (ready if publish or is_ready(pod) else waiting).append(address)
    return [_subset(ports, ready, waiting) for ports, (ready, waiting) in sorted(groups.items())]


def _subset(ports: Ports, ready: list[Json], waiting: list[Json]) -> Json:
    subset: Json = {}
    if ready:
        subset["addresses"] = ready
    if waiting:
        subset["notReadyAddresses"] = waiting
    subset["ports"] = _port_objects(ports)
    return subset
