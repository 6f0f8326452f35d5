import contextlib
import errno
import json
import os

import pytest

from midonet_kubernetes.errors import KernelError, UserError
from midonet_kubernetes.linux.twin.kernel import TwinKernel
from midonet_kubernetes.node.daemon import Daemon, Site
from midonet_kubernetes.node.observer import Observer
from midonet_kubernetes.node.state import State
from midonet_kubernetes.topology.host_network import Address, Link

CONFIGURATION = '{"cniVersion":"1.1.0","name":"midonet","prevResult":{}}'


class Node:
    """A daemon on a kernel in memory."""

    def __init__(self, folder):
        self.kernel, self.warnings = TwinKernel(), []
        self.observer = Observer(lambda *warning: self.warnings.append(warning))
        self.pods = []
        self.folder = folder
        self.start()

    def start(self):
        self.daemon = Daemon(Site("n1", "/midonet", ()), self.kernel, State(self.folder), lambda: 0.0, self.observer)

    def ready(self, pod_cidr="10.1.0.0/24", addresses=()):
        self.daemon.learn(pod_cidr, list(addresses))
        self.daemon.maintain(inside=True)
        return self

    def pod(self, name):
        namespace = self.kernel.create_namespace(f"/{name}")
        self.pods.append(namespace)
        return namespace

    def line(self, command, *, protocol=1, **more):
        environment = {"CNI_COMMAND": command, "CNI_CONTAINERID": "c1", "CNI_NETNS": "/pod", "CNI_IFNAME": "eth0", **more}
        return json.dumps({"protocol": protocol, "environment": environment, "stdin": CONFIGURATION}).encode()

    def call(self, command, namespace=None, **more):
        descriptor = None if namespace is None else os.dup(namespace.fileno())
        return parts(self.daemon.answer(self.line(command, **more), descriptor))[3]

    def close(self):
        self.daemon.close()
        for namespace in self.pods:
            namespace.close()
        for path in self.kernel.namespaces("/"):
            self.kernel.remove_namespace(path)


def parts(answer):
    """Protocol, exit status, whether the length is right, and what is printed."""
    header, _, output = answer.partition(b"\n")
    protocol, status, length = map(int, header.split())
    return protocol, status, length == len(output), json.loads(output) if output else {}


@pytest.fixture
def node(tmp_path):
    with contextlib.closing(Node(tmp_path)) as made:
        yield made


def value(node, name, **labels):
    return node.observer.metrics.registry.get_sample_value(name, labels)


def test_an_old_daemon_tells_a_newer_plugin_to_come_back(node):
    protocol, status, whole, error = parts(node.ready().daemon.answer(node.line("ADD", protocol=2), None))
    assert (protocol, status, whole, error["code"]) == (1, 1, True, 11)
    assert "older than its plugin" in error["msg"]


@pytest.mark.parametrize("line", [b"", b"nonsense", b'{"protocol":1}', b"\xff"])
def test_any_line_is_answered(node, line):
    protocol, status, whole, error = parts(node.ready().daemon.answer(line, None))
    assert (protocol, status, whole) == (1, 1, True)
    assert error["code"] in {4, 6}


@pytest.mark.parametrize(("command", "code"), [("ADD", 4), ("DEL", 0), ("STATUS", 0), ("GC", 0), ("CHECK", 4)])
def test_a_descriptor_that_is_no_namespace_is_closed_and_missed_only_where_one_is_needed(node, command, code):
    node.ready()
    if command == "CHECK":
        assert "code" not in node.call("ADD", node.pod("pod"))
    descriptor = os.open("/dev/null", os.O_RDONLY)
    assert parts(node.daemon.answer(node.line(command), descriptor))[3].get("code", 0) == code
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_pod_that_names_a_namespace_of_the_node_is_refused(node):
    node.ready()
    for namespace in node.daemon.namespaces:
        assert node.call("ADD", namespace)["code"] == 4


