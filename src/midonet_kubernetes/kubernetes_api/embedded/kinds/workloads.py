"""Deployments and ReplicaSets, which controllers here turn into Pods; StatefulSets and DaemonSets, which are only kept."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from midonet_kubernetes.kubernetes_api.embedded.failures import Cause, Json, invalid_value, required, unsupported
from midonet_kubernetes.kubernetes_api.embedded.kinds.pods import default_spec, validate_spec
from midonet_kubernetes.kubernetes_api.embedded.resource import AGE, Column, Resource, Scale
from midonet_kubernetes.kubernetes_api.embedded.selectors import matches, parse_label_selector
from midonet_kubernetes.kubernetes_api.embedded.shapes.pods import WorkloadShape

_NO_PERCENT = (
    "a valid percent string must be a numeric string followed by an ending '%' "
    "(e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')"
)
_OPERATORS = ("DoesNotExist", "Exists", "In", "NotIn")


def selector_text(selector: Json) -> str:
    """A LabelSelector as kubectl and the scale subresource write it."""
    texts = [f"{key}={value}" for key, value in sorted((selector.get("matchLabels") or {}).items())]
    for term in selector.get("matchExpressions") or ():
        values = ",".join(term.get("values", ()))
        texts.append(
            {
                "In": f"{term['key']} in ({values})",
                "NotIn": f"{term['key']} notin ({values})",
                "Exists": term["key"],
                "DoesNotExist": f"!{term['key']}",
            }[term["operator"]]
        )
    return ",".join(texts)


def _prepare_any(body: Json, _old: Json | None) -> None:
    template = body.setdefault("spec", {}).setdefault("template", {})
    template.setdefault("metadata", {})
    default_spec(template.setdefault("spec", {}))


def _prepare_replicated(body: Json, old: Json | None) -> None:
    _prepare_any(body, old)
    body["spec"].setdefault("replicas", 1)
    if old is None:
        body["status"] = {"replicas": 0}


def _prepare_deployment(body: Json, old: Json | None) -> None:
    _prepare_any(body, old)
    if old is None:
        body["status"] = {}
    spec = body["spec"]
    for name, value in (("replicas", 1), ("revisionHistoryLimit", 10), ("progressDeadlineSeconds", 600)):
        spec.setdefault(name, value)
    strategy = spec.setdefault("strategy", {})
    if strategy.setdefault("type", "RollingUpdate") == "RollingUpdate":
        rolling = strategy.setdefault("rollingUpdate", {})
        rolling.setdefault("maxUnavailable", "25%")
        rolling.setdefault("maxSurge", "25%")


def _validate(body: Json, old: Json | None) -> list[Cause]:
    spec = body["spec"]
    causes = _validate_selector(spec)
    if spec.get("replicas", 0) < 0:
        causes.append(invalid_value("spec.replicas", spec["replicas"], "must be greater than or equal to 0"))
    if old is not None and old["spec"].get("selector") != spec.get("selector"):
        causes.append(invalid_value("spec.selector", spec.get("selector"), "field is immutable"))
    return causes + validate_spec(spec["template"]["spec"], "spec.template.spec")


def _validate_selector(spec: Json) -> list[Cause]:
    selector, labels = spec.get("selector"), spec["template"]["metadata"].get("labels", {})
    mismatch = invalid_value("spec.template.metadata.labels", labels, "`selector` does not match template `labels`")
    if selector is None:
        return [required("spec.selector"), mismatch]
    causes = []
    for index, term in enumerate(selector.get("matchExpressions", [])):
        path, operator = f"spec.selector.matchExpressions[{index}]", term.get("operator", "")
        if not term.get("key"):
            causes.append(invalid_value(f"{path}.key", "", "name part must be non-empty"))
        if operator not in _OPERATORS:
            causes.append(invalid_value(f"{path}.operator", operator, "not a valid selector operator"))
        elif (operator in {"In", "NotIn"}) != bool(term.get("values")):
            causes.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn', and only then"))
    if causes:
        return [*causes, invalid_value("spec.selector", selector, "invalid label selector")]
    if not selector.get("matchLabels") and not selector.get("matchExpressions"):
        causes.append(invalid_value("spec.selector", selector, "empty selector is invalid for deployment"))
    elif not matches(parse_label_selector(selector), labels):
        causes.append(mismatch)
    return causes


def _validate_deployment(body: Json, old: Json | None) -> list[Cause]:
    causes = _validate(body, old)
    strategy = body["spec"]["strategy"]
    if strategy["type"] not in {"Recreate", "RollingUpdate"}:
        shown = {"Type": strategy["type"], "RollingUpdate": strategy.get("rollingUpdate")}
        causes.append(unsupported("spec.strategy", shown, ("Recreate", "RollingUpdate")))
    for name, value in strategy.get("rollingUpdate", {}).items():
        if isinstance(value, str) and not (value.endswith("%") and value[:-1].isdigit()):
            causes.append(invalid_value(f"spec.strategy.rollingUpdate.{name}", value, _NO_PERCENT))
    return causes


def _number(name: str) -> Callable[[Json, datetime], int]:
    return lambda workload, _now: workload.get("status", {}).get(name, 0)


def _ready(deployment: Json, _now: datetime) -> str:
    return f"{deployment.get('status', {}).get('readyReplicas', 0)}/{deployment['spec']['replicas']}"


def _template(name: str) -> Callable[[Json, datetime], str]:
    return lambda workload, _now: ",".join(c.get(name, "") for c in workload["spec"]["template"]["spec"].get("containers", []))


def _node_selector(workload: Json, _now: datetime) -> str:
    wanted = workload["spec"]["template"]["spec"].get("nodeSelector", {})
    return ",".join(f"{key}={value}" for key, value in sorted(wanted.items())) or "<none>"


_CONTAINERS = (Column("Containers", _template("name"), wide=True), Column("Images", _template("image"), wide=True))
_AGE_AND_WIDE = (
    AGE,
    *_CONTAINERS,
    Column("Selector", lambda workload, _: selector_text(workload["spec"]["selector"]), wide=True),
)
_SCALE = Scale("spec.replicas", "status.replicas", "spec.selector")

DEPLOYMENTS = Resource(
    group="apps",
    version="v1",
    kind="Deployment",
    plural="deployments",
    short_names=("deploy",),
    categories=("all",),
    status=True,
    generations=True,
    scale=_SCALE,
    shape=WorkloadShape,
    prepare=_prepare_deployment,
    validate=_validate_deployment,
    columns=(
        Column("Ready", _ready),
        Column("Up-to-date", _number("updatedReplicas")),
        Column("Available", _number("availableReplicas")),
        *_AGE_AND_WIDE,
    ),
)
REPLICA_SETS = Resource(
    group="apps",
    version="v1",
    kind="ReplicaSet",
    plural="replicasets",
    short_names=("rs",),
    categories=("all",),
    status=True,
    generations=True,
    scale=_SCALE,
    shape=WorkloadShape,
    prepare=_prepare_replicated,
    validate=_validate,
    columns=(
        Column("Desired", lambda workload, _: workload["spec"]["replicas"], "integer"),
        Column("Current", _number("replicas"), "integer"),
        Column("Ready", _number("readyReplicas"), "integer"),
        *_AGE_AND_WIDE,
    ),
)
STATEFUL_SETS = Resource(
    group="apps",
    version="v1",
    kind="StatefulSet",
    plural="statefulsets",
    short_names=("sts",),
    categories=("all",),
    status=True,
    generations=True,
    scale=_SCALE,
    shape=WorkloadShape,
    prepare=_prepare_replicated,
    validate=_validate,
    columns=(Column("Ready", _ready), AGE, *_CONTAINERS),
)
DAEMON_SETS = Resource(
    group="apps",
    version="v1",
    kind="DaemonSet",
    plural="daemonsets",
    short_names=("ds",),
    categories=("all",),
    status=True,
    generations=True,
    shape=WorkloadShape,
    prepare=_prepare_any,
    validate=_validate,
    columns=(
        Column("Desired", _number("desiredNumberScheduled"), "integer"),
        Column("Current", _number("currentNumberScheduled"), "integer"),
        Column("Ready", _number("numberReady"), "integer"),
        Column("Up-to-date", _number("updatedNumberScheduled"), "integer"),
        Column("Available", _number("numberAvailable"), "integer"),
        Column("Node Selector", _node_selector),
        *_AGE_AND_WIDE,
    ),
)
