import contextlib
import json
import os
import select
import socket
import subprocess
import time
from pathlib import Path

import pytest

from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.node.state import State
from midonet_kubernetes.testing.background import Background, ours
from midonet_kubernetes.topology.host_network import Address, Link

JUDGES = ("cnitool", "loopback", "portmap", "bandwidth", "tuning")
ABSENT = f"not all of {', '.join(JUDGES)}: run `make kubernetes` once"
KUBECONFIG = """
apiVersion: v1
kind: Config
clusters: [{name: c, cluster: {server: "http://127.0.0.1:1"}}]
users: [{name: u, user: {}}]
contexts: [{name: x, context: {cluster: c, user: u}}]
current-context: x
"""
NODE_ADDRESS, CLIENT_ADDRESS = "192.168.9.1", "192.168.9.2"
# cnitool remembers results in /var/lib/cni, and its containers are named by the path of their namespace.
AWAY = 'mount --bind "$0" /var/lib && exec "$@"'


def folder_of_judges():
    """As in ``tools/kubernetes/build.sh``; None if one is missing."""
    everything = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(os.environ.get("MIDONETKUBE_CACHE") or f"{everything}/midonet-kubernetes") / "cni"
    return folder if all(os.access(folder / name, os.X_OK) for name in JUDGES) else None


FOLDER = folder_of_judges()


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.kernel)
            if FOLDER is None or os.geteuid() != 0:
                item.add_marker(pytest.mark.skip(reason=ABSENT if FOLDER is None else "cnitool needs root"))


@pytest.fixture
def kernel():
    return LinuxKernel()


@pytest.fixture
def namespaces(kernel, tmp_path):
    """Makes network namespaces that end with the test."""
    made = []

    def make(name):
        made.append(kernel.create_namespace(str(tmp_path / name)))
        with contextlib.closing(kernel.routing(made[-1])) as routing:
            routing.set_link(Link("lo"))
        return made[-1]

    yield make
    for namespace in made:
        namespace.close()
    for path in kernel.namespaces(str(tmp_path)):
        kernel.remove_namespace(path)


