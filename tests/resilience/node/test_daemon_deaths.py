import contextlib
import json
import os

import pytest

from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.linux.twin.kernel import TwinKernel
from midonet_kubernetes.node.daemon import Daemon, Site
from midonet_kubernetes.node.observer import Observer
from midonet_kubernetes.testing.mortal_node import Killed, Life, Mortal, MortalState
from midonet_kubernetes.topology.host_network import Link

CONFIGURATION = {"cniVersion": "1.1.0", "name": "midonet"}


class Machine:
    """A kernel and a disk on which daemons live and die."""

    def __init__(self, kernel, folder):
        self.kernel, self.folder, self.now = kernel, folder, 0.0
        self.own = kernel.create_namespace(str(folder / "node"))
        self.open = contextlib.ExitStack()

    def namespace(self, name):
        return self.open.enter_context(contextlib.closing(self.kernel.create_namespace(str(self.folder / name))))

    def daemon(self, steps=None):
        """A new daemon that is ready to serve, and then lives for so many steps more."""
        life = Life()
        with self.own.entered():
            daemon = Daemon(
                Site("n1", str(self.folder / "midonet"), ()),
                Mortal(self.kernel, life),
                MortalState(self.folder / "state", life),
                lambda: self.now,
                Observer(),
            )
        daemon.learn("10.244.1.0/24", [])
        daemon.maintain(inside=True)
        if steps is not None:
            life._steps = life.taken + steps
        return daemon

    def outside(self):
        with (
            contextlib.closing(self.kernel.open_namespace(str(self.folder / "midonet"))) as namespace,
            contextlib.closing(self.kernel.routing(namespace)) as routing,
        ):
            return sorted(map(repr, [*routing.links(), *routing.routes(), *routing.neighbours()]))

    def close(self):
        self.open.close()
        self.own.close()
        for path in self.kernel.namespaces(str(self.folder)):
            self.kernel.remove_namespace(path)


