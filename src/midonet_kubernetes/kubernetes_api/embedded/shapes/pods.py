"""Pods and what makes them."""

from __future__ import annotations

from typing import Any

from midonet_kubernetes.kubernetes_api.embedded.shapes.objects import ConditionShape, MetadataShape, ObjectShape, SelectorShape
from midonet_kubernetes.model.kubernetes import Object


class ContainerPortShape(Object, frozen=True):
    """A container's port."""

    container_port: int = 0
    host_port: int = 0
    name: str = ""
    protocol: str = ""


class ContainerShape(Object, frozen=True):
    """A container."""

    name: str = ""
    image: str = ""
    ports: list[ContainerPortShape] = []


class PodSpecShape(Object, frozen=True):
    """A Pod's ``spec``."""

    containers: list[ContainerShape] = []
    init_containers: list[ContainerShape] = []
    node_name: str = ""
    node_selector: dict[str, str] = {}
    restart_policy: str = ""
    termination_grace_period_seconds: int = 0
    host_network: bool = False


class ContainerStateShape(Object, frozen=True):
    """A container's state; one of the three is set."""

    waiting: dict[str, Any] = {}
    running: dict[str, Any] = {}
    terminated: dict[str, Any] = {}


class ContainerStatusShape(Object, frozen=True):
    """What the kubelet says of a container."""

    name: str = ""
    ready: bool = False
    restart_count: int = 0
    state: ContainerStateShape = ContainerStateShape()
    last_state: ContainerStateShape = ContainerStateShape()


class PodIpShape(Object, frozen=True):
    """An entry of ``status.podIPs``."""

    ip: str = ""


class PodStatusShape(Object, frozen=True):
    """A Pod's ``status``."""

    phase: str = ""
    reason: str = ""
    pod_ip: str = ""
    pod_ips: list[PodIpShape] = []
    conditions: list[ConditionShape] = []
    container_statuses: list[ContainerStatusShape] = []


class PodShape(ObjectShape, frozen=True):
    """A Pod."""

    spec: PodSpecShape = PodSpecShape()
    status: PodStatusShape = PodStatusShape()


class TemplateShape(Object, frozen=True):
    """The Pods that a workload makes."""

    metadata: MetadataShape = MetadataShape()
    spec: PodSpecShape = PodSpecShape()


class RollingUpdateShape(Object, frozen=True):
    """How far a rolling update may stray from the wanted number: Pods or per cent."""

    max_surge: int | str = 0
    max_unavailable: int | str = 0


class StrategyShape(Object, frozen=True):
    """How a Deployment replaces its Pods."""

    type: str = ""
    rolling_update: RollingUpdateShape = RollingUpdateShape()


class WorkloadSpecShape(Object, frozen=True):
    """``spec`` of Deployments, ReplicaSets, StatefulSets and DaemonSets."""

    replicas: int = 0
    selector: SelectorShape = SelectorShape()
    template: TemplateShape = TemplateShape()
    strategy: StrategyShape = StrategyShape()
    revision_history_limit: int = 0
    paused: bool = False


class WorkloadStatusShape(Object, frozen=True):
    """The numbers in a workload's ``status``."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    available_replicas: int = 0
    conditions: list[ConditionShape] = []


class WorkloadShape(ObjectShape, frozen=True):
    """A workload."""

    spec: WorkloadSpecShape = WorkloadSpecShape()
    status: WorkloadStatusShape = WorkloadStatusShape()