class Node:
    """A node that our daemon serves and that a client reaches from outside, with cnitool as its runtime."""

    def __init__(self, folder, namespaces, kernel, chained, *, datapath=True):
        self.kernel = kernel
        self.folder, self.namespace, self.client = folder, namespaces("node"), namespaces("client")
        self.plugins, self.configurations, self.log = folder / "bin", folder / "net.d", folder / "log"
        self.datapath = str(folder / "midonet") if datapath else ""
        for name in ("bin", "net.d", "lib"):
            (folder / name).mkdir()
        for name in chained:
            (self.plugins / name).symlink_to(FOLDER / name)
        (folder / "kubeconfig").write_text(KUBECONFIG)
        with contextlib.closing(State(folder / "state")) as state:
            state.remember("podCIDR", "10.244.1.0/24")
        self._connect_client()
        self.daemon = None

    def _connect_client(self):
        with (
            contextlib.closing(self.kernel.routing(self.namespace)) as here,
            contextlib.closing(self.kernel.routing(self.client)) as there,
        ):
            here.add_veth(Link("eth0"), Link("eth0"), self.client)
            here.replace_address(Address("eth0", f"{NODE_ADDRESS}/24"))
            there.set_link(Link("eth0"))
            there.replace_address(Address("eth0", f"{CLIENT_ADDRESS}/24"))
        self.namespace.write_sysctl("net.ipv4.ip_forward", "1")

    def start(self):
        environment = {
            "MIDONETKUBE_NODENAME": "n1",
            "MIDONETKUBE_CLUSTERCIDR": "10.244.0.0/16",
            "MIDONETKUBE_SERVICECIDR": "10.96.0.0/16",
            "MIDONETKUBE_NODESOCKET": str(self.folder / "api"),
            "MIDONETKUBE_NODESTATE": str(self.folder / "state"),
            "MIDONETKUBE_DATAPATHNAMESPACE": self.datapath,
            "MIDONETKUBE_KUBECONFIG": str(self.folder / "kubeconfig"),
            "MIDONETKUBE_CNICONFIGPATH": str(self.configurations / "10-midonet.conflist"),
            "MIDONETKUBE_CNIPLUGINDIRECTORY": str(self.plugins),
            "MIDONETKUBE_LISTEN": "127.0.0.1:0",
        }
        with self.namespace.entered():
            self.daemon = Background([ours("midonet-kube-node")], self.log, environment)
        return self.daemon

    def status_is_good(self):
        with contextlib.closing(socket.socket(socket.AF_UNIX)) as probe:
            if probe.connect_ex(str(self.folder / "api")):
                return False
        return self.cnitool("status")[0] == 0

    def wait_for(self, condition, seconds=60.0):
        deadline = time.monotonic() + seconds
        while not condition():
            self.daemon.check()
            assert time.monotonic() < deadline, self.daemon.tail()
            select.select([], [], [], 0.02)

    def written(self):
        """The daemon's configuration."""
        return json.loads((self.configurations / "10-midonet.conflist").read_text())

    def configure(self, *chained, version="1.1.0", name="midonet", ahead=()):
        """A configuration of its own, in place of the daemon's; ``ahead`` are the plugins before ours."""
        document = {
            "cniVersion": version,
            "name": name,
            "plugins": [*ahead, {"type": "midonet-kube-cni", "socket": str(self.folder / "api")}, *chained],
        }
        (self.configurations / "01-own.conflist").write_text(json.dumps(document))

    def cnitool(self, command, pod=None, *, network="midonet", name="", capabilities=None):
        """Execute it as on the node; (exit status, what it printed, what it complained of)."""
        environment = {
            "PATH": os.environ["PATH"],
            "NETCONFPATH": str(self.configurations),
            "CNI_PATH": str(self.plugins),
            "CAP_ARGS": json.dumps(capabilities or {}),
        }
        if pod is not None:
            named = name or Path(pod.path).name
            environment["CNI_ARGS"] = f"IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME={named};K8S_POD_UID=u"
        argv = ["unshare", "--mount", "sh", "-c", AWAY, self.folder / "lib", FOLDER / "cnitool", command, network]
        with self.namespace.entered():
            done = subprocess.run(
                [*argv, pod.path if pod else "/"], env=environment, capture_output=True, text=True, timeout=60, check=False
            )
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    def add(self, pod, **more):
        status, result, complaint = self.cnitool("add", pod, **more)
        assert status == 0, (complaint, self.daemon.tail())
        return result

    def snapshot(self):
        """Links, addresses, routes and neighbours of the node and of its part of the virtual network, in words."""
        found = []
        with contextlib.ExitStack() as stack:
            spaces = [self.namespace]
            if self.datapath:
                spaces.append(stack.enter_context(contextlib.closing(self.kernel.open_namespace(self.datapath))))
            for space in spaces:
                routing = stack.enter_context(contextlib.closing(self.kernel.routing(space)))
                pinned = [neighbour for neighbour in routing.neighbours() if neighbour.link != "eth0"]
                found.append(sorted(map(repr, [*routing.links(), *routing.addresses(), *routing.routes(), *pinned])))
        return found

    def output_of(self, *argv, inside=None):
        """What a program prints on the node, or inside of another namespace."""
        with (inside or self.namespace).entered():
            return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


@pytest.fixture
def make_node(tmp_path, namespaces, kernel):
    """Makes the test's node, with these reference plugins in its folder."""
    with contextlib.ExitStack() as stack:

        def make(*chained, datapath=True):
            node = Node(tmp_path, namespaces, kernel, chained, datapath=datapath)
            stack.enter_context(node.start())
            node.wait_for(node.status_is_good)
            return node

        yield make


@pytest.fixture
def connect():
    """One exchange from a namespace to an address and port; what the server in another one saw as the client's address."""

    def exchange(kind, client, to, server, address):
        with server.entered():
            listener = socket.socket(socket.AF_INET, kind)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
        with client.entered():
            sender = socket.socket(socket.AF_INET, kind)
        with listener, sender:
            for each in (listener, sender):
                each.settimeout(3)
            if kind == socket.SOCK_DGRAM:
                sender.connect(to)
                sender.send(b"ask")
                _, peer = listener.recvfrom(16)
                listener.sendto(b"answer", peer)
                assert sender.recv(16) == b"answer"
                return peer[0]
            listener.listen()
            sender.connect(to)
            connection, peer = listener.accept()
            with connection:
                connection.sendall(b"answer")
                assert sender.recv(16) == b"answer"
            return peer[0]

    return exchange
