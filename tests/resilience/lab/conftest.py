"""A lab as a person has it: on a terminal, with other terminals beside it."""

from __future__ import annotations

import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from midonet_kubernetes.lab.state import place

COMMAND = str(Path(sys.executable).parent / "midonet-kube")
PATIENCE = 90.0


class RunningLab:
    """One lab; ``run`` is another terminal."""

    command, python = COMMAND, sys.executable

    def __init__(self, name, *arguments):
        self.name, self.place = name, place(name)
        self._terminal, inner = pty.openpty()
        self.process = subprocess.Popen([COMMAND, "lab", "--name", name, *arguments], stdin=inner, stdout=inner, stderr=inner)
        os.close(inner)
        self.shown = ""

    def wait_until_shown(self, text):
        deadline = time.monotonic() + PATIENCE
        while text not in self.shown:
            assert time.monotonic() < deadline, self.shown
            self.read()
        return self

    def read(self, timeout=0.5):
        if select.select([self._terminal], [], [], timeout)[0]:
            try:
                self.shown += os.read(self._terminal, 65536).decode(errors="replace")
            except OSError:  # the lab has closed its end
                return

    def run(self, action, *arguments):
        return subprocess.run(
            [COMMAND, "lab", action, "--name", self.name, *arguments],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )

    def status(self):
        return json.loads(self.run("status", "-o", "json").stdout)

    def programs(self):
        return {program["name"]: program for program in self.status()["programs"]}

    def check(self, patience=10):
        """Rows that are not green, with what they say."""
        done = self.run("check", "-o", "json", "--patience", str(patience))
        assert done.stdout, done.stderr
        return [verdict for verdict in json.loads(done.stdout) if verdict["passed"] is False]

    def wait(self):
        """Its end, with whatever it says until then; its exit code."""
        deadline = time.monotonic() + PATIENCE
        while self.process.poll() is None:
            assert time.monotonic() < deadline, self.shown
            self.read(0.05)
        return self.process.returncode

    def is_gone(self, world):
        """No process of that process namespace, no file; waits for what the kernel is still taking down."""
        deadline = time.monotonic() + 10
        while self._processes_in(world) and time.monotonic() < deadline:
            os.sched_yield()
        down = self.run("down")
        assert (down.returncode, down.stderr) == (0, "")
        return (
            not self._processes_in(world)
            and not self.place.folder.exists()
            and not self.place.folder.with_suffix(".lock").exists()
        )

    @staticmethod
    def _processes_in(world):
        found = []
        for process in Path("/proc").iterdir():
            try:
                if process.name.isdecimal() and str((process / "ns/pid").readlink()) == world:
                    found.append(int(process.name))
            except OSError:
                continue
        return found

    def close(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        subprocess.run([COMMAND, "lab", "down", "--name", self.name], check=True, capture_output=True)
        os.close(self._terminal)


@pytest.fixture
def name(request):
    return f"t{os.getpid()}-{abs(hash(request.node.nodeid)) % 10000}"


@pytest.fixture
def start(name):
    labs = []

    def begin(*arguments, suffix=""):
        labs.append(RunningLab(name + suffix, *arguments))
        return labs[-1]

    yield begin
    for lab in labs:
        lab.close()
