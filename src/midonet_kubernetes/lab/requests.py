"""What other terminals can ask of a running lab; ``control`` carries it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeVar

from midonet_kubernetes.errors import ApiError, MidonetKubeError, UserError
from midonet_kubernetes.kubernetes_api.kinds import ENDPOINT_SLICE, NODE, POD, SERVICE, TRANSLATION, Kind, raw
from midonet_kubernetes.lab import cluster, manifests
from midonet_kubernetes.lab.check import probe
from midonet_kubernetes.lab.check.facts import Facts, gather
from midonet_kubernetes.lab.check.plan import plan
from midonet_kubernetes.lab.check.run import check
from midonet_kubernetes.lab.check.verdict import Verdict
from midonet_kubernetes.lab.control import Say
from midonet_kubernetes.lab.programs import spawn
from midonet_kubernetes.lab.running import Lab, ready
from midonet_kubernetes.model.kubernetes import Node

T = TypeVar("T")

EXPORTED = tuple(
    raw(kind.api_version, kind.kind, kind.plural, namespaced=kind.namespaced) for kind in (NODE, POD, SERVICE, ENDPOINT_SLICE)
)
PATIENCE = 10.0  # seconds for an API server that is away
PAUSE = 0.2  # seconds between two tries to reach an API server that is away


class Requests:
    """Answers requests about a lab."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    async def handle(self, request: Mapping[str, Any], descriptors: list[int], say: Say) -> dict[str, Any]:
        """Do what is asked.

        Raises:
            MidonetKubeError: it cannot be done; the message is for the caller.
        """
        match request.get("do"):
            case "status":
                return {"code": 0, "status": await self.status()}
            case "check":
                verdicts = await self.check(float(request["patience"]))
                failed = any(verdict.passed is False for verdict in verdicts)
                return {"code": int(failed), "verdicts": [verdict.as_dict() for verdict in verdicts]}
            case "export":
                return {"code": 0, "objects": await self._export()}
            case "apply":
                await manifests.apply(self._lab.client, request["objects"], say, self._lab.ownership)
            case "delete":
                await manifests.delete(self._lab.client, request["objects"], say, self._lab.ownership)
            case "exec":
                return {"code": await self._exec(request, descriptors)}
            case "down":
                self._lab.stop.set()
            case other:
                raise UserError(
                    f"this lab does not know the request {other!r}: it was started by another version of midonet-kube"
                )
        return {"code": 0}

    async def check(self, patience: float) -> list[Verdict]:
        """Try every path of the cluster as it is now; see ``check.run.check``."""
        return await check(plan(await self._facts(patience)), self._probe, patience=patience)

    async def _facts(self, patience: float) -> Facts:
        nodes, services = await self._nodes(patience), await self._list(SERVICE, patience)
        names = {node.metadata.name for node in nodes}
        pods = [pod for pod in await self._list(POD, patience) if pod.spec.node_name in names]
        return gather(nodes, pods, services, await self._list(ENDPOINT_SLICE, patience), node_port=cluster.NODE_PORT)

    async def _nodes(self, patience: float = PATIENCE) -> list[Node]:
        """The lab's; a real cluster may have others."""
        names = {node.name for node in self._lab.nodes}
        return [node for node in await self._list(NODE, patience) if node.metadata.name in names]

    async def _list(self, kind: Kind[T], patience: float = PATIENCE) -> Sequence[T]:
        """All objects; an API server that is being started again is waited for."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + patience
        while True:
            try:
                return await self._lab.client.list(kind)
            except ApiError:
                if loop.time() > deadline:
                    raise
                await asyncio.sleep(PAUSE)

    async def _probe(self, source: str, probes: list[dict[str, Any]]) -> list[dict[str, Any]]:
        pipe = asyncio.subprocess.PIPE
        argv = [sys.executable, "-I", "-S", probe.__file__]
        process = await spawn(argv, self._lab.network_of(source), stdin=pipe, stdout=pipe, stderr=pipe)
        output, errors = await process.communicate(json.dumps(probes).encode())
        if process.returncode != 0:
            raise MidonetKubeError(f"probing from {source} failed: {errors.decode(errors='replace').strip()}")
        found: list[dict[str, Any]] = json.loads(output)
        return found

    async def status(self) -> dict[str, Any]:
        """Programs, nodes and pods, for people and machines."""
        lab, now = self._lab, asyncio.get_running_loop().time()
        nodes = await self._nodes()
        return {
            "name": lab.place.name,
            "supervisor": str(Path("/proc/self/ns/pid").readlink()),  # noqa: ASYNC240 - no disk behind it
            "folder": str(lab.place.folder),
            "kubeconfig": str(lab.place.kubeconfig),
            "programs": [running.as_dict(now) for running in lab.programs.running.values()],
            "nodes": [
                {
                    "name": node.metadata.name,
                    "address": next((address.address for address in node.status.addresses if address.type == "InternalIP"), ""),
                    "podCIDR": node.spec.pod_cidr,
                    "ready": ready(node),
                }
                for node in nodes
            ],
            "pods": [
                {"name": pod.metadata.key, "node": pod.spec.node_name, "address": pod.status.pod_ip, "ready": ready(pod)}
                for pod in sorted(lab.kubelet.pods.store.values(), key=lambda pod: pod.metadata.key)
            ],
            "translations": len(await self._list(TRANSLATION)),
            "lastPodFailure": lab.kubelet.last_failure,
        }

    async def _export(self) -> list[dict[str, Any]]:
        """All objects that Translations are made of, whole."""
        return [object_ for kind in EXPORTED for object_ in await self._list(kind)]

    async def _exec(self, request: Mapping[str, Any], descriptors: list[int]) -> int:
        """Run a command with the caller's streams; when the caller goes, the command is ended."""
        if len(descriptors) != 3:
            raise UserError("exec needs the caller's three standard streams")
        network = self._lab.network_of(request["where"])
        environment = {
            **request["environment"],
            "KUBECONFIG": str(cluster.inside_kubeconfig(self._lab.place)),
            "PATH": f"{cluster.PROGRAMS}:{request['environment'].get('PATH', os.defpath)}",
        }
        stdin, stdout, stderr = descriptors
        try:
            process = await spawn(request["argv"], network, environment=environment, stdin=stdin, stdout=stdout, stderr=stderr)
        except OSError as error:
            raise UserError(f"{request['argv'][0]}: {error.strerror}") from None
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
        return code if code >= 0 else 128 - code
