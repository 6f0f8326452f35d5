"""Plugin and daemon killed between system calls of ADD and DEL: what kubelet does then works, and nothing is left.

``NODE_DEATHS_EVERY`` says how many steps into or out of system calls lie between one death of the daemon and the next.
1 tries each of them, and each of the plugin's.
"""

import contextlib
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from midonet_kubernetes.node.state import State

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

KILLER = Path(__file__).with_name("killer.py")
EVERY = int(os.environ.get("NODE_DEATHS_EVERY", "200"))
OPERATIONS = ["ADD", "DEL"]


@contextlib.contextmanager
def doomed(pid, steps):
    """The process dies after so many steps, or the block ends first."""
    with subprocess.Popen([sys.executable, "-I", "-S", KILLER, str(pid), str(steps)], stdout=subprocess.PIPE) as killer:
        assert killer.stdout.readline() == b"watching\n"
        yield
        killer.kill()


class World:
    """A node, and the containers of one Pod: the one that an operation dies for, and the next one."""

    def __init__(self, node, namespaces):
        self.node, self.before = node, node.outside()
        self.old, self.new = namespaces("old"), namespaces("new")

    def prepare(self, operation):
        if operation == "DEL":
            self.node.add("c1", self.old, pod="web")

    def start(self, operation):
        return self.node.start_cni(operation, "c1", self.old, pod="web")

    def recover(self):
        """What kubelet does: take the dead attempt away, and start the Pod anew, later perhaps end it."""
        node = self.node
        assert node.cni("DEL", "c1", self.old, pod="web") == (0, None)
        result = node.add("c2", self.new, pod="web")
        assert node.cni("CHECK", "c2", self.new, pod="web", prevResult=result) == (0, None)
        assert node.cni("DEL", "c2", self.new, pod="web") == (0, None)
        assert node.outside() == self.before
        with contextlib.closing(State(node.folder / "state")) as state:
            assert (state.attachments(), [wish.mac for wish in state.annotations()]) == ([], [""])


@pytest.fixture
def world(node, namespaces):
    return World(node, namespaces)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_plugin_may_die_at_any_system_call(world, operation):
    for steps in itertools.count(1, max(1, EVERY // 40)):
        world.prepare(operation)
        plugin = world.start(operation)  # it waits for its standard input
        with doomed(plugin.pid, steps):
            plugin.communicate(world.node.configuration())
        world.recover()
        if plugin.returncode == 0:
            assert steps > 20
            return


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("both", [False, True], ids=["alone", "with the plugin"])
def test_the_daemon_may_die_at_any_system_call(world, operation, both):
    for steps in itertools.count(1, EVERY):
        world.prepare(operation)
        plugin = world.start(operation)
        with doomed(world.node.process.pid, steps):
            plugin.stdin.write(world.node.configuration())
            plugin.stdin.close()
            if both:
                end_with(world.node.process, plugin)
            plugin.wait(30)
        plugin.stdout.close()
        world.node.kill()  # if it lives
        world.node.start()
        world.recover()
        if plugin.returncode == 0:
            assert steps > EVERY
            return


def end_with(daemon, plugin):
    """Kill the plugin as soon as the daemon is dead, unless it ends before."""
    while plugin.poll() is None and daemon.poll() is None:
        os.sched_yield()
    plugin.kill()
