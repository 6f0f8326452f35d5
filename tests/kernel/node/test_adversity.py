"""The worst moments for a call: pods that come back at once, namespaces on their way out, full disks, two daemons."""

import concurrent.futures
import contextlib
import os
import subprocess
import sys
import urllib.request
from functools import partial

import pytest

from midonet_kubernetes.linux.system_calls import unmount
from midonet_kubernetes.model.names import interface_for

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]

RETURNS = int(os.environ.get("NODE_RETURNS", "12"))
GONE = ["its namespace", "its link", "the daemon's state", "the daemon's knowledge of its node", "all of it"]
KNOCK = """
import os, socket, sys
os.chroot(sys.argv[1])
try:
    socket.socket(socket.AF_UNIX).connect(sys.argv[2])
except FileNotFoundError:
    print("nothing there")
"""


def address_of(result):
    return result["ips"][0]["address"].partition("/")[0]


def test_a_pod_of_the_same_name_is_back_at_once(node, namespaces, exchange):
    """StatefulSets do that: the old container's DEL comes before the new one's ADD, after it, or meanwhile."""
    before, old = node.outside(), namespaces("c0")
    node.add("c0", old, pod="web-0")
    with concurrent.futures.ThreadPoolExecutor(2) as both:
        for number in range(1, RETURNS + 1):
            new, container, last = namespaces(f"c{number}"), f"c{number}", f"c{number - 1}"
            add = partial(node.add, container, new, pod="web-0")
            delete = partial(node.cni, "DEL", last, old, pod="web-0")
            order = [(add, delete), (delete, add)][number % 2]
            if number % 4 < 2:
                done = [call() for call in order]
            else:
                done = [call.result() for call in [both.submit(call) for call in order]]
            result = done[order.index(add)]
            assert done[order.index(delete)] == (0, None)
            assert exchange(node.namespace, new, address_of(result)) == "10.244.1.2"
            assert node.cni("CHECK", container, new, pod="web-0", prevResult=result) == (0, None)
            old = new
    assert node.cni("DEL", f"c{RETURNS}", pod="web-0") == (0, None)
    assert node.outside() == before


def test_a_pod_comes_back_while_the_kernel_still_tears_its_old_namespace_down(node, kernel, namespaces, exchange):
    for number in range(RETURNS):
        pod = namespaces(f"c{number}")
        result = node.add(f"c{number}", pod, pod="web-0")
        assert exchange(node.namespace, pod, address_of(result)) == "10.244.1.2"
        kernel.remove_namespace(pod.path)
        pod.close()  # from now on the kernel takes the pod's end away, and with it ours
    for number in range(RETURNS):
        assert node.cni("DEL", f"c{number}", pod="web-0") == (0, None)
    assert interface_for("shop/web-0") not in "".join(node.outside())


@pytest.mark.parametrize("gone", GONE)
def test_a_del_succeeds_whatever_is_gone(node, kernel, namespaces, wait_for, gone):
    """The API is away in all of these tests."""
    before, pod = node.outside(), namespaces("pod")
    node.add("c1", pod, pod="web")
    everything = gone == GONE[-1]
    if everything or gone == "its namespace":
        kernel.remove_namespace(pod.path)
        pod.close()
    if everything or gone == "its link":
        with (
            contextlib.closing(kernel.open_namespace(node.datapath)) as datapath,
            contextlib.closing(kernel.routing(datapath)) as outside,
            contextlib.suppress(Exception),  # it may have gone with the namespace
        ):
            outside.delete_link(interface_for("shop/web"))
    if everything or gone.startswith("the daemon's"):
        node.kill()
        for file in (node.folder / "state").iterdir():
            file.unlink()
        if gone == "the daemon's state":
            node.know_pod_cidr("10.244.1.0/24")
        node.start()
    assert node.cni("DEL", "c1", None if everything else pod, pod="web") == (0, None)
    assert node.cni("DEL", "c1", pod="web") == (0, None)
    wait_for(lambda: node.outside() == before, node)