@pytest.fixture(
    params=["twin", pytest.param("real", marks=[pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")])]
)
def machine(request, tmp_path):
    with contextlib.closing(Machine(TwinKernel() if request.param == "twin" else LinuxKernel(), tmp_path)) as made:
        yield made


def call(daemon, command, container, namespace, pod="web", **configuration):
    """An operation as the plugin sends it; (error code or 0, result)."""
    environment = {
        "CNI_COMMAND": command,
        "CNI_CONTAINERID": container,
        "CNI_NETNS": namespace.path,
        "CNI_IFNAME": "eth0",
        "CNI_ARGS": f"K8S_POD_NAMESPACE=shop;K8S_POD_NAME={pod}",
    }
    line = json.dumps({"protocol": 1, "environment": environment, "stdin": json.dumps({**CONFIGURATION, **configuration})})
    output = daemon.answer(line.encode(), os.dup(namespace.fileno())).partition(b"\n")[2]
    document = json.loads(output) if output else {}
    return document.get("code", 0), document


def lives(machine, work):
    """Let daemons die in ``work`` at every step, the first at once; ends with the one that survives it."""
    steps = 0
    while True:
        daemon = machine.daemon(steps)
        try:
            work(daemon)
        except Killed:
            yield steps
        else:
            return
        finally:
            daemon.close()
        steps += 1


def test_the_retry_of_kubelet_succeeds_after_any_death_in_add(machine):
    with contextlib.closing(machine.daemon()) as daemon:
        free, before = daemon.attachments.ledger.pool.free(), machine.outside()
    old, new = machine.namespace("old"), machine.namespace("new")
    deaths = 0
    for _ in lives(machine, lambda daemon: call(daemon, "ADD", "c1", old)):
        deaths += 1
        with contextlib.closing(machine.daemon()) as daemon:
            assert call(daemon, "DEL", "c1", old)[0] == 0
            code, result = call(daemon, "ADD", "c2", new)
            assert (code, call(daemon, "CHECK", "c2", new, prevResult=result)[0]) == (0, 0)
            assert call(daemon, "DEL", "c2", new)[0] == 0
            assert (machine.outside(), daemon.attachments.ledger.pool.free()) == (before, free)
            assert daemon.state.attachments() == []
    assert deaths > 15


def test_a_retry_with_the_same_container_succeeds_unless_everything_was_done(machine):
    namespace = machine.namespace("pod")
    with contextlib.closing(machine.daemon()):
        before = machine.outside()
    for _ in lives(machine, lambda daemon: call(daemon, "ADD", "c1", namespace)):
        with contextlib.closing(machine.daemon()) as daemon:
            wired = any(attachment.wired for attachment in daemon.state.attachments())
            assert call(daemon, "ADD", "c1", namespace)[0] == (4 if wired else 0)
            assert call(daemon, "DEL", "c1", namespace)[0] == 0
            assert machine.outside() == before


def test_a_del_after_any_death_in_del_leaves_nothing(machine):
    namespace = machine.namespace("pod")
    with contextlib.closing(machine.daemon()) as daemon:
        before = machine.outside()
        call(daemon, "ADD", "c1", namespace)
    deaths = 0
    for _ in lives(machine, lambda daemon: call(daemon, "DEL", "c1", namespace)):
        deaths += 1
        with contextlib.closing(machine.daemon()) as daemon:
            assert call(daemon, "DEL", "c1", namespace)[0] == 0
            assert (machine.outside(), daemon.state.attachments()) == (before, [])
            assert call(daemon, "ADD", "c1", namespace)[0] == 0
    assert deaths > 3


def test_a_pod_that_comes_back_under_its_name_survives_any_death(machine):
    old, new = machine.namespace("old"), machine.namespace("new")
    with contextlib.closing(machine.daemon()) as daemon:
        before = machine.outside()
        call(daemon, "ADD", "c1", old)
    for _ in lives(machine, lambda daemon: call(daemon, "ADD", "c2", new)):
        with contextlib.closing(machine.daemon()) as daemon:
            assert call(daemon, "DEL", "c2", new)[0] == 0
            assert call(daemon, "DEL", "c1", old)[0] == 0
            assert (machine.outside(), daemon.state.attachments()) == (before, [])
            assert call(daemon, "ADD", "c1", old)[0] == 0


def test_a_pod_without_its_link_gives_its_address_back_in_the_end(machine):
    namespace = machine.namespace("pod")
    with contextlib.closing(machine.daemon()) as daemon:
        before, free = machine.outside(), daemon.attachments.ledger.pool.free()
        call(daemon, "ADD", "c1", namespace)
        machine.open.close()
        machine.kernel.remove_namespace(namespace.path)
        daemon.attachments.wiring.disconnect(daemon.state.attachments()[0].link)
        daemon.maintain(inside=True)
        assert daemon.attachments.ledger.pool.free() == free - 1
        machine.now += 61
        daemon.maintain(inside=True)
        assert (machine.outside(), daemon.attachments.ledger.pool.free()) == (before, free)


def test_what_a_full_disk_stops_leaves_nothing(machine):
    namespace = machine.namespace("pod")
    with contextlib.closing(machine.daemon()) as daemon:
        before = machine.outside()
        daemon.state._connection.execute("PRAGMA query_only = 1")
        assert call(daemon, "ADD", "c1", namespace)[0] == 5
        assert call(daemon, "STATUS", "", namespace)[0] == 50
        assert machine.outside() == before
        daemon.state._connection.execute("PRAGMA query_only = 0")
        assert call(daemon, "ADD", "c1", namespace)[0] == 0
        daemon.state._connection.execute("PRAGMA query_only = 1")
        assert call(daemon, "DEL", "c1", namespace)[0] == 0
        assert machine.outside() == before
        daemon.state._connection.execute("PRAGMA query_only = 0")
        daemon.maintain(inside=True)
        assert daemon.state.attachments() == []


def test_an_add_that_fails_holds_no_address(machine):
    namespace = machine.namespace("pod")
    with contextlib.closing(machine.daemon()) as daemon, contextlib.closing(machine.kernel.routing(namespace)) as inside:
        before, free = machine.outside(), daemon.attachments.ledger.pool.free()
        inside.add_veth(Link("eth0"), Link("other"))
        assert call(daemon, "ADD", "c1", namespace)[0] == 4
        assert (machine.outside(), daemon.attachments.ledger.pool.free(), daemon.state.attachments()) == (before, free, [])


OF_ADD, OF_DEL = ["INSERT ON attachments", "INSERT ON annotations"], ["DELETE ON attachments", "INSERT ON resting"]


@pytest.mark.parametrize("since", ["the start", "the ADD"])
@pytest.mark.parametrize("write", [*OF_ADD, *OF_DEL])
def test_a_disk_that_is_full_at_any_write_stops_no_del_and_leaves_nothing(machine, write, since):
    namespace = machine.namespace("pod")
    with contextlib.closing(machine.daemon()) as daemon:
        before, free = machine.outside(), daemon.attachments.ledger.pool.free()
        disk = daemon.state._connection
        full = f"CREATE TEMP TRIGGER full BEFORE {write} BEGIN SELECT RAISE(FAIL, 'database or disk is full'); END"
        if since == "the start":
            disk.execute(full)
        assert call(daemon, "ADD", "c1", namespace)[0] == (5 if since == "the start" and write in OF_ADD else 0)
        if since == "the ADD":
            disk.execute(full)
        assert call(daemon, "DEL", "c1", namespace)[0] == 0
        assert machine.outside() == before
        disk.execute("DROP TRIGGER full")
        daemon.maintain(inside=True)
        assert (machine.outside(), daemon.attachments.ledger.pool.free(), daemon.state.attachments()) == (before, free, [])


@pytest.mark.parametrize(("before", "after"), [(1e9, 0.0), (0.0, 1e9)], ids=["back, as after a reboot", "ahead"])
def test_a_clock_that_jumps_makes_no_address_rest_too_short_or_for_ever(machine, before, after):
    pods, machine.now = [machine.namespace("a"), machine.namespace("b")], before
    with contextlib.closing(machine.daemon()) as daemon:
        used = call(daemon, "ADD", "c1", pods[0])[1]["ips"][0]["address"].removesuffix("/32")
        assert call(daemon, "DEL", "c1", pods[0])[0] == 0
    machine.now = after
    with contextlib.closing(machine.daemon()) as daemon:
        pool = daemon.attachments.ledger.pool
        assert used not in set(pool._fresh(machine.now))
        assert call(daemon, "ADD", "c2", pods[1])[1]["ips"][0]["address"] != f"{used}/32"
        machine.now += 61
        assert used in set(pool._fresh(machine.now))
