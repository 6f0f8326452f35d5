"""Runs the claims of ``inside`` once, in a world of its own, and has each test here tell the outcome of one."""

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from midonet_kubernetes.lab.isolation import isolated
from midonet_kubernetes.lab.state import try_lock
from midonet_kubernetes.testing import kubernetes_programs
from midonet_kubernetes.testing.container_node import CONTROL_GROUPS, remove_control_groups

INSIDE = Path(__file__).parent / "inside"
PAUSE = Path(__file__).with_name("pause.c")
BUILT = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kubectl", "agnhost")
INSTALLED = ("containerd", "ctr", "runc", "busybox", "openssl", "nsenter", "gcc")
PREFIX = "kubelet-"
LONGEST = 400  # seconds; far more than it takes


def built():
    """The folder with all of the real programs."""
    folders = [found.api_server.parent for found in kubernetes_programs.find()]
    return next((folder for folder in folders if all((folder / name).exists() for name in BUILT)), None)


def missing():
    """Why it cannot run here, "" when it can."""
    if os.geteuid() != 0:
        return "containers need root here"
    folder = built()
    if folder is None:
        return f"no {', '.join(BUILT)}: run `make kubernetes` once"
    if not (folder.parents[1] / "cni" / "loopback").exists():
        return "no loopback among the CNI plugins: run `make kubernetes` once"
    absent = [name for name in INSTALLED if not shutil.which(name)]
    if absent:
        return f"not installed: {', '.join(absent)} (Debian: containerd, runc, busybox-static)"
    return "" if (CONTROL_GROUPS / "memory").is_dir() else "the test's kubelets use control groups of version 1"


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory):
    """What came of each claim: "" if it holds, else why not."""
    if reason := missing():
        pytest.skip(reason)
    remove_left_worlds()
    results = tmp_path_factory.mktemp("kubelet")
    world = Path(tempfile.mkdtemp(prefix=PREFIX))  # a short name: it is part of sockets' paths
    with (world / "lock").open("w") as lock:
        assert try_lock(lock.fileno(), lock.name)
        try:
            return run(world, results)
        finally:
            remove(world)


def remove_left_worlds():
    """Remove what a killed run has left: nobody holds its lock any more."""
    for world in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError), (world / "lock").open("r") as lock:
            if try_lock(lock.fileno(), lock.name):
                remove(world)


def remove(world):
    shutil.rmtree(world)
    assert remove_control_groups(f"/{world.name}") == []


def run(world, results):
    (world / "netns").mkdir()
    subprocess.run(["gcc", "-static", "-Os", "-o", world / "pause", PAUSE], check=True)
    environment = {**os.environ, "WORLD": str(world), "LOGS": str(results), "BUILT": str(built())}
    argv = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", f"--junitxml={results / 'outcomes.xml'}"]
    argv += ["-o", "python_files=claims.py", "-o", "junit_family=xunit2", "--tb=short", "--durations=12", str(INSIDE)]

    def inside():
        with (results / "pytest.log").open("wb") as log, contextlib.suppress(subprocess.TimeoutExpired):
            return subprocess.run(argv, env=environment, stdout=log, stderr=log, timeout=LONGEST, check=False).returncode
        return 1

    isolated(inside, world / "netns")
    told = results / "outcomes.xml"
    assert told.exists(), f"{results}: {(results / 'pytest.log').read_text()[-4000:]}"
    found = {}
    for case in ET.parse(told).getroot().iter("testcase"):
        bad = [child for child in case if child.tag in {"failure", "error", "skipped"}]
        found[case.get("name")] = "\n".join(f"{child.tag}: {child.get('message')}\n{child.text or ''}" for child in bad)
    return found
