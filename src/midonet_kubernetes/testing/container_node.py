"""A node as a kubelet finds it: containerd, runc and CNI plugins, in the network namespace that the lab gives it.

Several are on one machine, so what a machine has once is each one's own: ``/run``, ``/var/lib``, ``/var/log`` and the kernel
settings that kubelet writes are mounted for it alone, and its containers are in control groups under ``cgroup``.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from midonet_kubernetes.lab.programs import Program, spawn
from midonet_kubernetes.lab.underlay import LabNode
from midonet_kubernetes.testing.kubelet_pods import PAUSE

CNI_PLUGINS, CNI_CONFIGURATIONS = Path("/run/cni/bin"), Path("/run/cni/net.d")
CONTAINERD_SOCKET = Path("/run/containerd/containerd.sock")
CONTROL_GROUPS = Path("/sys/fs/cgroup")
KUBELET_PORT = 10250
# What kubelet demands of the kernel (1.35: pkg/util/sysctl). It finds these, and what it writes reaches files of its node.
_TUNABLES = {
    "vm/overcommit_memory": "1",
    "vm/panic_on_oom": "0",
    "kernel/panic": "10",
    "kernel/panic_on_oops": "1",
    "kernel/keys/root_maxkeys": "1000000",
    "kernel/keys/root_maxbytes": "25000000",
}
_OWN_FOLDERS = ("/run", "/var/lib", "/var/log")
_CONTAINERD = f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
[grpc]
  address = "{CONTAINERD_SOCKET}"
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "{PAUSE}"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "{CNI_PLUGINS}"
    conf_dir = "{CNI_CONFIGURATIONS}"
"""


@dataclass
class ContainerNode:
    """One node.

    Args:
        node: of the lab; its network namespace is there.
        kubeconfig: with which its kubelet reaches the API server.
        cgroup: below which its control groups are, as ``/name/of/node``.
        programs: ``containerd`` and ``kubelet``, by name.
    """

    node: LabNode
    kubeconfig: Path
    cgroup: str
    programs: Mapping[str, Path]
    _holder: asyncio.subprocess.Process | None = field(default=None, repr=False)

    async def begin(self, plugins: Sequence[Path]) -> None:
        """Mount what is its own, and make its control groups.

        Args:
            plugins: CNI plugins that are on the node from the start.

        Raises:
            AssertionError: something could not be mounted.
        """
        for hierarchy in control_groups(self.cgroup):
            _make_control_group(hierarchy)
        kernel = self.node.files / "kernel"
        mounts = [f"mount -t tmpfs tmpfs {folder}" for folder in _OWN_FOLDERS]
        for path, value in _TUNABLES.items():
            file = kernel / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f"{value}\n", encoding="ascii")
            mounts.append(f"mount --bind {file} /proc/sys/{path}")
        script = " && ".join([*mounts, f"mkdir -p {CNI_PLUGINS} {CNI_CONFIGURATIONS} /run/netns", "echo ready", "exec cat"])
        argv = ["unshare", "--mount", "--propagation", "private", "sh", "-c", script]
        pipe = asyncio.subprocess.PIPE
        self._holder = await spawn(argv, self.node.network, stdin=pipe, stdout=pipe, stderr=None)
        assert self._holder.stdout is not None
        assert await self._holder.stdout.readline() == b"ready\n", f"{self.node.name}: its file systems cannot be mounted"
        for plugin in plugins:
            shutil.copy(plugin, self.path(CNI_PLUGINS / plugin.name))

    def path(self, inside: Path) -> Path:
        """How we reach a file of the node."""
        assert self._holder is not None
        return Path(f"/proc/{self._holder.pid}/root") / inside.relative_to("/")

    def program(self, name: str, argv: Sequence[str | Path], environment: Mapping[str, str] | None = None) -> Program:
        """A program that runs on the node."""
        assert self._holder is not None
        words = ["nsenter", f"--mount=/proc/{self._holder.pid}/ns/mnt", *map(str, argv)]
        return Program(f"{name}-{self.node.name}", words, self.node.network, environment or {})

    def containerd(self) -> Program:
        """The container runtime."""
        configuration = self.node.files / "containerd.toml"
        configuration.write_text(_CONTAINERD, encoding="ascii")
        return self.program("containerd", [self.programs["containerd"], "--config", configuration])

    def kubelet(self) -> Program:
        """The kubelet, which registers the Node itself."""
        configuration = self.node.files / "kubelet.json"
        configuration.write_text(json.dumps(self._kubelet_configuration()), encoding="ascii")
        argv: list[str | Path] = [
            self.programs["kubelet"],
            f"--config={configuration}",
            f"--kubeconfig={self.kubeconfig}",
            f"--hostname-override={self.node.name}",
            f"--node-ip={self.node.address}",
            "--cert-dir=/var/lib/kubelet/pki",
            "--oom-score-adj=0",  # lower ones need CAP_SYS_RESOURCE
        ]
        return self.program("kubelet", argv)

    def _kubelet_configuration(self) -> dict[str, object]:
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "address": self.node.address,
            "port": KUBELET_PORT,
            "containerRuntimeEndpoint": f"unix://{CONTAINERD_SOCKET}",
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": self.cgroup,
            "failCgroupV1": False,
            "failSwapOn": False,
            "enforceNodeAllocatable": ["none"],
            "evictionHard": {"memory.available": "1Mi", "nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
            "resolvConf": "",
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
        }

    async def import_image(self, archive: Path, log: Path) -> None:
        """Give containerd an image.

        Raises:
            AssertionError: it does not take it.
        """
        argv: list[str | Path] = ["ctr", f"--address={CONTAINERD_SOCKET}", "--namespace=k8s.io", "images", "import", archive]
        program = self.program("ctr", argv)
        with log.open("ab") as output:
            process = await spawn(program.argv, program.namespace, stdout=output, stderr=output)
            assert await process.wait() == 0, f"{self.node.name} does not take {archive.name}: {log}"


def control_groups(path: str) -> list[Path]:
    """A control group in each hierarchy of version 1."""
    hierarchies = [folder for folder in CONTROL_GROUPS.iterdir() if folder.is_dir() and folder.name != "unified"]
    return [hierarchy / path.lstrip("/") for hierarchy in hierarchies if not hierarchy.is_symlink()]


def _make_control_group(folder: Path) -> None:
    """Make it with its parents; a new group of the cpuset hierarchy has no processors at first."""
    if folder.parent != CONTROL_GROUPS and not folder.parent.is_dir():
        _make_control_group(folder.parent)
    folder.mkdir(exist_ok=True)
    for name in ("cpuset.cpus", "cpuset.mems"):
        if (folder / name).exists():
            (folder / name).write_text((folder.parent / name).read_text(encoding="ascii"), encoding="ascii")


def remove_control_groups(path: str) -> list[str]:
    """Take control groups away with all in them; no process may be in them any more.

    Returns:
        Those that could not be removed.
    """
    stayed = []
    for group in control_groups(path):
        for folder, _, _ in os.walk(group, topdown=False):
            try:
                Path(folder).rmdir()
            except OSError as error:
                stayed.append(f"{folder}: {error}")
    return stayed
