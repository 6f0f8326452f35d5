"""Pods, and the part of them that a template has."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from midonet_kubernetes.kubernetes_api.embedded import name_rules
from midonet_kubernetes.kubernetes_api.embedded.durations import since
from midonet_kubernetes.kubernetes_api.embedded.failures import Cause, Json, duplicate, invalid_value, required, unsupported
from midonet_kubernetes.kubernetes_api.embedded.resource import AGE, Column, Resource
from midonet_kubernetes.kubernetes_api.embedded.shapes.pods import PodShape

PROTOCOLS = ("SCTP", "TCP", "UDP")
_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_CHANGEABLE = {"tolerations", "terminationGracePeriodSeconds", "activeDeadlineSeconds"}


def default_spec(spec: Json) -> None:
    """Fill in what kube-apiserver fills in (``SetDefaults_PodSpec``), as far as anybody here looks at it."""
    for name, value in (
        ("restartPolicy", "Always"),
        ("terminationGracePeriodSeconds", 30),
        ("dnsPolicy", "ClusterFirst"),
        ("schedulerName", "default-scheduler"),
    ):
        spec.setdefault(name, value)
    spec.setdefault("securityContext", {})
    for container in spec.get("containers", []):
        container.setdefault("resources", {})
        container.setdefault("terminationMessagePath", "/dev/termination-log")
        container.setdefault("terminationMessagePolicy", "File")
        tag = container.get("image", "").rpartition("/")[2].partition(":")[2]
        container.setdefault("imagePullPolicy", "Always" if tag in {"", "latest"} else "IfNotPresent")
        for port in container.get("ports", []):
            port.setdefault("protocol", "TCP")


def _prepare(body: Json, old: Json | None) -> None:
    spec = body.setdefault("spec", {})
    default_spec(spec)
    spec.setdefault("serviceAccountName", "default")
    spec.setdefault("enableServiceLinks", True)
    if old is None:
        body["status"] = {"phase": "Pending", "qosClass": "BestEffort"}


def validate_spec(spec: Json, path: str) -> list[Cause]:
    """What is wrong with a Pod's spec at ``path``."""
    causes = []
    containers = spec.get("containers", [])
    if not containers:
        causes.append(required(f"{path}.containers"))
    names: set[str] = set()
    for index, container in enumerate(containers):
        causes += _validate_container(container, f"{path}.containers[{index}]", names)
    if spec["restartPolicy"] not in _RESTART_POLICIES:
        causes.append(unsupported(f"{path}.restartPolicy", spec["restartPolicy"], _RESTART_POLICIES))
    return causes


def _validate_container(container: Json, path: str, names: set[str]) -> Iterable[Cause]:
    name = container.get("name", "")
    if not name:
        yield required(f"{path}.name")
    elif name in names:
        yield duplicate(f"{path}.name", name)
    else:
        yield from (invalid_value(f"{path}.name", name, wrong) for wrong in name_rules.label(name))
    names.add(name)
    if not container.get("image"):
        yield required(f"{path}.image")
    port_names: set[str] = set()
    for index, port in enumerate(container.get("ports", [])):
        yield from _validate_port(port, f"{path}.ports[{index}]", port_names)


def _validate_port(port: Json, path: str, names: set[str]) -> Iterable[Cause]:
    if name := port.get("name"):
        yield from (invalid_value(f"{path}.name", name, wrong) for wrong in name_rules.port_name(name))
        if name in names:
            yield duplicate(f"{path}.name", name)
        names.add(name)
    if not port.get("containerPort"):
        yield required(f"{path}.containerPort")
    elif not 1 <= port["containerPort"] <= 65535:
        yield invalid_value(f"{path}.containerPort", port["containerPort"], "must be between 1 and 65535, inclusive")
    if port["protocol"] not in PROTOCOLS:
        yield unsupported(f"{path}.protocol", port["protocol"], PROTOCOLS)


def _validate(body: Json, old: Json | None) -> list[Cause]:
    causes = validate_spec(body["spec"], "spec")
    if old is not None and _frozen_part(body["spec"]) != _frozen_part(old["spec"]):
        changeable = (
            "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
            "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
            "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
        )
        causes.append(Cause("spec", "FieldValueForbidden", f"Forbidden: {changeable}"))
    return causes


def _frozen_part(spec: Json) -> Json:
    containers = [{k: v for k, v in container.items() if k != "image"} for container in spec.get("containers", [])]
    return {k: v for k, v in spec.items() if k not in _CHANGEABLE} | {"containers": containers, "initContainers": None}


def is_ready(pod: Json) -> bool:
    """Whether the Ready condition is True."""
    conditions = pod.get("status", {}).get("conditions", [])
    return any(condition.get("type") == "Ready" and condition.get("status") == "True" for condition in conditions)


def is_finished(pod: Json) -> bool:
    """Whether its containers have ended for good."""
    return pod.get("status", {}).get("phase") in {"Succeeded", "Failed"}


def _containers_ready(pod: Json, _now: datetime) -> str:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    total = len(pod["spec"].get("containers", []))
    return f"{sum(1 for status in statuses if status.get('ready'))}/{total}"


def _word(pod: Json, _now: datetime) -> str:
    status = pod.get("status", {})
    word = str(status.get("reason") or status.get("phase", "Unknown"))
    for container in status.get("containerStatuses", []):
        for state in ("waiting", "terminated"):
            reason = container.get("state", {}).get(state, {}).get("reason")
            word = reason or word
    return "Terminating" if pod["metadata"].get("deletionTimestamp") else word


def _restarts(pod: Json, now: datetime) -> str:
    statuses = pod.get("status", {}).get("containerStatuses", [])
    count = sum(status.get("restartCount", 0) for status in statuses)
    ends = [status.get("lastState", {}).get("terminated", {}).get("finishedAt") for status in statuses]
    last = max(filter(None, ends), default=None)
    return f"{count} ({since(last, now)} ago)" if count and last else str(count)


PODS = Resource(
    group="",
    version="v1",
    kind="Pod",
    plural="pods",
    short_names=("po",),
    categories=("all",),
    status=True,
    generations=True,
    shape=PodShape,
    prepare=_prepare,
    validate=_validate,
    columns=(
        Column("Ready", _containers_ready),
        Column("Status", _word),
        Column("Restarts", _restarts),
        AGE,
        Column("IP", lambda pod, _: pod.get("status", {}).get("podIP") or "<none>", wide=True),
        Column("Node", lambda pod, _: pod["spec"].get("nodeName") or "<none>", wide=True),
        Column("Nominated Node", lambda pod, _: pod.get("status", {}).get("nominatedNodeName") or "<none>", wide=True),
        Column("Readiness Gates", lambda _pod, _: "<none>", wide=True),
    ),
)
