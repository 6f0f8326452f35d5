"""Two nodes with real kubelets on our network: Kubernetes' control plane, minimidonet, and our programs, in a lab's world.

The first node has the control plane. Our programs run on each node in its own file systems, with the permissions of ``deploy/``.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import os
import shutil
import signal
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from midonet_kubernetes.errors import ApiError
from midonet_kubernetes.kubernetes_api.kinds import TRANSLATION
from midonet_kubernetes.lab import cluster as lab_cluster
from midonet_kubernetes.lab import underlay
from midonet_kubernetes.lab.programs import Program, Programs
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.model.annotations import HOST_ID
from midonet_kubernetes.testing import oci_archive
from midonet_kubernetes.testing.background import until
from midonet_kubernetes.testing.container_node import CNI_CONFIGURATIONS, CNI_PLUGINS, CONTAINERD_SOCKET, ContainerNode
from midonet_kubernetes.testing.control_plane import ADMIN, CONTROLLERS, NAMES, NODE_DAEMON, ControlPlane
from midonet_kubernetes.testing.kubelet_pods import AGNHOST, HTTP, PAUSE
from midonet_kubernetes.testing.small_cluster import is_pushed

STATE, DATAPATH = Path("/var/lib/midonet-kube-node"), Path("/run/netns/midonet")
PODS = "/api/v1/namespaces/default/pods"
_SOCKET = "/run/midonet-kube-node/api"
_PLUGINS = ("loopback", "portmap")
_WORKLOADS = ("Deployment", "DaemonSet", "StatefulSet")


class KubeletCluster:
    """Everything that runs, and how a test asks it.

    Args:
        world: a short folder, with the program ``pause`` in it; all files are there but the logs.
        logs: an existing folder.
        built: the folder of Kubernetes' programs; the CNI plugins are in ``../../cni``.
        deploy: the folder of our manifests.
    """

    def __init__(self, world: Path, logs: Path, built: Path, deploy: Path) -> None:
        self.place, self.kernel, self._built, self._deploy = Place("world", world), LinuxKernel(), built, deploy
        self.place.logs.symlink_to(logs)
        self.nodes = underlay.planned(self.place, 2)
        self.programs = Programs(self.place.logs, print)
        plane = world / "plane"
        plane.mkdir()
        self.plane = ControlPlane({name: built / name for name in NAMES}, plane, self.nodes)
        programs = {"containerd": _installed("containerd"), "kubelet": built / "kubelet"}
        self.machines = {
            node.name: ContainerNode(node, self.plane.kubeconfig(f"kubelet-{node.name}"), f"/{world.name}/{node.name}", programs)
            for node in self.nodes
        }

    async def start(self) -> None:
        """Start everything, and wait until both Nodes are ready."""
        underlay.build(self.kernel, self.nodes)
        for node in self.nodes:
            with contextlib.closing(self.kernel.open_namespace(str(node.network))) as namespace:
                namespace.write_sysctl("net.ipv4.ip_forward", "1")  # as Kubernetes wants it; hostPort does not work without
        self.plane.prepare()
        self.client = self.plane.client()
        for program in self.plane.all_programs():
            self.programs.start(program)
        plugins = [self._built.parents[1] / "cni" / name for name in _PLUGINS]
        await asyncio.gather(*(machine.begin(plugins) for machine in self.machines.values()))
        for machine in self.machines.values():
            self.programs.start(machine.containerd())
        await asyncio.gather(self._bring_images(), self._prepare_api())
        self.programs.start(lab_cluster.midonet(self.place, self.nodes))
        self.programs.start(self._as_account(lab_cluster.controllers(self.place, self.nodes), CONTROLLERS))
        for machine in self.machines.values():
            self.programs.start(machine.kubelet())
            self._start_ours(machine)
        await until("two Nodes, known to MidoNet", self._nodes_are_ready, seconds=60)
        await until("the virtual network of two Nodes", self._all_is_pushed, seconds=60)

    async def close(self) -> None:
        """End all programs. Containers and mounts end with the world."""
        if hasattr(self, "client"):
            await self.client.close()
        await self.programs.stop()

    async def _bring_images(self) -> None:
        pause, agnhost = self.place.folder / "pause.tar", self.place.folder / "agnhost.tar"
        programs = {"/agnhost": self._built / "agnhost", "/bin/busybox": _installed("busybox")}
        links = {f"/bin/{name}": "busybox" for name in ("sh", "cat", "nc", "sleep")}
        oci_archive.write(agnhost, AGNHOST, programs, links, ["/agnhost"])
        oci_archive.write(pause, PAUSE, {"/pause": self.place.folder / "pause"}, {}, ["/pause"])
        for machine in self.machines.values():
            await until("containerd", lambda machine=machine: _exists(machine.path(CONTAINERD_SOCKET)))  # type: ignore[misc]
        for archive in (pause, agnhost):
            log = self.place.logs / "images.log"
            await asyncio.gather(*(machine.import_image(archive, log) for machine in self.machines.values()))

    async def _prepare_api(self) -> None:
        await until("the API server", self._answers, seconds=60)
        found = [one for file in sorted(self._deploy.glob("*.yaml")) for one in yaml.safe_load_all(file.read_text()) if one]
        await self.apply(*(one for one in found if one["kind"] not in _WORKLOADS))

    def _as_account(self, program: Program, name: str, **more: str) -> Program:
        environment = {**program.environment, "MIDONETKUBE_KUBECONFIG": str(self.plane.kubeconfig(name)), **more}
        return dataclasses.replace(program, environment=environment)

    def _start_ours(self, machine: ContainerNode) -> None:
        agent = lab_cluster.agent(dataclasses.replace(machine.node, datapath=DATAPATH), self.nodes)
        daemon = self._as_account(
            lab_cluster.node_daemon(self.place, machine.node),
            NODE_DAEMON,
            MIDONETKUBE_CNICONFIGPATH=str(CNI_CONFIGURATIONS / "10-midonet.conflist"),
            MIDONETKUBE_CNIPLUGINDIRECTORY=str(CNI_PLUGINS),
            MIDONETKUBE_NODESOCKET=_SOCKET,
            MIDONETKUBE_NODESTATE=str(STATE),
            MIDONETKUBE_DATAPATHNAMESPACE=str(DATAPATH),
        )
        self.programs.start(machine.program("minimidonet-agent", agent.argv))
        self.programs.start(machine.program("midonet-kube-node", daemon.argv, daemon.environment))

    async def _answers(self) -> bool:
        try:
            await self.client.send("GET", "/readyz")
        except ApiError:
            return False
        return True

    async def _nodes_are_ready(self) -> bool:
        """Whether both kubelets say so of their Nodes, and our controllers have found their hosts."""
        nodes = (await self.read("/api/v1/nodes"))["items"]
        return len(self.nodes) == sum(_is_ready(node) and HOST_ID in node["metadata"]["annotations"] for node in nodes)

    async def _all_is_pushed(self) -> bool:
        return all(is_pushed(one) for one in await self.client.list(TRANSLATION))

    async def read(self, path: str) -> Any:
        """What the API server answers, as administrator."""
        return json.loads((await self.client.send("GET", path)).body)

    async def apply(self, *objects: Mapping[str, Any]) -> None:
        """Create or change objects."""
        await self.kubectl("apply", "-f", "-", given=yaml.safe_dump_all(objects))

    async def kubectl(self, *words: str, given: str = "") -> str:
        """What kubectl prints.

        Raises:
            AssertionError: it fails; with what it said.
        """
        argv = [str(self._built / "kubectl"), f"--kubeconfig={self.plane.kubeconfig(ADMIN)}"]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *argv, f"--cache-dir={self.place.folder / 'kubectl'}", *words, stdin=pipe, stdout=pipe, stderr=pipe
        )
        output, complaints = await process.communicate(given.encode())
        assert process.returncode == 0, f"kubectl {words}: {complaints.decode()}"
        return output.decode()

    async def pods(self, app: str = "") -> dict[str, dict[str, Any]]:
        """Pods by name.

        Args:
            app: only those with this label.
        """
        query = f"?labelSelector=app%3D{app}" if app else ""
        return {pod["metadata"]["name"]: pod for pod in (await self.read(PODS + query))["items"]}

    async def until_ready(self, *names: str) -> None:
        """Wait for these pods."""

        async def look() -> bool:
            found = await self.pods()
            waiting = {name: found.get(name, {}).get("status") for name in names if not _is_ready(found.get(name, {}))}
            assert not waiting, waiting
            return True

        await until(f"ready pods {names}", look, seconds=60, every=0.2)

    async def dial(
        self, pod: str, address: str, port: int, request: str = "hostname", *, protocol: str = "http", tries: int = 1
    ) -> list[str]:
        """What a ``kubelet_pods.web`` is answered when it asks somebody; an error is an answer that begins with ``error``."""
        query = urlencode({"host": address, "port": port, "request": request, "protocol": protocol, "tries": tries})
        said = await self.read(f"{PODS}/{pod}:{HTTP}/proxy/dial?{query}")
        return [*said.get("responses", []), *(f"error: {error}" for error in said.get("errors", []))]

    async def kill(self, name: str, node: str) -> None:
        """Kill a program of a node with SIGKILL, and wait until it runs again."""
        running = self.programs.running[f"{name}-{node}"]
        before = running.restarts
        os.kill(running.pid, signal.SIGKILL)

        async def again() -> bool:
            return running.restarts > before and running.pid != 0

        await until(f"{name} again", again)


def _installed(name: str) -> Path:
    found = shutil.which(name)
    assert found is not None, f"{name} is not installed"
    return Path(found)


async def _exists(path: Path) -> bool:
    return path.exists()  # noqa: ASYNC240 - a file system in memory


def _is_ready(thing: Mapping[str, Any]) -> bool:
    conditions = thing.get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
