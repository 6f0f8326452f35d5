"""The lab from start to end: what happens inside its own world, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from midonet_kubernetes.errors import ApiError, MachineError, MidonetKubeError
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kinds import NODE, raw
from midonet_kubernetes.kubernetes_api.transport import HttpTransport
from midonet_kubernetes.lab import cluster, manifests, sandbox, underlay
from midonet_kubernetes.lab.cni_runtime import CniRuntime
from midonet_kubernetes.lab.control import ControlServer
from midonet_kubernetes.lab.kubelet import Kubelet
from midonet_kubernetes.lab.manifests import Manifest
from midonet_kubernetes.lab.programs import Programs
from midonet_kubernetes.lab.requests import Requests
from midonet_kubernetes.lab.running import Lab, now, ready
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.lab.telling import Teller
from midonet_kubernetes.lab.underlay import LabNode
from midonet_kubernetes.linux.kernel import Kernel
from midonet_kubernetes.linux.probe import probe

PATIENCE = 60.0  # seconds for one step of the start; far more than any needs
CHECK_PATIENCE = 15.0  # seconds in which a row of the first check may still turn green
POLL = 0.05
MOST_RESTARTS = 5  # of a program during the start: it will not come up
DEPLOYMENT = raw("apps/v1", "Deployment", "deployments", namespaced=True)
RAW_NODE = raw("v1", "Node", "nodes", namespaced=False)


@dataclass(frozen=True)
class Plan:
    """What the user asked for.

    Args:
        nodes: how many.
        objects: what runs on them.
        stay: keep running after the check until told to stop; else end with its outcome.
        outside: number of a socket that listens on the machine's loopback, for kubectl.
        port: its port.
    """

    nodes: int
    objects: Sequence[Manifest]
    stay: bool
    outside: int
    port: int


async def run(place: Place, plan: Plan, kernel: Kernel, teller: Teller, stop: asyncio.Event) -> int:
    """Start everything, check it, stay until ``stop`` is set or end; everything is taken down when this returns.

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
        session = _Session(place, plan, kernel, teller, stop, stack)
        stopped = asyncio.create_task(_wait(stop))
        stack.push_async_callback(_ended, stopped)
        working = asyncio.create_task(session.start_and_check())
        stack.push_async_callback(_ended, working)
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
        if not working.done():  # told to stop while starting
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
    kernel: Kernel
    teller: Teller
    stop: asyncio.Event
    stack: AsyncExitStack

    def __post_init__(self) -> None:
        self.nodes = underlay.planned(self.place, self.plan.nodes)
        self.programs = Programs(self.place.logs, self.teller.say)
        self.stack.push_async_callback(self.programs.stop)
        self.client = Client(HttpTransport(cluster.api_url(self.nodes)))
        self.stack.push_async_callback(self.client.close)
        self.kubelet = Kubelet(
            self.client,
            nodes={node.name: node for node in self.nodes},
            runtimes={node.name: CniRuntime(cluster.cni_configuration(node), cluster.PROGRAMS) for node in self.nodes},
            kernel=self.kernel,
            place=self.place,
            clock=now,
        )

    async def start_and_check(self) -> int:
        """All steps; the exit code."""
        requests = Requests(Lab(self.place, self.nodes, self.client, self.programs, self.kubelet, self.stop))
        control = ControlServer(self.place.control, requests.handle)
        self.stack.push_async_callback(control.close)
        with self.teller.step(f"{self.plan.nodes} nodes, joined by an underlay"):
            underlay.build(self.kernel, self.nodes)
        with self.teller.step("Kubernetes API and MidoNet API"):
            await self._start_apis()
        with self.teller.step("controllers, agents and node daemons"):
            await self._start_nodes()
        with self.teller.step("pods"):
            await manifests.apply(self.client, self.plan.objects, self._note)
            await self._until(self._all_ready, "all pods are ready")
        with self.teller.step("check"):
            verdicts = await requests.check(CHECK_PATIENCE)
        self.teller.show_check([verdict.as_dict() for verdict in verdicts])
        self.teller.say(f"ready and checked in {self.teller.elapsed():.1f} s")
        if self.plan.stay:
            self.teller.say_next(self.place, min(self.kubelet.sandboxes, default=self.nodes[0].name))
        return int(any(verdict.passed is False for verdict in verdicts))

    async def _start_apis(self) -> None:
        outside, inside = f"http://127.0.0.1:{self.plan.port}", cluster.api_url(self.nodes)
        self.place.kubeconfig.write_text(cluster.kubeconfig(outside), encoding="utf-8")
        cluster.inside_kubeconfig(self.place).write_text(cluster.kubeconfig(inside), encoding="utf-8")
        self.programs.start(cluster.kubernetes_api(self.place, self.nodes, self.plan.outside))
        self.programs.start(cluster.midonet(self.place, self.nodes))
        await self._until(self._api_answers, "the Kubernetes API answers")
        for node in self.nodes:
            await self.client.create(RAW_NODE, cluster.node_object(node))
            await self._report(node, ready=False)

    async def _start_nodes(self) -> None:
        self.programs.start(cluster.controllers(self.place, self.nodes))
        for node in self.nodes:
            self.programs.start(cluster.agent(node, self.nodes))
            self.programs.start(cluster.node_daemon(self.place, node))
            answering = await sandbox.answer(node.name, [cluster.NODE_PORT], node.network, self.place.logs / "nodes.log")
            self.stack.callback(answering.kill)
        running = asyncio.create_task(self.kubelet.run(), name="kubelet")
        self.stack.push_async_callback(_ended, running)
        for node in self.nodes:
            configuration = cluster.cni_configuration(node)
            await self._until(partial(_exists, configuration), f"{node.name} serves pods")
            await self._report(node, ready=True)

    async def _report(self, node: LabNode, *, ready: bool) -> None:
        await self.client.patch(NODE, node.name, cluster.node_status(node, now(), ready=ready), subresource="status")

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
        """Every Deployment has its replicas ready, and so is every Pod that the kubelet knows."""
        return all(
            deployment.get("status", {}).get("readyReplicas", 0) >= deployment["spec"].get("replicas", 1)
            for deployment in await self.client.list(DEPLOYMENT)
        ) and all(ready(pod) for pod in self.kubelet.pods.store.values())

    async def _until(self, reached: Callable[[], Awaitable[bool]], what: str) -> None:
        """Wait until something holds.

        Raises:
            MidonetKubeError: it takes too long, or a program will not come up; the message has the end of a log.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while not await reached():
            for running in self.programs.running.values():
                if running.restarts >= MOST_RESTARTS:
                    name = running.program.name
                    raise MidonetKubeError(
                        f"{name} does not come up ({running.last_exit}). {last_lines(self.programs.log(name))}"
                    )
            if loop.time() > deadline:
                why = self.kubelet.last_failure or f"not in {PATIENCE:.0f} s"
                logs = "\n".join(last_lines(self.programs.log(name)) for name in self.programs.running)
                raise MidonetKubeError(f"waited in vain until {what}: {why}\n{logs}")
            await asyncio.sleep(POLL)


async def _wait(stop: asyncio.Event) -> None:
    await stop.wait()


async def _exists(path: Path) -> bool:
    return path.exists()  # noqa: ASYNC240 - a local file system


async def _ended(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def last_lines(log: Path, lines: int = 8) -> str:
    """The end of a log, for a person who will not find it later."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace").rstrip()
    except OSError:
        text = ""
    return f"The end of {log.name}:\n" + "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