def test_an_operation_is_counted_by_its_code(node):
    pod = node.ready().pod("pod")
    node.call("ADD", pod)
    node.call("ADD", pod)
    node.call("DEL", pod)
    assert value(node, "midonet_kube_node_cni_operations_total", command="ADD", code="0") == 1
    assert value(node, "midonet_kube_node_cni_operations_total", command="ADD", code="4") == 1
    assert value(node, "midonet_kube_node_cni_operation_seconds_count", command="DEL") == 1
    assert value(node, "midonet_kube_node_addresses", state="free") == 252


def test_what_a_pod_has_lost_comes_back_and_is_counted(node):
    pod = node.ready().pod("pod")
    node.call("ADD", pod)
    before = value(node, "midonet_kube_node_repairs_total")
    with contextlib.closing(node.kernel.routing(pod)) as inside:
        inside.delete_address(Address("eth0", "10.1.0.3/32"))
        assert node.daemon.maintain(inside=False) == []
        repaired = node.daemon.maintain(inside=True)  # the route goes with the last address
        assert repaired[:2] == ["eth0 has lost its address 10.1.0.3", "the container has no default route"]
        assert Address("eth0", "10.1.0.3/32") in inside.addresses()
        assert node.daemon.maintain(inside=True) == []
    assert value(node, "midonet_kube_node_repairs_total") == before + len(repaired)


def test_a_full_pod_cidr_is_an_event(node):
    node.ready("10.1.0.0/30")
    assert node.call("ADD", node.pod("pod"))["code"] == 11
    assert [reason for reason, _ in node.warnings] == ["PodCIDRExhausted"]


def test_pods_are_as_large_as_the_underlay_allows(node):
    with contextlib.closing(node.kernel.own_namespace()) as own, contextlib.closing(node.kernel.routing(own)) as routing:
        routing.add_veth(Link("uplink", mtu=9000), Link("peer", mtu=9000))
        routing.replace_address(Address("uplink", "192.0.2.1/24"))
        node.ready(addresses=["192.0.2.1"])
        assert node.call("ADD", node.pod("pod"))["interfaces"][1]["mtu"] == 8950


def test_what_the_node_said_is_known_after_a_restart_without_the_api(node):
    node.ready("10.1.7.0/24")
    node.daemon.close()
    node.start()
    node.daemon.maintain(inside=True)
    assert node.call("ADD", node.pod("pod"))["ips"][0]["address"] == "10.1.7.3/32"


def test_a_bad_pod_cidr_leaves_the_old_one(node):
    node.ready()
    with pytest.raises(UserError, match="podCIDR"):
        node.daemon.learn("fd00::/64", [])
    assert node.call("STATUS") == {}
    node.daemon.learn("", [])
    assert node.call("STATUS") == {}


def test_a_bad_first_pod_cidr_is_the_reason_in_status(node):
    with pytest.raises(UserError):
        node.daemon.learn("10.1.0.0/32", [])
    assert node.call("STATUS")["code"] == 50
    assert "10.1.0.0/32" in node.call("STATUS")["msg"]


def test_an_annotated_mac_is_used(node):
    node.ready().daemon.annotated_mac = lambda _pod: "02:00:00:00:00:01"
    result = node.call("ADD", node.pod("pod"), CNI_ARGS="K8S_POD_NAMESPACE=a;K8S_POD_NAME=b")
    assert result["interfaces"][1]["mac"] == "02:00:00:00:00:01"


@pytest.mark.parametrize(("known", "code"), [(False, 50), (True, 51)])
def test_status_says_whether_pods_that_are_there_may_be_cut_off(node, monkeypatch, known, code):
    if known:
        node.ready()

    def refuse(path):
        raise KernelError(f"open the network namespace {path}", errno.EMFILE)

    node.daemon.learn("10.1.0.0/24", [])
    monkeypatch.setattr(node.kernel, "open_namespace", refuse)
    with pytest.raises(KernelError):
        node.daemon.maintain(inside=True)
    assert (node.call("STATUS")["code"], "open the network namespace /midonet" in node.call("STATUS")["msg"]) == (code, True)
    monkeypatch.undo()
    node.daemon.maintain(inside=True)
    assert node.call("STATUS") == {}
