"""Kinds that are kept and shown, and mean nothing to the server itself."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime

from midonet_kubernetes.kubernetes_api.embedded import name_rules
from midonet_kubernetes.kubernetes_api.embedded.failures import Json
from midonet_kubernetes.kubernetes_api.embedded.kinds.workloads import selector_text
from midonet_kubernetes.kubernetes_api.embedded.resource import AGE, Column, Resource
from midonet_kubernetes.kubernetes_api.embedded.shapes.objects import (
    BindingShape,
    DataShape,
    ObjectShape,
    PolicyShape,
)
from midonet_kubernetes.model.kubernetes import Lease


def _prepare_secret(body: Json, _old: Json | None) -> None:
    body.setdefault("type", "Opaque")
    for name, text in body.pop("stringData", {}).items():
        body.setdefault("data", {})[name] = base64.b64encode(str(text).encode()).decode()


def _count(body: Json, _now: datetime) -> int:
    return len(body.get("data", {})) + len(body.get("binaryData", {}))


CONFIG_MAPS = Resource(
    group="",
    version="v1",
    kind="ConfigMap",
    plural="configmaps",
    short_names=("cm",),
    shape=DataShape,
    columns=(Column("Data", _count), AGE),
)
SECRETS = Resource(
    group="",
    version="v1",
    kind="Secret",
    plural="secrets",
    shape=DataShape,
    prepare=_prepare_secret,
    columns=(Column("Type", lambda secret, _: secret["type"]), Column("Data", _count), AGE),
)
SERVICE_ACCOUNTS = Resource(group="", version="v1", kind="ServiceAccount", plural="serviceaccounts", short_names=("sa",))


LEASES = Resource(
    group="coordination.k8s.io",
    version="v1",
    kind="Lease",
    plural="leases",
    shape=Lease,
    columns=(Column("Holder", lambda lease, _: lease.get("spec", {}).get("holderIdentity", "")), AGE),
)
NETWORK_POLICIES = Resource(
    group="networking.k8s.io",
    version="v1",
    kind="NetworkPolicy",
    plural="networkpolicies",
    shape=PolicyShape,
    generations=True,
    short_names=("netpol",),
    columns=(
        Column("Pod-Selector", lambda policy, _: selector_text(policy.get("spec", {}).get("podSelector", {})) or "<none>"),
        AGE,
    ),
)
_RBAC = "rbac.authorization.k8s.io"
_CREATED = Column("Created At", lambda body, _: body["metadata"].get("creationTimestamp"), "date")


def _role(body: Json, _now: datetime) -> str:
    reference = body.get("roleRef", {})
    return f"{reference.get('kind', '')}/{reference.get('name', '')}"


def _subjects(kind: str) -> Callable[[Json, datetime], str]:
    def cell(binding: Json, _now: datetime) -> str:
        chosen = [subject for subject in binding.get("subjects", []) if subject.get("kind") == kind]
        return ", ".join("/".join(filter(None, (s.get("namespace"), s.get("name")))) for s in chosen)

    return cell


_BINDING = (
    Column("Role", _role),
    AGE,
    Column("Users", _subjects("User"), wide=True),
    Column("Groups", _subjects("Group"), wide=True),
    Column("ServiceAccounts", _subjects("ServiceAccount"), wide=True),
)


def _rbac(kind: str, *, namespaced: bool, columns: tuple[Column, ...]) -> Resource:
    return Resource(
        group=_RBAC,
        version="v1",
        kind=kind,
        plural=f"{kind.lower()}s",
        namespaced=namespaced,
        shape=BindingShape if kind.endswith("Binding") else ObjectShape,
        name_rule=name_rules.path_segment,
        columns=columns,
    )


RBAC = (
    _rbac("Role", namespaced=True, columns=(_CREATED,)),
    _rbac("RoleBinding", namespaced=True, columns=_BINDING),
    _rbac("ClusterRole", namespaced=False, columns=(_CREATED,)),
    _rbac("ClusterRoleBinding", namespaced=False, columns=_BINDING),
)
