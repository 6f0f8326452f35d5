import contextlib
import shutil
import socket

import pytest

from midonet_kubernetes.model.names import interface_for

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM
NODE_ADDRESS = "192.168.9.1"
POD, OF_THE_NODE = "10.244.1.3", "10.244.1.2"
MAPPED = {
    "portMappings": [
        {"hostPort": 8080, "containerPort": 80, "protocol": "tcp"},
        {"hostPort": 8053, "containerPort": 53, "protocol": "udp"},
    ]
}
KINDS = [(TCP, 8080, 80), (UDP, 8053, 53)]
RULES = {"iptables": ("iptables-save",), "nftables": ("nft", "list", "ruleset")}
MEGABIT = {"ingressRate": 1_000_000, "ingressBurst": 1_000_000, "egressRate": 1_000_000, "egressBurst": 1_000_000}


@pytest.mark.skipif(not shutil.which("iptables"), reason="portmap needs iptables")
def test_a_host_port_is_reached_from_outside_and_from_the_node(make_node, namespaces, connect):
    node, pod = make_node("portmap"), namespaces("web")
    node.add(pod, capabilities=MAPPED)
    for client, address in ((node.client, NODE_ADDRESS), (node.namespace, NODE_ADDRESS), (node.namespace, "127.0.0.1")):
        for kind, host_port, port in KINDS:
            assert connect(kind, client, (address, host_port), pod, (POD, port)) == OF_THE_NODE


@pytest.mark.parametrize("program", RULES)
def test_portmap_takes_back_what_it_has_made(make_node, namespaces, connect, program):
    if not shutil.which(RULES[program][0]):
        pytest.skip(f"portmap needs {program}")
    node, pod = make_node("portmap"), namespaces("web")
    node.configure({**node.written()["plugins"][1], "backend": program})
    node.add(pod, capabilities=MAPPED)
    for kind, host_port, port in KINDS:
        assert connect(kind, node.namespace, ("127.0.0.1", host_port), pod, (POD, port)) == OF_THE_NODE
    assert node.cnitool("check", pod, capabilities=MAPPED) == (0, None, "")
    assert POD in node.output_of(*RULES[program])
    assert node.cnitool("del", pod, capabilities=MAPPED) == (0, None, "")
    assert POD not in node.output_of(*RULES[program])


def test_a_pod_without_host_ports_and_limits_passes_all_reference_plugins(make_node, namespaces):
    node, pod = make_node("portmap", "bandwidth", "tuning"), namespaces("web")
    node.configure(
        {"type": "portmap", "capabilities": {"portMappings": True}},
        {"type": "bandwidth", "capabilities": {"bandwidth": True}},
        {"type": "tuning"},
    )
    before = node.snapshot()
    assert [ip["address"] for ip in node.add(pod)["ips"]] == ["10.244.1.3/32"]
    assert node.cnitool("del", pod) == (0, None, "")
    assert node.snapshot() == before


def test_bandwidth_refuses_a_pod_whose_outer_end_is_in_the_datapath_namespace(make_node, namespaces):
    node, pod = make_node("bandwidth"), namespaces("web")
    node.configure({"type": "bandwidth", "capabilities": {"bandwidth": True}})
    before = node.snapshot()
    status, _, complaint = node.cnitool("add", pod, capabilities={"bandwidth": MEGABIT})
    assert (status, "host ns" in complaint) == (1, True)
    assert node.cnitool("del", pod, capabilities={"bandwidth": MEGABIT}) == (0, None, "")
    assert node.snapshot() == before


def test_bandwidth_limits_a_pod_on_a_real_midonet(make_node, namespaces):
    node, pod = make_node("bandwidth", datapath=False), namespaces("web")
    node.configure({"type": "bandwidth", "capabilities": {"bandwidth": True}})
    before = node.snapshot()
    node.add(pod, capabilities={"bandwidth": MEGABIT})
    assert f"qdisc tbf 1: dev {interface_for('shop/web')}" in node.output_of("tc", "qdisc")
    assert node.cnitool("check", pod, capabilities={"bandwidth": MEGABIT}) == (0, None, "")
    assert node.cnitool("del", pod, capabilities={"bandwidth": MEGABIT}) == (0, None, "")
    assert node.snapshot() == before


@pytest.mark.parametrize("version", ["0.3.1", "0.4.0", "1.0.0", "1.1.0"])
def test_what_a_plugin_before_ours_has_made_is_passed_on(make_node, namespaces, version):
    node, pod = make_node("loopback"), namespaces("web")
    node.configure(version=version, ahead=[{"type": "loopback"}])
    result = node.add(pod)
    assert [one["name"] for one in result["interfaces"]] == ["lo", interface_for("shop/web"), "eth0"]
    assert [(one["address"], one["interface"]) for one in result["ips"] if ":" not in one["address"]] == [
        ("127.0.0.1/8", 0),
        ("10.244.1.3/32", 2),
    ]
    if version != "0.3.1":
        assert node.cnitool("check", pod) == (0, None, "")
    assert node.cnitool("del", pod) == (0, None, "")


def tuning(node, **settings):
    return {"type": "tuning", "dataDir": str(node.folder / "tuning"), **settings}


def test_tuning_sets_sysctls_and_what_else_the_virtual_network_need_not_know(make_node, kernel, namespaces, connect):
    node, pod = make_node("tuning"), namespaces("web")
    sysctls = {"net.core.somaxconn": "511", "net.ipv4.conf.IFNAME.arp_filter": "1"}
    node.configure(tuning(node, sysctl=sysctls, mtu=1400, txQLen=77, promisc=True))
    node.add(pod)
    assert pod.read_sysctl("net.core.somaxconn") == "511"
    assert pod.read_sysctl("net/ipv4/conf/eth0/arp_filter") == "1"
    with contextlib.closing(kernel.routing(pod)) as inside:
        assert inside.link("eth0").mtu == 1400
    shown = node.output_of("ip", "link", "show", "eth0", inside=pod)
    assert ("qlen 77" in shown, "PROMISC" in shown) == (True, True)
    assert node.cnitool("check", pod) == (0, None, "")
    assert connect(TCP, node.namespace, (POD, 80), pod, (POD, 80)) == OF_THE_NODE
    assert node.cnitool("del", pod) == (0, None, "")


def test_check_finds_a_mac_that_tuning_has_set(make_node, kernel, namespaces):
    node, pod = make_node("tuning"), namespaces("web")
    node.configure(tuning(node, mac="0a:00:00:00:00:42"))
    node.add(pod)
    with contextlib.closing(kernel.routing(pod)) as inside:
        assert inside.link("eth0").mac == "0a:00:00:00:00:42"
    status, _, complaint = node.cnitool("check", pod)
    assert (status, "eth0 has MAC 0a:00:00:00:00:42 instead of" in complaint) == (1, True)
    assert node.cnitool("del", pod) == (0, None, "")
