import contextlib
import json
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.node.state import State
from midonet_kubernetes.topology.host_network import Link

PROGRAMS = Path(sys.executable).parent
PLUGIN = PROGRAMS / "midonet-kube-cni"
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""


@pytest.fixture
def kernel():
    return LinuxKernel()


@pytest.fixture
def namespaces(kernel, tmp_path):
    """Makes network namespaces that end with the test."""
    made = []

    def make(name):
        namespace = kernel.create_namespace(str(tmp_path / name))
        made.append(namespace)
        with contextlib.closing(kernel.routing(namespace)) as routing:
            routing.set_link(Link("lo"))
        return namespace

    yield make
    for namespace in made:
        namespace.close()
    for path in kernel.namespaces(str(tmp_path)):
        kernel.remove_namespace(path)


class Node:
    """A node in a namespace of its own, with the real daemon as a process, and a runtime that executes the real plugin."""

    def __init__(self, folder, namespaces, kernel, pod_cidr):
        self.folder, self.kernel, self.namespaces = folder, kernel, namespaces
        self.namespace = namespaces("node")
        self.datapath = str(folder / "midonet")
        self.process = None
        (folder / "kubeconfig").write_text(KUBECONFIG)
        if pod_cidr:
            self.know_pod_cidr(pod_cidr)
        self.environment = {
            "MIDONETKUBE_NODENAME": "n1",
            "MIDONETKUBE_CLUSTERCIDR": "10.244.0.0/16",
            "MIDONETKUBE_SERVICECIDR": "10.96.0.0/16",
            "MIDONETKUBE_NODESOCKET": str(folder / "api"),
            "MIDONETKUBE_NODESTATE": str(folder / "state"),
            "MIDONETKUBE_DATAPATHNAMESPACE": self.datapath,
            "MIDONETKUBE_KUBECONFIG": str(folder / "kubeconfig"),
            "MIDONETKUBE_CNICONFIGPATH": str(folder / "net.d" / "10-midonet.conflist"),
            "MIDONETKUBE_CNIPLUGINDIRECTORY": str(folder / "bin"),
            "MIDONETKUBE_LISTEN": "127.0.0.1:0",
        }

    def know_pod_cidr(self, pod_cidr):
        """As if the API had told it before it went away."""
        with contextlib.closing(State(self.folder / "state")) as state:
            state.remember("podCIDR", pod_cidr)

    def execute(self, *arguments):
        """Start the program in the node's namespace; its log goes to a file."""
        with self.namespace.entered(), (self.folder / "log").open("ab") as log:
            return subprocess.Popen([PROGRAMS / "midonet-kube-node", *arguments], env=self.environment, stderr=log)

    def start(self):
        self.process = self.execute()
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
            wait_for(lambda: probe.connect_ex(str(self.folder / "api")) == 0, self)
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            assert self.process.wait(60) == 0, self.log()

    def log(self):
        return (self.folder / "log").read_text()

    def configuration(self, version="1.1.0", **more):
        """What the plugin gets on its standard input."""
        own = {"cniVersion": version, "name": "midonet", "type": "midonet-kube-cni", "socket": str(self.folder / "api")}
        return json.dumps({**own, **more}).encode()

    def start_cni(self, command, container="", namespace=None, *, pod="", interface="eth0"):
        """Execute the plugin as a runtime does; it waits for its input."""
        environment = {"CNI_COMMAND": command, "CNI_PATH": str(self.folder / "bin")}
        if container:
            environment |= {"CNI_CONTAINERID": container, "CNI_IFNAME": interface}
        if namespace is not None:
            environment["CNI_NETNS"] = namespace.path
        if pod:
            environment["CNI_ARGS"] = f"IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME={pod};K8S_POD_UID=u"
        return subprocess.Popen([PLUGIN], env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def cni(self, command, container="", namespace=None, *, pod="", interface="eth0", **configuration):
        """Execute the plugin to its end; (exit status, what it printed)."""
        with self.start_cni(command, container, namespace, pod=pod, interface=interface) as plugin:
            output, _ = plugin.communicate(self.configuration(**configuration), timeout=60)
        return plugin.returncode, json.loads(output) if output else None

    def add(self, container, namespace, **more):
        status, result = self.cni("ADD", container, namespace, **more)
        assert status == 0, (result, self.log())
        return result

    def outside(self):
        """The kernel objects in the datapath namespace, in words."""
        with contextlib.closing(self.kernel.open_namespace(self.datapath)) as namespace:
            return snapshot(self.kernel, namespace)


def snapshot(kernel, namespace):
    with contextlib.closing(kernel.routing(namespace)) as routing:
        return sorted(map(repr, [*routing.links(), *routing.addresses(), *routing.routes(), *routing.neighbours()]))


def wait_for(condition, node=None, seconds=60.0):
    """Until it holds, or the test fails."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, node and node.log()
        select.select([], [], [], 0.01)


@pytest.fixture
def make_node(tmp_path, namespaces, kernel):
    nodes = []

    def make(pod_cidr="10.244.1.0/24"):
        nodes.append(Node(tmp_path, namespaces, kernel, pod_cidr))
        return nodes[-1]

    yield make
    for node in nodes:
        node.stop()


@pytest.fixture
def node(make_node):
    return make_node().start()


@pytest.fixture(name="wait_for")
def _wait_for():
    return wait_for


@pytest.fixture
def exchange():
    """One TCP connection from a namespace to an address in another; what the server saw as the client's address."""

    def connect(client, server, address):
        with server.entered():
            listener = socket.create_server((address, 0))
        with client.entered():
            sender = socket.socket()
        with listener, sender:
            sender.settimeout(2)
            sender.connect(listener.getsockname())
            connection, peer = listener.accept()
            connection.close()
            return peer[0]

    return connect
