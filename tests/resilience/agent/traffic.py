"""Connections that a fault must not cut, and what is right again afterwards."""

import socket
import threading
import time
from contextlib import closing, contextmanager

from programs import eventually

from midonet_kubernetes.linux.real import LinuxKernel

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
        self.stop, self.rounds, self.longest, self.failure = threading.Event(), 0, 0.0, None
        self.thread = threading.Thread(target=self.talk)
        self.thread.start()

    def talk(self):
        try:
            while not self.stop.is_set():
                began = time.monotonic()
                for connection in self.connections:
                    connection.send(b"?")
                for connection in self.connections:
                    assert connection.recv(100)
                self.rounds, self.longest = self.rounds + 1, max(self.longest, time.monotonic() - began)
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
def uncut(world):
    """Connections from both hosts that last as long as this does."""
    with Traffic(world.cluster.hosts[0].pods[3]) as first, Traffic(world.cluster.hosts[1].pods[3]) as second:
        yield
    for number, traffic in enumerate((first, second), 1):
        requests, pause = traffic.rounds * CONNECTIONS, traffic.longest * 1000
        print(f"host {number}: {requests} requests, 50 of them took at most {pause:.0f} ms")  # noqa: T201 - for the report
        assert traffic.failure is None
        assert traffic.rounds > 0


@contextmanager
def somebody_inside(world):
    """Sockets of somebody else in the first host's datapath."""
    namespace = world.cluster.hosts[0].datapath_namespace
    with closing(KERNEL.routing(namespace)) as routing, closing(KERNEL.rule_sets(namespace)) as rule_sets:
        yield routing, rule_sets


def is_right(world):
    """Whether nothing is to be done on either host, and packets pass."""
    one, two = world.cluster.hosts
    assert world.differences(one) == world.differences(two) == []
    assert one.pods[3].ask("10.244.2.3", 8080)[0] == "p2-3"


def right_again(world, seconds=5):
    """Wait until all is right, and say how long that took."""
    began = time.monotonic()
    eventually(lambda: is_right(world), seconds)
    print(f"right after {time.monotonic() - began:.1f} s, two dry runs included")  # noqa: T201 - for the report
