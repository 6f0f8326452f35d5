import signal
import socket
import subprocess
import threading
from contextlib import closing, contextmanager

import pytest
from programs import PROGRAM, eventually, kubernetes_service

from midonet_kubernetes.linux.nftables.transaction import AddChain, DeleteTable, Transaction
from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.linux.system_calls import bind_mount, unmount
from midonet_kubernetes.model.names import interface_for
from midonet_kubernetes.topology.host_network import Address, Link, Neighbour, Route
from midonet_kubernetes.topology.rule_set import Chain

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

KERNEL = LinuxKernel()
VIP = "10.96.0.10"
CONNECTIONS = 50


class Traffic:
    """Connections through a Service that talk all the time; none may ever be cut or fall silent for long."""

    def __init__(self, machine):
        self.connections = [machine.open(socket.SOCK_STREAM) for _ in range(CONNECTIONS)]
        for connection in self.connections:
            connection.settimeout(5)
            connection.connect((VIP, 80))
        self.stop, self.rounds, self.failure = threading.Event(), 0, None
        self.thread = threading.Thread(target=self.talk)
        self.thread.start()

    def talk(self):
        try:
            while not self.stop.is_set():
                for connection in self.connections:
                    connection.send(b"?")
                for connection in self.connections:
                    assert connection.recv(100)
                self.rounds += 1
        except (OSError, AssertionError) as failure:
            self.failure = failure

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join()
        for connection in self.connections:
            connection.close()


@contextmanager
def somebody_inside(world):
    """Sockets of somebody else in the first host's datapath."""
    namespace = world.cluster.hosts[0].datapath_namespace
    with closing(KERNEL.routing(namespace)) as routing, closing(KERNEL.rule_sets(namespace)) as rule_sets:
        yield routing, rule_sets


def agent_killed(world):
    world.agents[0].kill()
    world.agents[0].start()


def agent_frozen(world):
    world.agents[0].process.send_signal(signal.SIGSTOP)
    world.api.push(kubernetes_service("late", "10.96.0.11", 80, ["10.244.2.4"]))
    world.agents[0].process.send_signal(signal.SIGCONT)


def server_killed(world):
    world.server.kill()
    world.server.start()
    eventually(world.api.version)


def table_deleted(world):
    with somebody_inside(world) as (_, rule_sets):
        rule_sets.apply(Transaction("midonet", operations=(DeleteTable(),)))


def chain_added(world):
    with somebody_inside(world) as (_, rule_sets):
        rule_sets.apply(Transaction("midonet", operations=(AddChain(Chain("strange")),)))


def tunnel_deleted(world):
    with somebody_inside(world) as (routing, _):
        routing.delete_link("mvx")


def tunnel_down(world):
    with somebody_inside(world) as (routing, _):
        routing.set_link(Link("mvx", up=False))


def port_down(world):
    with somebody_inside(world) as (routing, _):
        routing.set_link(Link(interface_for("n1/p3"), up=False))


def entries_changed(world):
    with somebody_inside(world) as (routing, _):
        routing.delete_route(Route("10.244.2.0/24", link="mvx", via="10.244.2.1", source="10.244.1.1", onlink=True))
        routing.replace_route(Route("10.99.0.0/16", kind="blackhole"))
        routing.delete_address(Address("lo", "10.244.1.1/32"))
        routing.replace_neighbour(Neighbour("mvx", "10.244.2.1", "02:00:00:00:00:01"))


def namespace_unmounted(world):
    KERNEL.remove_namespace(world.path(world.cluster.hosts[0]))


FAULTS = [
    agent_killed,
    agent_frozen,
    server_killed,
    table_deleted,
    chain_added,
    tunnel_deleted,
    tunnel_down,
    port_down,
    entries_changed,
    namespace_unmounted,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_cuts_no_connection_and_is_put_right(world, fault):
    one, two = world.cluster.hosts
    world.api.push(kubernetes_service("web", VIP, 80, ["10.244.1.4", "10.244.2.4"]))
    world.settle()
    with Traffic(one.pods[3]) as first, Traffic(two.pods[3]) as second:
        fault(world)
        eventually(lambda: is_right(world), 5)
    for traffic in (first, second):
        assert traffic.failure is None
        assert traffic.rounds > 0


def is_right(world):
    one, two = world.cluster.hosts
    assert world.differences(one) == world.differences(two) == []
    assert one.pods[3].ask("10.244.2.3", 8080)[0] == "p2-3"


def test_an_agent_whose_namespace_was_replaced_says_so_and_ends(world):
    one = world.cluster.hosts[0]
    path, agent = world.path(one), world.agents[0]
    bind_mount(f"/proc/self/fd/{one.own.namespace.fileno()}", path)
    try:
        assert agent.process.wait(10) == 1
        assert "another network namespace" in agent.log.read_text()
    finally:
        unmount(path)
        agent.start()
    eventually(lambda: is_right(world), 20)


def test_nothing_but_ports_is_left_after_removal(world):
    one = world.cluster.hosts[0]
    agent = world.agents[0]
    assert agent.kill(signal.SIGTERM) == 0
    with one.own.namespace.entered():
        done = subprocess.run([*PROGRAM, "agent", "--remove", "--namespace", world.path(one)], check=True)
    assert done.returncode == 0
    with somebody_inside(world) as (routing, rule_sets):
        assert rule_sets.tables() == []
        assert routing.link("mvx") is None
    agent.start()
    eventually(lambda: is_right(world), 20)  # a whole start, and on a busy machine
