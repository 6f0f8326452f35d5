"""One pod of the lab: a network namespace, attached by the CNI plugin, with a program in it that answers."""

from __future__ import annotations

import asyncio
import os
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from midonet_kubernetes.errors import MidonetKubeError
from midonet_kubernetes.lab import answering
from midonet_kubernetes.lab.cni_runtime import Attachment, CniRuntime
from midonet_kubernetes.lab.programs import spawn
from midonet_kubernetes.linux.kernel import Kernel
from midonet_kubernetes.model.kubernetes import Pod
from midonet_kubernetes.topology.host_network import Link

PATIENCE = 10.0  # seconds for the answering program to listen


@dataclass
class Sandbox:
    """A pod that has been started.

    Args:
        pod: as it was when it was started.
        network: file of its network namespace.
        address: its IPv4 address.
    """

    pod: Pod
    network: Path
    address: str
    attachment: Attachment | None = None  # None: the pod uses its node's network
    process: asyncio.subprocess.Process | None = field(default=None, repr=False)


def ports_of(pod: Pod) -> list[int]:
    """Every port that its containers name."""
    return sorted({port.container_port for container in pod.spec.containers for port in container.ports})


async def answer(name: str, ports: list[int], network: Path, log: Path) -> asyncio.subprocess.Process:
    """Start the program that answers with ``name``; it listens when this returns.

    Raises:
        MidonetKubeError: it does not listen, because a port is taken, say.
    """
    reader, writer = os.pipe()
    try:
        with log.open("ab") as errors:
            argv = [sys.executable, "-I", "-S", answering.__file__, name, str(writer), *map(str, ports)]
            process = await spawn(argv, network, inherited=(writer,), stdout=errors, stderr=errors)
        os.close(writer)
        writer = -1
        listening = await asyncio.wait_for(asyncio.to_thread(os.read, reader, 1), PATIENCE)
        if not listening:
            raise MidonetKubeError(f"{name} cannot listen on {ports}; see {log}")
        return process
    finally:
        os.close(reader)
        if writer >= 0:
            os.close(writer)


async def start(pod: Pod, namespaces: Path, kernel: Kernel, cni: CniRuntime, log: Path) -> Sandbox:
    """Make the pod's namespace, attach it, and start what answers in it. A part that is there already is taken down first.

    Raises:
        CniError: the plugin refused.
        MidonetKubeError: the pod's program does not listen.
    """
    network = namespaces / f"pod-{pod.metadata.uid}"
    attachment = Attachment(container=pod.metadata.uid, namespace=network, pod=pod.metadata.key, uid=pod.metadata.uid)
    await _discard(network, attachment, kernel, cni)
    namespace = kernel.create_namespace(str(network))
    try:
        routing = kernel.routing(namespace)
        routing.set_link(Link("lo"))
        routing.close()
    finally:
        namespace.close()
    result = await cni.add(attachment)
    address = result["ips"][0]["address"].partition("/")[0]
    sandbox = Sandbox(pod, network, address, attachment)
    sandbox.process = await answer(pod.metadata.name, ports_of(pod), network, log)
    return sandbox


async def stop(sandbox: Sandbox, kernel: Kernel, cni: CniRuntime) -> None:
    """End the pod's program and take everything of it down.

    Raises:
        CniError: the plugin refused; call it again later.
    """
    if sandbox.process is not None:
        with suppress(ProcessLookupError):
            sandbox.process.kill()
        await sandbox.process.wait()
    if sandbox.attachment is not None:
        await _discard(sandbox.network, sandbox.attachment, kernel, cni)


async def _discard(network: Path, attachment: Attachment, kernel: Kernel, cni: CniRuntime) -> None:
    if network.exists():  # noqa: ASYNC240 - one look at a file system in memory
        await cni.delete(attachment)
        kernel.remove_namespace(str(network))
