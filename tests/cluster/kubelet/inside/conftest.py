"""Two nodes with real kubelets on our network. Runs inside of the world that the outer ``conftest.py`` makes."""

import asyncio
import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from urllib.parse import urlencode

import msgspec
import pytest
import pytest_asyncio
import yaml

from midonet_kubernetes.errors import ApiError, NotFound
from midonet_kubernetes.lab import cluster as lab_cluster
from midonet_kubernetes.lab import underlay
from midonet_kubernetes.lab.programs import Programs, spawn
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.testing import oci_archive
from midonet_kubernetes.testing.background import until
from midonet_kubernetes.testing.container_node import CNI_CONFIGURATIONS, CNI_PLUGINS, PAUSE, ContainerNode
from midonet_kubernetes.testing.control_plane import CONTROLLERS, NAMES, NODE_DAEMON, ControlPlane

DEPLOY = Path(__file__).parents[4] / "deploy"
AGNHOST = "localhost/agnhost:1"
PODS = "/api/v1/namespaces/default/pods"
STATE, SOCKET, DATAPATH = "/var/lib/midonet-kube-node", "/run/midonet-kube-node/api", "/run/netns/midonet"
CHAINED = ("loopback", "portmap")


class Cluster:
    """Everything that runs, and how a test asks it."""

    def __init__(self, world, logs, built):
        self.place, self.kernel, self.said = Place("world", world), LinuxKernel(), []
        self.place.logs.symlink_to(logs)
        self.built = built
        self.nodes = underlay.planned(self.place, 2)
        self.programs = Programs(self.place.logs, self.said.append)
        plane = world / "plane"
        plane.mkdir()
        self.plane = ControlPlane({name: built / name for name in (*NAMES, "kubectl")}, plane, self.nodes)
        found = {"containerd": Path(shutil.which("containerd")), "kubelet": built / "kubelet"}
        self.machines = {
            node.name: ContainerNode(node, self.plane.kubeconfig(f"kubelet-{node.name}"), f"/{world.name}/{node.name}", found)
            for node in self.nodes
        }

    async def start(self):
        underlay.build(self.kernel, self.nodes)
        for node in self.nodes:
            with contextlib.closing(self.kernel.open_namespace(str(node.network))) as namespace:
                namespace.write_sysctl("net.ipv4.ip_forward", "1")  # as Kubernetes demands; portmap needs it
        self.plane.prepare()
        for program in self.plane.all_programs():
            self.programs.start(program)
        plugins = [self.built.parents[1] / "cni" / name for name in CHAINED]
        await asyncio.gather(*(machine.begin(plugins) for machine in self.machines.values()))
        for machine in self.machines.values():
            self.programs.start(machine.containerd())
        self.client = self.plane.client()
        await asyncio.gather(self._images(), self._apis())
        self.programs.start(lab_cluster.midonet(self.place, self.nodes))
        self.programs.start(self._with_kubeconfig(lab_cluster.controllers(self.place, self.nodes), CONTROLLERS))
        for name, machine in self.machines.items():
            self.programs.start(machine.kubelet())
            self._start_ours(name)
        await until("two ready nodes", self.nodes_are_ready, seconds=60)

    async def _images(self):
        """containerd gets the images as soon as it runs."""
        pause, agnhost = self.place.folder / "pause.tar", self.place.folder / "agnhost.tar"
        programs = {"/agnhost": self.built / "agnhost", "/bin/busybox": Path(shutil.which("busybox"))}
        links = {f"/bin/{name}": "busybox" for name in ("sh", "cat", "date", "nc", "sleep")}
        oci_archive.write(agnhost, AGNHOST, programs, links, ["/agnhost"])
        oci_archive.write(pause, PAUSE, {"/pause": self.place.folder / "pause"}, {}, ["/pause"])
        for machine in self.machines.values():
            await until("containerd", lambda machine=machine: exists(machine.path(Path("/run/containerd/containerd.sock"))))
        for archive in (pause, agnhost):
            log = self.place.logs / "images.log"
            await asyncio.gather(*(machine.import_image(archive, log) for machine in self.machines.values()))

    async def _apis(self):
        await until("the API server", self.answers, seconds=60)
        documents = [one for file in sorted(DEPLOY.glob("*.yaml")) for one in yaml.safe_load_all(file.read_text()) if one]
        await self.apply(*(one for one in documents if one["kind"] not in {"Deployment", "DaemonSet", "StatefulSet"}))

    def _with_kubeconfig(self, program, name, **more):
        environment = {**program.environment, "MIDONETKUBE_KUBECONFIG": str(self.plane.kubeconfig(name)), **more}
        return dataclasses.replace(program, environment=environment)

    def _start_ours(self, name):
        """Our programs on a node, in its own file systems, with settings as in ``deploy/node.yaml``."""
        machine = self.machines[name]
        node = machine.node
        agent = lab_cluster.agent(dataclasses.replace(node, datapath=Path(DATAPATH)), self.nodes)
        daemon = self._with_kubeconfig(
            lab_cluster.node_daemon(self.place, node),
            NODE_DAEMON,
            MIDONETKUBE_CNICONFIGPATH=str(CNI_CONFIGURATIONS / "10-midonet.conflist"),
            MIDONETKUBE_CNIPLUGINDIRECTORY=str(CNI_PLUGINS),
            MIDONETKUBE_NODESOCKET=SOCKET,
            MIDONETKUBE_NODESTATE=STATE,
            MIDONETKUBE_DATAPATHNAMESPACE=DATAPATH,
        )
        self.programs.start(machine.program("agent", agent.argv))
        self.programs.start(machine.program("midonet-kube-node", daemon.argv, daemon.environment))

    async def answers(self):
        try:
            return (await self.client.send("GET", "/readyz")).status == 200
        except ApiError:
            return False

    async def nodes_are_ready(self):
        ready = []
        for node in (await self.read("/api/v1/nodes"))["items"]:
            ready += [one for one in node["status"]["conditions"] if one["type"] == "Ready" and one["status"] == "True"]
        return len(ready) == len(self.nodes)

    async def read(self, path):
        return json.loads((await self.client.send("GET", path)).body)

    async def apply(self, *objects):
        text = yaml.safe_dump_all(objects)
        return await self.kubectl("apply", "-f", "-", given=text)

    async def kubectl(self, *words, given=""):
        """What kubectl prints."""
        argv = [str(self.built / "kubectl"), f"--kubeconfig={self.plane.kubeconfig('admin')}"]
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            *argv, f"--cache-dir={self.place.folder / 'kubectl'}", *words, stdin=pipe, stdout=pipe, stderr=pipe
        )
        output, complaints = await process.communicate(given.encode())
        assert process.returncode == 0, f"kubectl {words}: {complaints.decode()}"
        return output.decode()

    async def pods(self, labels=""):
        """Pods by name."""
        query = f"?labelSelector={labels}" if labels else ""
        return {pod["metadata"]["name"]: pod for pod in (await self.read(PODS + query))["items"]}

    async def ready(self, *names):
        """Wait until these pods are ready; they, by name."""

        async def look():
            found = await self.pods()
            waiting = [name for name in names if not is_ready(found.get(name))]
            assert not waiting, {name: found.get(name, {}).get("status") for name in waiting}
            return {name: found[name] for name in names}

        return await until(f"pods {names}", look, seconds=60, every=0.2)

    async def dial(self, pod, address, port, request="hostname", *, protocol="http", tries=1):
        """What a pod is answered when it asks there; an error is one of the answers."""
        query = urlencode({"host": address, "port": port, "request": request, "protocol": protocol, "tries": tries})
        said = await self.read(f"{PODS}/{pod}:8080/proxy/dial?{query}")
        return [*said.get("responses", []), *(f"error: {error}" for error in said.get("errors", []))]

    async def restart(self, name, node):
        """Kill a program of a node with SIGKILL, and wait until it runs again."""
        running = self.programs.running[f"{name}-{node}"]
        before = running.restarts
        os.kill(running.pid, signal.SIGKILL)

        async def again():
            return running.restarts > before and running.pid

        await until(f"{name} again", again)

    def in_machine(self, node, path):
        """How a test reaches a node's file."""
        return self.machines[node].path(Path(path))

    async def close(self):
        if hasattr(self, "client"):
            await self.client.close()
        await self.programs.stop()


async def exists(path):
    return path.exists()


def is_ready(pod):
    conditions = (pod or {}).get("status", {}).get("conditions", [])
    return any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def cluster():
    running = Cluster(Path(os.environ["WORLD"]), Path(os.environ["LOGS"]), Path(os.environ["BUILT"]))
    try:
        await running.start()
        yield running
    finally:
        await running.close()
