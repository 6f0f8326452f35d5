import contextlib
import shutil

import pytest

from midonet_kubernetes.model.names import interface_for, mac_for
from midonet_kubernetes.topology.host_network import Address


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_a_pod_comes_and_goes_in_each_version(make_node, namespaces, version):
    node, pod = make_node(), namespaces("web")
    node.configure(version=version)
    before = node.snapshot()
    result = node.add(pod)
    assert result["cniVersion"] == version
    assert [(one["name"], one["mac"], one.get("sandbox")) for one in result["interfaces"]] == [
        (interface_for("shop/web"), mac_for("n1"), node.datapath),
        ("eth0", mac_for("shop/web"), pod.path),
    ]
    (address,) = result["ips"]
    assert (address["address"], address["gateway"], address["interface"]) == ("10.244.1.3/32", "10.244.1.1", 1)
    assert result["routes"] == [{"dst": "0.0.0.0/0", "gw": "10.244.1.1"}]
    said = node.cnitool("check", pod)
    assert said == (0, None, "") if version != "0.3.1" else "does not support the CHECK" in said[2]
    assert node.cnitool("del", pod) == (0, None, "")
    assert node.snapshot() == before
    assert node.cnitool("del", pod) == (0, None, "")


def test_the_configuration_that_the_daemon_writes_is_read_in_its_newest_version(make_node, namespaces):
    node = make_node()
    result = node.add(namespaces("web"))
    assert result["cniVersion"] == "1.1.0"
    assert [one["mtu"] for one in result["interfaces"]] == [1450, 1450]


def test_check_tells_what_differs(make_node, kernel, namespaces):
    node, pod = make_node(), namespaces("web")
    node.add(pod)
    assert node.cnitool("check", pod) == (0, None, "")
    with contextlib.closing(kernel.routing(pod)) as inside:
        inside.delete_address(Address("eth0", "10.244.1.3/32"))
    status, _, complaint = node.cnitool("check", pod)
    assert (status, "eth0 has lost its address 10.244.1.3" in complaint) == (1, True)


def test_garbage_collection_takes_all_that_nobody_claims(make_node, namespaces):
    node = make_node()
    node.configure(name="other")
    before = node.snapshot()
    for name in ("a", "b", "c"):
        node.add(namespaces(name))
    full = node.snapshot()
    assert node.cnitool("gc", network="other") == (0, None, "")
    assert node.snapshot() == full
    shutil.rmtree(node.folder / "lib" / "cni")  # what cnitool remembers itself, it would delete itself
    assert node.cnitool("gc") == (0, None, "")
    assert node.snapshot() == before


def test_status_and_add_say_what_to_do_when_the_daemon_is_away(make_node, namespaces):
    node, pod = make_node(), namespaces("web")
    assert node.cnitool("status") == (0, None, "")
    node.daemon.kill()
    for command, arguments in (("status", ()), ("add", (pod,)), ("del", (pod,))):
        status, _, complaint = node.cnitool(command, *arguments)
        assert (status, "midonet-kube-node" in complaint) == (1, True), complaint
