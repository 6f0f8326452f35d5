"""A world of its own, with the kernel."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from midonet_kubernetes.lab.isolation import isolated

pytestmark = pytest.mark.kernel

ORPHANS = """
import os, sys, time
from pathlib import Path
from midonet_kubernetes.lab.isolation import isolated

def lab():
    if os.fork() == 0:
        if os.fork() == 0:  # a grandchild that nobody waits for
            os.read(os.pipe()[0], 1)
        os._exit(0)
    print(Path("/proc/self/ns/pid").readlink(), flush=True)
    sys.stdin.readline()
    return 7

sys.exit(isolated(lab, Path(sys.argv[1])))
"""


def processes_in(world):
    found = []
    for process in Path("/proc").iterdir():
        try:
            found += [process.name] if process.name.isdecimal() and str((process / "ns/pid").readlink()) == world else []
        except OSError:
            continue
    return found


@pytest.fixture
def started(tmp_path):
    argv = [sys.executable, "-c", ORPHANS, str(tmp_path)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process, process.stdout.readline().strip()
        process.kill()


def test_its_exit_code_is_the_labs_and_orphans_go_with_it(started):
    process, world = started
    assert processes_in(world)
    process.communicate("\n")
    assert process.returncode == 7
    assert processes_in(world) == []


def test_when_the_command_is_killed_everything_in_it_dies(started):
    process, world = started
    process.send_signal(signal.SIGKILL)
    process.wait()
    while processes_in(world):  # the kernel takes a moment; a process that stays hangs the test
        os.sched_yield()


def test_mounts_and_links_made_inside_are_not_seen_outside(tmp_path):
    def lab():
        (tmp_path / "inside").write_text("")
        return int(Path("/proc/net/dev").read_text().count(":") != 1)  # its own loopback and nothing else

    assert isolated(lab, tmp_path) == 0
    assert list(tmp_path.iterdir()) == []


def test_a_lab_that_raises_ends_with_1(tmp_path, capfd):
    def lab():
        raise LookupError("lost")

    assert isolated(lab, tmp_path) == 1
    assert "lost" in capfd.readouterr().err
