"""Nodes, datapaths and pods as namespaces of the real kernel, and small servers in them."""

import os
import socket
import threading
from contextlib import ExitStack, suppress

from midonet_kubernetes.linux import namespaces
from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.minimidonet.agent.datapath import Datapath
from midonet_kubernetes.minimidonet.agent.programmer import Programmer
from midonet_kubernetes.minimidonet.agent.stream import Commit, Position
from midonet_kubernetes.model.names import NODE_PORT_INTERFACE, interface_for, mac_for
from midonet_kubernetes.testing.cluster_topology import Node, global_objects, gone
from midonet_kubernetes.topology.host_network import Address, Link, Neighbour, Route
from midonet_kubernetes.topology.view import Views

SERVICES = "10.96.0.0/16"
KERNEL = LinuxKernel()


class Machine:
    """A namespace with sockets in it."""

    def __init__(self, namespace):
        self.namespace = namespace
        self.routing = KERNEL.routing(namespace)
        self._servers = ExitStack()
        self.routing.set_link(Link("lo"))

    def close(self):
        self._servers.close()
        self.routing.close()
        self.namespace.close()

    def open(self, kind):
        with self.namespace.entered():
            made = socket.socket(socket.AF_INET, kind)
        made.settimeout(3)
        return made

    def serve(self, port, name, address=""):
        """Answer on TCP and UDP with ``name`` and the peer's address; a TCP connection stays and answers each byte.

        With several addresses a UDP answer comes from any of them, unless the server has one.
        """
        listener, datagrams = self.open(socket.SOCK_STREAM), self.open(socket.SOCK_DGRAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        for made in (listener, datagrams):
            made.settimeout(None)
            made.bind((address, port))
        listener.listen(200)
        self._run(_accept, listener, name)
        self._run(_answer_datagrams, datagrams, name)

    def _run(self, work, served, name):
        thread = threading.Thread(target=work, args=(served, name), daemon=True)
        thread.start()
        self._servers.callback(thread.join, 2)
        self._servers.callback(served.close)
        self._servers.callback(_shut, served)

    def ask(self, address, port, kind=socket.SOCK_STREAM, source=None):
        """The name and source address that a server answers with."""
        with self.open(kind) as made:
            if source:
                made.bind((source, 0))
            made.connect((address, port))
            made.send(b"?")
            name, _, peer = made.recv(100).decode().partition(" ")
            return name, peer


def _shut(served):
    with suppress(OSError):
        served.shutdown(socket.SHUT_RDWR)


def _accept(listener, name):
    while True:
        try:
            connection, peer = listener.accept()
        except OSError:
            return
        threading.Thread(target=_answer_stream, args=(connection, peer, name), daemon=True).start()


def _answer_stream(connection, peer, name):
    with connection:
        try:
            while connection.recv(1):
                connection.send(f"{name} {peer[0]}".encode())
        except OSError:
            return


def _answer_datagrams(datagrams, name):
    while True:
        try:
            data, peer = datagrams.recvfrom(100)
            if not data:
                return  # shut down
            datagrams.sendto(f"{name} {peer[0]}".encode(), peer)
        except OSError:
            return


class Host:
    """A node with its own namespace, its datapath and its pods."""

    def __init__(self, node, views):
        self.node, self._views = node, views
        self.own = Machine(namespaces.create_unnamed())
        self.datapath_namespace = namespaces.create_unnamed()
        self.pods = {}
        self.revision = 0
        self.start_agent()

    def start_agent(self):
        namespace = KERNEL.adopt_namespace(os.dup(self.datapath_namespace.fileno()))
        own = KERNEL.adopt_namespace(os.dup(self.own.namespace.fileno()))
        self.datapath = Datapath(KERNEL, namespace, own)
        self.agent = Programmer(self.node.host, self.datapath)
        self.datapath.prepare()

    def stop_agent(self):
        if self.datapath:
            self.datapath.close()
            self.datapath = None

    def adopt_datapath(self, path):
        """Wire pods to the namespace of an agent process, instead of our own."""
        self.stop_agent()
        self.datapath_namespace.close()
        self.datapath_namespace = KERNEL.open_namespace(path)

    def take(self, changes, *, snapshot=False):
        self.revision += 1
        report = self.agent.take(Commit(tuple(changes), Position("s", self.revision), snapshot))
        assert report.refused == ()
        return report

    def load(self):
        return self.take(self._views.snapshot(self.node.host), snapshot=True)

    def wire_node(self):
        """What the node daemon does for the node itself."""
        inside = KERNEL.routing(self.datapath_namespace)
        n = self.node
        inside.add_veth(
            Link(NODE_PORT_INTERFACE, mac=n.router_mac, mtu=1450), Link("midokube-node", mac=n.mac, mtu=1450), self.own.namespace
        )
        inside.close()
        self.own.routing.set_link(Link("midokube-node"))
        self.own.routing.replace_address(Address("midokube-node", f"{n.address}/24"))
        self.own.routing.replace_neighbour(Neighbour("midokube-node", n.gateway, n.router_mac))
        for network in ("10.244.0.0/16", SERVICES):
            self.own.routing.replace_route(Route(network, link="midokube-node", via=n.gateway, source=n.address, onlink=True))

    def wire_pod(self, number):
        """What the node daemon does for a pod."""
        n, key = self.node, f"n{self.node.number}/p{number}"
        pod = self.pods[number] = Machine(namespaces.create_unnamed())
        inside = KERNEL.routing(self.datapath_namespace)
        inside.add_veth(
            Link(interface_for(key), mac=n.router_mac, mtu=1450), Link("eth0", mac=mac_for(key), mtu=1450), pod.namespace
        )
        inside.replace_route(Route(f"{n.pod_address(number)}/32", link=interface_for(key)))
        inside.replace_neighbour(Neighbour(interface_for(key), n.pod_address(number), mac_for(key)))
        inside.close()
        pod.routing.set_link(Link("eth0"))
        pod.routing.replace_address(Address("eth0", f"{n.pod_address(number)}/24"))
        pod.routing.replace_neighbour(Neighbour("eth0", n.gateway, n.router_mac))
        pod.routing.replace_route(Route("0.0.0.0/0", link="eth0", via=n.gateway))
        pod.serve(8080, f"p{n.number}-{number}")
        return pod

    def close(self):
        self.stop_agent()
        for pod in self.pods.values():
            pod.close()
        self.own.close()
        self.datapath_namespace.close()


class Cluster:
    """Two nodes on one underlay, with two pods each; more may join."""

    def __init__(self):
        self.views = Views()
        self.wire = Machine(namespaces.create_unnamed())
        self.wire.routing.add_bridge(Link("underlay"))
        self.hosts = [self._connected(number) for number in (1, 2)]

    def load(self):
        changes = [*global_objects(), *(change for host in self.hosts for change in self._wired(host))]
        self.views.apply(changes)
        for host in self.hosts:
            host.load()

    def join(self, number):
        """A further node comes, with two pods."""
        host = self._connected(number)
        self.apply(self._wired(host))
        host.load()
        self.hosts.append(host)
        return host

    def leave(self, host):
        """A node goes, with all that Translations have made for it."""
        numbers = list(host.pods)
        objects = [*host.node.objects(), *(change for number in numbers for change in host.node.pod(number))]
        self.hosts.remove(host)
        self.apply([gone(change.kind, change.id) for change in reversed(objects)])
        host.close()
        self.wire.routing.delete_link(f"to{host.node.number}")

    def _connected(self, number):
        host = Host(Node(number), self.views)
        self.wire.routing.add_veth(Link(f"to{number}", bridge="underlay"), Link("eth0"), host.own.namespace)
        host.own.routing.set_link(Link("eth0"))
        host.own.routing.replace_address(Address("eth0", f"{host.node.underlay}/24"))
        host.own.serve(6443, f"node{number}", host.node.underlay)
        return host

    def _wired(self, host):
        host.wire_node()
        changes = host.node.objects()
        for number in (3, 4):
            host.wire_pod(number)
            changes += host.node.pod(number)
        return changes

    def apply(self, changes):
        news = self.views.apply(changes)
        for host in self.hosts:
            if host.node.host in news:
                host.take(news[host.node.host])

    def pod(self, node, number):
        return self.hosts[node - 1].pods[number]

    def close(self):
        for host in self.hosts:
            host.close()
        self.wire.close()