@pytest.fixture
def small_disk(tmp_path):
    """A file system for the state, with a file that fills it when told to."""
    folder = tmp_path / "state"
    folder.mkdir()
    subprocess.check_call(["mount", "-t", "tmpfs", "-o", "size=512k", "none", folder])

    def fill(*, full):
        with (folder / "ballast").open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
            while full:
                ballast.write(bytes(4096))

    yield fill
    unmount(str(folder))


def test_a_disk_that_is_full_is_told_and_recovered_from(small_disk, make_node, namespaces):
    node, pods = make_node().start(), [namespaces("a"), namespaces("b")]
    before = node.outside()
    node.add("c1", pods[0], pod="a")
    small_disk(full=True)
    status, error = node.cni("ADD", "c2", pods[1], pod="b")
    assert (status, error["code"], str(node.folder / "state") in error["msg"]) == (1, 5, True)
    status, error = node.cni("STATUS")
    assert (status, error["code"], "free space" in error["msg"]) == (1, 50, True)
    assert node.cni("DEL", "c2", pods[1], pod="b") == (0, None)
    assert node.cni("DEL", "c1", pods[0], pod="a") == (0, None)
    assert node.outside() == before
    small_disk(full=False)
    assert node.cni("STATUS") == (0, None)
    node.add("c2", pods[1], pod="b")
    node.kill()  # and what it could not write then it has written since
    node.start()
    assert node.cni("DEL", "c2", pods[1], pod="b") == (0, None)
    assert node.outside() == before


def test_of_two_daemons_that_are_started_at_once_one_says_so_and_ends(make_node, namespaces, wait_for):
    node = make_node()
    both = [node.execute(), node.execute()]
    wait_for(lambda: any(process.poll() is not None for process in both), node)
    (lost,) = (process for process in both if process.poll() is not None)
    (node.process,) = (process for process in both if process is not lost)
    assert (lost.returncode, "only one can run on a node" in node.log()) == (1, True)
    wait_for(lambda: (node.folder / "api").exists() and node.cni("STATUS") == (0, None), node)
    node.add("c1", namespaces("pod"))


def test_a_pods_file_system_does_not_lead_to_the_socket(node, namespaces, tmp_path):
    pod, root = namespaces("pod"), tmp_path / "root"
    node.add("c1", pod)
    root.mkdir()
    with pod.entered():
        knock = [sys.executable, "-c", KNOCK, root, node.folder / "api"]
        assert subprocess.run(knock, capture_output=True, text=True, check=True).stdout == "nothing there\n"
        listed = subprocess.run(["cat", "/proc/net/unix"], capture_output=True, text=True, check=True).stdout
    assert str(node.folder) not in listed


def test_metrics_health_and_profiles_are_shown(make_node, namespaces):
    node = make_node()
    node.environment["MIDONETKUBE_LISTEN"] = "127.0.0.1:9454"
    node.start()
    node.add("c1", namespaces("pod"))
    assert node.cni("CHECK", "c2", namespaces("other"), prevResult={})[1]["code"] == 100

    def get(path):
        with node.namespace.entered(), urllib.request.urlopen(f"http://127.0.0.1:9454{path}", timeout=10) as answer:
            return answer.read()

    shown = get("/metrics").decode()
    for line in (
        'midonet_kube_node_cni_operations_total{code="0",command="ADD"} 1.0',
        'midonet_kube_node_cni_operations_total{code="100",command="CHECK"} 1.0',
        'midonet_kube_node_cni_operation_seconds_count{command="ADD"} 1.0',
        'midonet_kube_node_addresses{state="held"} 1.0',
        'midonet_kube_node_addresses{state="free"} 251.0',
    ):
        assert line in shown
    assert "midonet_kube_node_repairs_total" in shown
    assert (b"kernel thread" in get("/healthz"), b"pods" in get("/readyz")) == (True, True)
    assert get("/debug/pprof/goroutine").startswith(b"\x1f\x8b")
