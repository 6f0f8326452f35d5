"""The first ping and the first TCP connection after ADD, on the same node and from node to node, while the API is away.

A pod's first packet is one of eight kinds in turn. ``FIRST_PACKETS`` says how many pods there are for each kind. With 250 there
are 500 whose first packet is a ping to or from a pod of the same node; likewise for the other node, and for connections.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import socket
import struct
import subprocess
import urllib.request
from uuid import NAMESPACE_DNS, uuid5

import pytest

from midonet_kubernetes.kubernetes_api.access import connect
from midonet_kubernetes.kubernetes_api.kinds import POD
from midonet_kubernetes.kubernetes_api.kubeconfig import read_kubeconfig
from midonet_kubernetes.lab import cluster, programs, underlay
from midonet_kubernetes.lab.node_reports import NodeReports
from midonet_kubernetes.lab.running import now
from midonet_kubernetes.lab.state import Place
from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.model.names import interface_for
from midonet_kubernetes.testing.background import until
from midonet_kubernetes.topology.host_network import Link

pytestmark = [pytest.mark.kernel, pytest.mark.slow, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

PODS = int(os.environ.get("FIRST_PACKETS", "3"))
NODES, PORT, PATIENCE = 2, 8080, 20.0  # PATIENCE: seconds for one packet; what is lost does not come later
ECHO_REQUEST, ECHO_REPLY = 8, 0
RETRANSMISSIONS = 100  # offset of tcpi_total_retrans in struct tcp_info (linux/tcp.h)


class Pod:
    """A pod, wired by the plugin on its node, with a TCP server in it."""

    def __init__(self, name, node, namespace):
        self.name, self.node, self.namespace = name, node, namespace
        self.address = json.loads(self.cni("ADD"))["ips"][0]["address"].partition("/")[0]
        with namespace.entered():
            self.listener = socket.create_server(("", PORT))
        self.listener.settimeout(PATIENCE)

    def cni(self, command):
        configuration = json.loads(cluster.cni_configuration(self.node).read_bytes())
        document = {"cniVersion": configuration["cniVersion"], "name": configuration["name"], **configuration["plugins"][0]}
        environment = {
            "CNI_COMMAND": command,
            "CNI_CONTAINERID": self.name,
            "CNI_NETNS": self.namespace.path,
            "CNI_IFNAME": "eth0",
            "CNI_ARGS": f"K8S_POD_NAMESPACE=default;K8S_POD_NAME={self.name}",
        }
        program = [cluster.PROGRAMS / cluster.PLUGIN]
        done = subprocess.run(program, input=json.dumps(document).encode(), env=environment, capture_output=True, check=False)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout

    def close(self):
        self.listener.close()
        self.cni("DEL")
        self.namespace.close()


def ping(source, to):
    """One echo request, and its reply."""
    with source.namespace.entered(), socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sender:
        sender.settimeout(PATIENCE)
        sender.connect((to.address, 0))
        body = struct.pack("!HH", os.getpid() & 0xFFFF, 1)
        sender.send(struct.pack("!BBH", ECHO_REQUEST, 0, 0xFFFF - (ECHO_REQUEST << 8) - sum(struct.unpack("!HH", body))) + body)
        while True:  # its own requests are not among them, others' replies may be
            packet = sender.recv(1500)
            reply = packet[(packet[0] & 0xF) * 4 :]
            if reply[0] == ECHO_REPLY and reply[4:8] == body:
                return


def connection(source, to):
    """A TCP connection with an answer, no segment of which was sent twice."""
    with source.namespace.entered():
        client = socket.socket()
    with client:
        client.settimeout(PATIENCE)
        client.connect((to.address, PORT))
        server, peer = to.listener.accept()
        with server:
            assert peer[0] == source.address
            server.sendall(b"answer")
            assert client.recv(16) == b"answer"
            for end in (client, server):
                (sent_again,) = struct.unpack_from("I", end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 192), RETRANSMISSIONS)
                assert sent_again == 0


class Cluster:
    """Two nodes with all of their programs, on an embedded Kubernetes API and an embedded MidoNet."""

    def __init__(self, folder):
        self.place, self.kernel = Place("t", folder), LinuxKernel()
        for made in (self.place.logs, self.place.namespaces):
            made.mkdir()
        self.nodes = underlay.planned(self.place, NODES)
        self.running = {}

    def build(self, stack):
        """Namespaces, and a socket through which the API is reached from outside of them."""
        wire = self.kernel.create_namespace(str(self.place.namespaces / "wire"))
        stack.callback(
            lambda: [self.kernel.remove_namespace(path) for path in self.kernel.namespaces(str(self.place.namespaces))]
        )
        stack.callback(wire.close)
        with wire.entered():
            underlay.build(self.kernel, self.nodes)
        outside = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        inside = cluster.kubeconfig(f"http://{self.nodes[0].address}:{cluster.API_PORT}")
        cluster.inside_kubeconfig(self.place).write_text(inside)
        self.place.kubeconfig.write_text(cluster.kubeconfig(f"http://127.0.0.1:{outside.getsockname()[1]}"))
        return outside.fileno()

    async def start(self, *wanted):
        for program in wanted:
            with (self.place.logs / program.name).open("ab") as log:
                self.running[program.name] = await programs.spawn(
                    program.argv,
                    program.namespace,
                    environment=program.environment,
                    inherited=program.inherited,
                    stdout=log,
                    stderr=log,
                )

    async def kill(self, *names):
        for name in names:
            self.running[name].kill()
            await self.running.pop(name).wait()

    def pod(self, stack, name, node):
        namespace = self.kernel.create_namespace(str(self.place.namespaces / name))
        stack.callback(self.kernel.remove_namespace, namespace.path)
        with contextlib.closing(self.kernel.routing(namespace)) as routing:
            routing.set_link(Link("lo"))
        return stack.enter_context(contextlib.closing(Pod(name, node, namespace)))

    def midonet(self, path):
        with (
            contextlib.closing(self.kernel.open_namespace(str(self.nodes[0].network))) as inside,
            inside.entered(),
            urllib.request.urlopen(f"{cluster.midonet_url(self.nodes)}{path}", timeout=10) as answer,
        ):
            return json.load(answer)

    async def all_programmed(self, pods):
        """Whether each pod's port is in MidoNet, and each agent has done all there is."""
        revision = self.midonet("/minimidonet/v1/version")["revision"]
        for node in self.nodes:
            host = uuid5(NAMESPACE_DNS, node.name)
            bound = {port["interfaceName"] for port in self.midonet(f"/midonet-api/hosts/{host}/ports")}
            assert {interface_for(f"default/{pod.name}") for pod in pods if pod.node == node} <= bound
            status = self.midonet(f"/minimidonet/v1/hosts/{host}/status")["status"] or {}
            assert status.get("revision", 0) >= revision
        return True


