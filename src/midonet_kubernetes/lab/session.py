"""The lab from start to end: what happens inside its own world, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from midonet_kubernetes.errors import ApiError, MachineError
from midonet_kubernetes.kubernetes_api.access import connect
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import ENDPOINT_SLICE, SERVICE, raw
from midonet_kubernetes.kubernetes_api.kubeconfig import read_kubeconfig
from midonet_kubernetes.lab import cluster, manifests, sandbox, underlay
from midonet_kubernetes.lab.api import Api
from midonet_kubernetes.lab.cluster import Networks
from midonet_kubernetes.lab.cni_runtime import CniRuntime
from midonet_kubernetes.lab.control import ControlServer
from midonet_kubernetes.lab.following import followed
from midonet_kubernetes.lab.kubelet import Kubelet
from midonet_kubernetes.lab.manifests import Manifest
from midonet_kubernetes.lab.node_reports import NodeReports
from midonet_kubernetes.lab.programs import Programs
from midonet_kubernetes.lab.requests import Requests
from midonet_kubernetes.lab.running import Lab, now, ready
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.lab.telling import Teller
from midonet_kubernetes.lab.waiting import Waiting, within
from midonet_kubernetes.linux.kernel import Kernel
from midonet_kubernetes.linux.probe import probe
from midonet_kubernetes.model.kubernetes import Pod

CHECK_PATIENCE = 15.0  # seconds in which a row of the first check may still turn green
SLICES_FOLLOW = 5.0  # seconds that Services have to learn of ready pods; one may also select pods that have not its port
DEPLOYMENT = raw("apps/v1", "Deployment", "deployments", namespaced=True)


@dataclass(frozen=True)
class Plan:
    """What the user asked for.

    Args:
        nodes: how many.
        networks: of pods and Services.
        objects: what runs on the nodes.
        stay: keep running after the check until told to stop; else end with its outcome.
    """

    nodes: int
    networks: Networks
    objects: Sequence[Manifest]
    stay: bool


async def run(place: Place, plan: Plan, api: Api, kernel: Kernel, *, teller: Teller, stop: asyncio.Event) -> int:
    """Start everything, check it, stay until ``stop`` is set or end; everything is taken down when this returns.

    Args:
        place: for the files; its kubeconfigs are written.
        plan: what the user asked for.
        api: on which Kubernetes API.
        kernel: makes the nodes.
        teller: tells the user.
        stop: set when the lab shall end.

    Returns:
        0, or 1 when a row of the check failed.

    Raises:
        MachineError: a program or a feature of the kernel is missing.
        MidonetKubeError: something did not start, or a manifest was refused.
    """
    if missing := cluster.missing_programs():
        raise MachineError(f"missing beside {cluster.PROGRAMS / 'python'}: {', '.join(missing)}; run `make setup`")
    if lacking := [finding for finding in probe() if not finding.works]:
        remedies = "\n".join(f"  {finding.feature}: {finding.remedy}" for finding in lacking)
        raise MachineError(f"this kernel lacks what the virtual network is made of:\n{remedies}")
    async with AsyncExitStack() as stack:
        client = await connect(read_kubeconfig(cluster.inside_kubeconfig(place)))
        stack.push_async_callback(client.close)
        session = _Session(place, plan, api, client, kernel, teller, stop, stack)
        stopped = asyncio.create_task(_wait(stop))
        stack.push_async_callback(_ended, stopped)
        working = asyncio.create_task(session.start_and_check())
        stack.push_async_callback(_ended, working)
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():  # told to stop while starting
            await _ended(working)  # so that nothing is made while the rest is taken down
            return 0
        code = working.result()
        if plan.stay:
            await stopped
        return code


@dataclass
class _Session:
    """The steps of the start, with what they share. ``stack`` takes everything down in reverse order."""

    place: Place
    plan: Plan
    api: Api
    client: Client
    kernel: Kernel
    teller: Teller
    stop: asyncio.Event
    stack: AsyncExitStack

    def __post_init__(self) -> None:
        self.nodes = underlay.planned(self.place, self.plan.nodes)
        self.programs = Programs(self.place.logs, self.teller.say)
        self.stack.push_async_callback(self.programs.stop)
        self.reports = NodeReports(self.client, self.nodes, self.api.ownership, now)
        self.kubelet = Kubelet(
            self.client,
            nodes={node.name: node for node in self.nodes},
            runtimes={node.name: CniRuntime(cluster.cni_configuration(node), cluster.PROGRAMS) for node in self.nodes},
            kernel=self.kernel,
            place=self.place,
            clock=now,
        )
        self.waiting = Waiting(self.programs, lambda: self.kubelet.last_failure, self.teller.say)

    async def start_and_check(self) -> int:
        """All steps; the exit code."""
        lab = Lab(self.place, self.nodes, self.client, self.api.ownership, self.programs, self.kubelet, self.stop)
        requests = Requests(lab)
        control = ControlServer(self.place.control, requests.handle)
        self.stack.push_async_callback(control.close)
        with self.teller.step(f"{self.plan.nodes} nodes, joined by an underlay"):
            underlay.build(self.kernel, self.nodes)
        with self.teller.step("Kubernetes API and MidoNet API"):
            await self._start_apis()
        with self.teller.step("controllers, agents and node daemons"):
            await self._start_nodes()
        with self.teller.step("pods"):
            await self._start_pods()
        with self.teller.step("check"):
            verdicts = await requests.check(CHECK_PATIENCE)
        self.teller.show_check([verdict.as_dict() for verdict in verdicts])
        self.teller.say(f"ready and checked in {self.teller.elapsed():.1f} s")
        if self.plan.stay:
            self.teller.say_next(self.place, min(self.kubelet.sandboxes, default=self.nodes[0].name))
        return int(any(verdict.passed is False for verdict in verdicts))

    async def _start_apis(self) -> None:
        self.api.start(self.nodes, self.kernel, self.programs)
        self.programs.start(cluster.midonet(self.place, self.nodes))
        await self.waiting.until(self._api_answers, "the Kubernetes API answers")
        await self.api.claim(self.client, self.nodes, self.teller.say)
        self.stack.push_async_callback(self.api.release, self.client, self.programs, self.teller.say)
        await self.reports.register()
        await self.api.give_pod_networks(self.client)

    async def _start_nodes(self) -> None:
        self.programs.start(cluster.controllers(self.place, self.nodes))
        for node in self.nodes:
            self.programs.start(cluster.agent(node, self.nodes))
            self.programs.start(cluster.node_daemon(self.place, node, self.plan.networks))
            answering = await sandbox.answer(node.name, [cluster.NODE_PORT], node.network, self.place.logs / "nodes.log")
            self.stack.callback(answering.kill)
        self._keep_running(self.kubelet.run(), "kubelet")
        for node in self.nodes:
            configuration = cluster.cni_configuration(node)
            await self.waiting.until(partial(_exists, configuration), f"{node.name} serves pods")
            await self.reports.ready(node)
        self._keep_running(self.reports.run(), "node reports")

    def _keep_running(self, work: Coroutine[Any, Any, None], name: str) -> None:
        self.stack.push_async_callback(_ended, asyncio.create_task(work, name=name))

    async def _start_pods(self) -> None:
        namespaces = [manifest for manifest in self.plan.objects if manifest["kind"] == "Namespace"]
        others = [manifest for manifest in self.plan.objects if manifest not in namespaces]
        await manifests.apply(self.client, namespaces, self._note, self.api.ownership)
        await self.api.complete_namespaces(self.client, manifests.namespaces(others))
        await manifests.apply(self.client, others, self._note, self.api.ownership)
        await self.waiting.until(self._all_ready, "all pods are ready", partial(self.api.absentee, self.client))
        await within(SLICES_FOLLOW, self._slices_have_followed)

    async def _note(self, line: str) -> None:
        """Of what was applied, only what is not as usual is worth a line here."""
        if not line.endswith("created"):
            self.teller.say(line)

    async def _api_answers(self) -> bool:
        try:
            await self.client.send("GET", "/readyz")
        except ApiError:
            return False
        return True

    async def _all_ready(self) -> bool:
        """Every Deployment of the lab has its replicas ready, and so is every Pod of the lab that the kubelet knows."""
        selector = self.api.ownership.selector if self.api.ownership else ""
        return all(
            deployment.get("status", {}).get("readyReplicas", 0) >= deployment["spec"].get("replicas", 1)
            for deployment in await self.client.list(DEPLOYMENT, labels=selector)
        ) and all(ready(pod) for pod in self._pods())

    async def _slices_have_followed(self) -> bool:
        return followed(self._pods(), await self.client.list(SERVICE), await self.client.list(ENDPOINT_SLICE))

    def _pods(self) -> list[Pod]:
        """Of the lab, as the kubelet knows them."""
        mine = self.api.ownership.labels if self.api.ownership else {}
        return [pod for pod in self.kubelet.pods.store.values() if mine.items() <= pod.metadata.labels.items()]


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


async def _exists(path: Path) -> bool:
    return path.exists()  # noqa: ASYNC240 - a local file system


async def _ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
