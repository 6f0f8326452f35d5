"""Runs the lab's Pods: what kubelet and a container runtime do on each node, for all nodes at once.

Level-based: a key says that a Pod may have changed; what there should be is then read from the informer's store, what
there is from ``sandboxes``.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from midonet_kubernetes.errors import MidonetKubeError, NotFound
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.informer import Informer
from midonet_kubernetes.kubernetes_api.kinds import POD
from midonet_kubernetes.kubernetes_api.queue import Queue
from midonet_kubernetes.lab import sandbox
from midonet_kubernetes.lab.cni_runtime import CniRuntime
from midonet_kubernetes.lab.sandbox import Sandbox
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.lab.underlay import LabNode
from midonet_kubernetes.linux.kernel import Kernel
from midonet_kubernetes.model.kubernetes import Pod

WORKERS = 8
FINISHED = {"Succeeded", "Failed"}
SOON, LATEST = 0.1, 2.0  # seconds until a Pod that failed is tried again

_log = logging.getLogger(__name__)


class Kubelet:
    """Starts, watches and stops Pods of the given nodes.

    Args:
        client: of the Kubernetes API.
        nodes: the nodes by name; Pods of others are left alone.
        runtimes: what attaches Pods, by node.
        kernel: makes the Pods' namespaces.
        place: where names and logs go.
        clock: gives the time of day for statuses (RFC 3339).
    """

    def __init__(
        self,
        client: Client,
        *,
        nodes: Mapping[str, LabNode],
        runtimes: Mapping[str, CniRuntime],
        kernel: Kernel,
        place: Place,
        clock: Callable[[], str],
    ) -> None:
        self.sandboxes: dict[str, Sandbox] = {}
        self.pods = Informer(client, POD)
        self._client, self._nodes, self._runtimes = client, nodes, runtimes
        self._kernel, self._namespaces, self._clock = kernel, place.namespaces, clock
        self._log_file = place.logs / "pods.log"
        self._queue: Queue[str] = Queue(shortest=SOON, longest=LATEST)
        self._watchers: set[asyncio.Task[None]] = set()
        self.last_failure = ""

    async def run(self) -> None:
        """Run Pods until cancelled."""
        self.pods.add_handler(lambda key, _old, _new: self._queue.add(key))
        async with asyncio.TaskGroup() as group:
            group.create_task(self.pods.run())
            for _ in range(WORKERS):
                group.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = await self._queue.get()
            try:
                await self._reconcile(key)
                self._queue.forget(key)
            except (MidonetKubeError, OSError) as error:
                self.last_failure = str(error)
                _log.info("%s: %s", key, error)
                self._queue.retry(key)
            finally:
                self._queue.done(key)

    async def _reconcile(self, key: str) -> None:
        pod = self.pods.get(key)
        there = self.sandboxes.get(key)
        if there is not None and (pod is None or pod.metadata.uid != there.pod.metadata.uid or pod.metadata.deletion_timestamp):
            await sandbox.stop(there, self._kernel, self._runtimes[there.pod.spec.node_name])
            del self.sandboxes[key]
            there = None
        if pod is None or pod.spec.node_name not in self._nodes:
            return
        if pod.metadata.deletion_timestamp:
            await self._confirm_deletion(pod)
        elif there is None and pod.status.phase not in FINISHED:
            self.sandboxes[key] = await self._start(pod)
        if pod.metadata.uid and key in self.sandboxes:
            await self._report(pod, self.sandboxes[key])

    async def _start(self, pod: Pod) -> Sandbox:
        node = self._nodes[pod.spec.node_name]
        if pod.spec.host_network:
            started = Sandbox(pod, node.network, node.address)
            started.process = await sandbox.answer(pod.metadata.name, sandbox.ports_of(pod), node.network, self._log_file)
        else:
            started = await sandbox.start(pod, self._namespaces, self._kernel, self._runtimes[node.name], self._log_file)
        watcher = asyncio.create_task(self._restart_when_dead(pod.metadata.key, started))
        self._watchers.add(watcher)
        watcher.add_done_callback(self._watchers.discard)
        return started

    async def _restart_when_dead(self, key: str, started: Sandbox) -> None:
        """The answering program of a Pod that should run has died: start one again in the same namespace."""
        while started.process is not None:
            await started.process.wait()
            if self.sandboxes.get(key) is not started:
                return
            await asyncio.sleep(SOON)
            pod = started.pod
            try:
                started.process = await sandbox.answer(pod.metadata.name, sandbox.ports_of(pod), started.network, self._log_file)
            except (MidonetKubeError, OSError) as error:
                self.last_failure = str(error)
                _log.info("%s: %s", key, error)

    async def _confirm_deletion(self, pod: Pod) -> None:
        body = json.dumps({"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0}).encode()
        with suppress(NotFound):
            await self._client.send("DELETE", POD.path(namespace=pod.metadata.namespace, name=pod.metadata.name), body)

    async def _report(self, pod: Pod, started: Sandbox) -> None:
        """Write the Pod's status when it says something else."""
        ready = any(condition.type == "Ready" and condition.status == "True" for condition in pod.status.conditions)
        if ready and pod.status.pod_ip == started.address and pod.status.phase == "Running":
            return
        status = self._status(pod, started)
        with suppress(NotFound):
            await self._client.patch(POD, pod.metadata.name, status, namespace=pod.metadata.namespace, subresource="status")

    def _status(self, pod: Pod, started: Sandbox) -> dict[str, Any]:
        now = self._clock()
        kinds = ("PodScheduled", "Initialized", "ContainersReady", "Ready")
        return {
            "status": {
                "phase": "Running",
                "hostIP": self._nodes[pod.spec.node_name].address,
                "podIP": started.address,
                "podIPs": [{"ip": started.address}],
                "startTime": now,
                "conditions": [{"type": kind, "status": "True", "lastTransitionTime": now} for kind in kinds],
                "containerStatuses": [
                    {
                        "name": container.name,
                        "ready": True,
                        "started": True,
                        "restartCount": 0,
                        "image": "midonet-kube/answering",
                        "imageID": "",
                        "state": {"running": {"startedAt": now}},
                    }
                    for container in pod.spec.containers
                ],
            }
        }