@pytest.fixture
async def stack():
    async with contextlib.AsyncExitStack() as opened:
        yield opened


@pytest.fixture
async def two_nodes(tmp_path, stack):
    """A cluster of two nodes, and a pod on each that all of it knows."""
    made = Cluster(tmp_path)
    outside = made.build(stack)
    stack.push_async_callback(lambda: made.kill(*made.running))
    await made.start(cluster.kubernetes_api(made.place, made.nodes, cluster.DEFAULT_NETWORKS, outside))
    await made.start(cluster.midonet(made.place, made.nodes))
    client = await connect(read_kubeconfig(made.place.kubeconfig))
    stack.push_async_callback(client.close)

    async def answers():
        with contextlib.suppress(Exception):
            return await client.send("GET", "/readyz")

    await until("an API", answers)
    await NodeReports(client, made.nodes, None, now).register()
    await made.start(cluster.controllers(made.place, made.nodes))
    for node in made.nodes:
        await made.start(cluster.agent(node, made.nodes), cluster.node_daemon(made.place, node))

    async def serve():
        return all(cluster.cni_configuration(node).exists() for node in made.nodes)

    await until("nodes that serve pods", serve)
    made.known = [made.pod(stack, f"known-{number}", node) for number, node in enumerate(made.nodes)]
    for pod in made.known:
        spec = {"nodeName": pod.node.name, "containers": [{"name": "c", "image": "i"}]}
        metadata = {"name": pod.name, "namespace": "default"}
        await client.create(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
        status = {"status": {"phase": "Running", "podIP": pod.address, "podIPs": [{"ip": pod.address}]}}
        await client.patch(POD, pod.name, status, namespace="default", subresource="status")

    async def programmed():
        with contextlib.suppress(OSError):  # a host that is not registered yet
            return await made.all_programmed(made.known)

    await until("ports of all pods", programmed)
    return made


FIRSTS = list(itertools.product((ping, connection), ("same node", "other node"), ("out", "in")))


@pytest.mark.parametrize(
    "away",
    [("kubernetes-api",), ("kubernetes-api", cluster.CONTROLLERS, "minimidonet")],
    ids=["the API", "all of the control plane"],
)
async def test_the_first_packets_of_a_pod_arrive_while_the_control_plane_is_away(two_nodes, away):
    await two_nodes.kill(*away)
    for number in range(PODS * len(FIRSTS)):
        home = number // len(FIRSTS) % NODES
        peers = {"same node": two_nodes.known[home], "other node": two_nodes.known[1 - home]}
        with contextlib.ExitStack() as stack:
            pod = two_nodes.pod(stack, f"new-{number}", two_nodes.nodes[home])
            for turn in range(len(FIRSTS)):  # each is the first once, and the others follow
                attempt, where, direction = FIRSTS[(number + turn) % len(FIRSTS)]
                ends = (pod, peers[where]) if direction == "out" else (peers[where], pod)
                try:
                    await asyncio.to_thread(attempt, *ends)
                except OSError as error:
                    pytest.fail(f"pod {number}, {turn} before it: {attempt.__name__} {direction}, {where}: {error!r}")
