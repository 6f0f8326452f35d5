import concurrent.futures
import contextlib
import json
import os
import stat
import subprocess

import pytest

from midonet_kubernetes.model.names import interface_for, mac_for
from midonet_kubernetes.node.state import State
from midonet_kubernetes.topology.host_network import Address, Link, Neighbour, Route

pytestmark = [pytest.mark.kernel, pytest.mark.skipif(os.geteuid() != 0, reason="needs root")]


def address_of(result):
    return result["ips"][0]["address"].partition("/")[0]


def test_pods_and_node_reach_each_other_as_soon_as_add_has_answered(node, namespaces, exchange):
    pods = [namespaces("a"), namespaces("b")]
    a = address_of(node.add("c1", pods[0], pod="a"))
    b = address_of(node.add("c2", pods[1], pod="b"))
    assert exchange(pods[1], pods[0], a) == b
    assert exchange(pods[0], pods[1], b) == a
    assert exchange(node.namespace, pods[0], a) == "10.244.1.2"
    assert exchange(pods[0], node.namespace, "10.244.1.2") == a


def test_a_pod_is_made_as_the_architecture_says(node, kernel, namespaces):
    pod = namespaces("pod")
    result = node.add("c1", pod, pod="web")
    link, router, mac = interface_for("shop/web"), mac_for("n1"), mac_for("shop/web")
    assert [(i["name"], i["mac"], i["sandbox"]) for i in result["interfaces"]] == [
        (link, router, node.datapath),
        ("eth0", mac, pod.path),
    ]
    with contextlib.closing(kernel.routing(pod)) as inside:
        assert Address("eth0", "10.244.1.3/32") in inside.addresses()
        assert inside.routes() == [Route("0.0.0.0/0", link="eth0", via="10.244.1.1", onlink=True)]
        assert inside.neighbours() == [Neighbour("eth0", "10.244.1.1", router)]
        assert inside.link("eth0") == Link("eth0", "veth", mac=mac, mtu=1450)
    with (
        contextlib.closing(kernel.open_namespace(node.datapath)) as datapath,
        contextlib.closing(kernel.routing(datapath)) as outside,
    ):
        assert outside.link(link) == Link(link, "veth", mac=router, mtu=1450)
        assert Route("10.244.1.3/32", link=link) in outside.routes()
        assert Neighbour(link, "10.244.1.3", mac) in outside.neighbours()
        assert outside.proxy_delays()[link] == 0
        assert [datapath.read_sysctl(f"net/ipv4/conf/{link}/{name}") for name in ("rp_filter", "proxy_arp")] == ["1", "1"]
        assert datapath.read_sysctl("net.ipv4.ip_forward") == "1"
    assert pod.read_sysctl("net.ipv4.tcp_keepalive_time") == "45"


def test_after_del_nothing_is_left(node, kernel, namespaces):
    pod = namespaces("pod")
    before = node.outside()
    node.add("c1", pod, pod="web")
    assert node.outside() != before
    assert node.cni("DEL", "c1", pod, pod="web") == (0, None)
    assert node.outside() == before
    with contextlib.closing(kernel.routing(pod)) as inside:
        assert [link.name for link in inside.links()] == ["lo"]
    assert node.cni("DEL", "c1", pod, pod="web") == (0, None)
    assert node.cni("DEL", "c1", pod="web") == (0, None)


def test_twenty_pods_at_once_get_twenty_addresses(node, namespaces):
    pods = {f"c{n}": namespaces(f"pod{n}") for n in range(20)}
    before = node.outside()
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        results = list(pool.map(lambda pod: node.add(pod[0], pod[1], pod=pod[0]), pods.items()))
        assert len({address_of(result) for result in results}) == 20
        assert all(status == 0 for status, _ in pool.map(lambda pod: node.cni("DEL", pod[0], pod[1], pod=pod[0]), pods.items()))
    assert node.outside() == before


def test_a_second_add_of_an_interface_is_refused_and_harms_nothing(node, namespaces, exchange):
    pod = namespaces("pod")
    result = node.add("c1", pod, pod="web")
    status, error = node.cni("ADD", "c1", pod, pod="web")
    assert (status, error["code"], "CNI_IFNAME" in error["msg"]) == (1, 4, True)
    assert exchange(node.namespace, pod, address_of(result)) == "10.244.1.2"
    assert node.cni("CHECK", "c1", pod, pod="web", prevResult=result) == (0, None)


def test_an_interface_of_another_network_is_not_touched(node, kernel, namespaces):
    pod = namespaces("pod")
    with contextlib.closing(kernel.routing(pod)) as inside:
        inside.add_veth(Link("eth0"), Link("other"))
        status, error = node.cni("ADD", "c1", pod, pod="web")
        assert (status, error["code"]) == (1, 4)
        assert node.cni("DEL", "c1", pod, pod="web") == (0, None)
        assert inside.link("eth0") is not None


@pytest.mark.parametrize("version", ["0.4.0", "1.0.0", "1.1.0"])
def test_check_names_what_is_different(node, kernel, namespaces, version):
    pod = namespaces("pod")
    result = node.add("c1", pod, pod="web", version=version)
    check = lambda: node.cni("CHECK", "c1", pod, pod="web", version=version, prevResult=result)  # noqa: E731 - said four times
    assert check() == (0, None)
    with contextlib.closing(kernel.routing(pod)) as inside:
        inside.delete_address(Address("eth0", "10.244.1.3/32"))
    status, error = check()
    assert (status, error["code"], error["cniVersion"]) == (1, 100, version)
    assert "eth0 has lost its address 10.244.1.3" in error["msg"]


def test_check_of_what_was_never_added_fails(node, namespaces):
    status, error = node.cni("CHECK", "c1", namespaces("pod"), prevResult={"ips": [], "interfaces": []})
    assert (status, error["code"]) == (1, 100)


def test_a_pod_of_the_same_name_is_back_at_once(node, namespaces, exchange):
    old, new = namespaces("old"), namespaces("new")
    node.add("c1", old, pod="web-0")
    result = node.add("c2", new, pod="web-0")
    assert node.cni("DEL", "c1", old, pod="web-0") == (0, None)
    assert exchange(node.namespace, new, address_of(result)) == "10.244.1.2"
    assert node.cni("CHECK", "c2", new, pod="web-0", prevResult=result) == (0, None)


def test_two_interfaces_of_one_container(node, namespaces):
    pod = namespaces("pod")
    before = node.outside()
    addresses = {address_of(node.add("c1", pod, pod="web", interface=name)) for name in ("eth0", "net1")}
    assert len(addresses) == 2
    for name in ("eth0", "net1"):
        assert node.cni("DEL", "c1", pod, pod="web", interface=name) == (0, None)
    assert node.outside() == before


def test_a_full_pod_cidr_says_so_and_recovers(make_node, namespaces):
    node = make_node("10.244.1.0/29").start()
    pods = {f"c{n}": namespaces(f"pod{n}") for n in range(5)}
    for container in ("c0", "c1", "c2", "c3"):
        node.add(container, pods[container])
    status, error = node.cni("ADD", "c4", pods["c4"])
    assert (status, error["code"]) == (1, 11)
    assert "all 4 addresses of podCIDR 10.244.1.0/29 are in use" in error["msg"]
    assert node.cni("STATUS")[1]["code"] == 50
    assert node.cni("DEL", "c4", pods["c4"]) == (0, None)
    assert node.cni("DEL", "c1", pods["c1"]) == (0, None)
    assert node.cni("STATUS") == (0, None)
    node.add("c4", pods["c4"])


def test_garbage_collection_removes_what_nobody_claims(node, namespaces):
    before = node.outside()
    pods = {f"c{n}": namespaces(f"pod{n}") for n in range(3)}
    for container, namespace in pods.items():
        node.add(container, namespace, pod=container)
    valid = [{"containerID": "c1", "ifname": "eth0"}]
    assert node.cni("GC", **{"cni.dev/valid-attachments": valid}, name="other") == (0, None)
    assert len(node.outside()) == len(before) + 3 * 3
    assert node.cni("GC", **{"cni.dev/valid-attachments": valid}) == (0, None)
    assert len(node.outside()) == len(before) + 3
    assert node.cni("GC", **{"cni.dev/valid-attachments": None}) == (0, None)
    assert node.outside() == before


def test_a_node_without_pod_cidr_serves_no_pod_and_says_why(make_node, namespaces):
    node = make_node(pod_cidr="").start()
    pod = namespaces("pod")
    status, error = node.cni("STATUS")
    assert (status, error["code"], "no podCIDR" in error["msg"]) == (1, 50, True)
    assert node.cni("ADD", "c1", pod)[1]["code"] == 11
    assert node.cni("DEL", "c1", pod) == (0, None)
    assert not (node.folder / "net.d").exists()


def test_a_killed_daemon_comes_back_with_the_same_pods(node, namespaces, exchange):
    pods = [namespaces("a"), namespaces("b")]
    result = node.add("c1", pods[0], pod="a")
    node.kill()
    before = node.outside()
    assert exchange(node.namespace, pods[0], address_of(result)) == "10.244.1.2"
    assert node.cni("ADD", "c2", pods[1], pod="b")[1]["code"] == 11
    assert node.cni("STATUS")[1]["code"] == 50
    node.start()
    assert node.outside() == before
    assert node.cni("CHECK", "c1", pods[0], pod="a", prevResult=result) == (0, None)
    assert address_of(node.add("c2", pods[1], pod="b")) != address_of(result)


def test_a_lost_state_does_not_give_an_address_twice(node, namespaces):
    pods = [namespaces("a"), namespaces("b")]
    result = node.add("c1", pods[0], pod="a")
    node.stop()
    for path in (node.folder / "state").iterdir():
        path.unlink()
    with contextlib.closing(State(node.folder / "state")) as state:
        state.remember("podCIDR", "10.244.1.0/24")
    node.start()
    assert address_of(node.add("c2", pods[1], pod="b")) != address_of(result)
    assert node.cni("DEL", "c1", pods[0], pod="a") == (0, None)
    assert interface_for("shop/a") not in "".join(node.outside())


def test_a_second_daemon_says_so_and_ends(node, namespaces):
    second = node.execute()
    assert second.wait(20) == 1
    assert "another midonet-kube-node serves" in node.log()
    node.add("c1", namespaces("pod"))


@pytest.mark.parametrize("harm", ["removed", "a file", "another socket"])
def test_a_socket_that_was_replaced_is_made_again(node, namespaces, wait_for, harm):
    path = node.folder / "api"
    path.unlink()
    if harm == "a file":
        path.write_text("")
    elif harm == "another socket":
        subprocess.check_call(["python3", "-c", "import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])", path])
    wait_for(lambda: node.cni("STATUS") == (0, None), node)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    node.add("c1", namespaces("pod"))


def test_what_somebody_takes_away_comes_back(node, kernel, namespaces, wait_for):
    node.add("c1", namespaces("pod"), pod="web")
    wanted, own = node.outside(), snapshot(kernel, node.namespace)
    link = interface_for("shop/web")
    with contextlib.closing(kernel.open_namespace(node.datapath)) as datapath:
        outside, inside = kernel.routing(datapath), kernel.routing(node.namespace)
        outside.delete_route(Route("10.244.1.3/32", link=link))
        wait_for(lambda: node.outside() == wanted, node)
        outside.delete_neighbour(Neighbour(link, "10.244.1.3", mac_for("shop/web")))
        wait_for(lambda: node.outside() == wanted, node)
        outside.set_link(Link(link, up=False))
        wait_for(lambda: node.outside() == wanted, node)
        inside.delete_route(Route("10.96.0.0/16", link="midokube-node"))
        wait_for(lambda: snapshot(kernel, node.namespace) == own, node)
        inside.set_link(Link("midokube-node", up=False))
        wait_for(lambda: snapshot(kernel, node.namespace) == own, node)
        inside.delete_link("midokube-node")
        wait_for(lambda: len(node.outside()) == len(wanted) and len(snapshot(kernel, node.namespace)) == len(own), node)
        outside.close()
        inside.close()


def snapshot(kernel, namespace):
    with contextlib.closing(kernel.routing(namespace)) as routing:
        return sorted(map(repr, [*routing.addresses(), *routing.routes(), *routing.neighbours()]))


def test_pods_move_with_a_datapath_namespace_that_was_replaced(node, kernel, namespaces, exchange, wait_for):
    pod = namespaces("pod")
    address = address_of(node.add("c1", pod, pod="web"))
    kernel.remove_namespace(node.datapath)
    with contextlib.closing(kernel.routing(node.namespace)) as own:
        own.set_link(Link("midokube-node", up=False))  # anything that makes the daemon look
    wait_for(lambda: "had been replaced" in node.log(), node)
    assert interface_for("shop/web") in "".join(node.outside())
    assert exchange(node.namespace, pod, address) == "10.244.1.2"


def test_a_plugin_or_configuration_that_somebody_removes_comes_back(node, kernel, wait_for):
    (node.folder / "bin" / "midonet-kube-cni").unlink()
    (node.folder / "net.d" / "10-midonet.conflist").write_text("{}")
    with contextlib.closing(kernel.routing(node.namespace)) as own:
        own.set_link(Link("midokube-node", up=False))  # anything that makes the daemon look
    wait_for(lambda: os.access(node.folder / "bin" / "midonet-kube-cni", os.X_OK), node)
    wait_for(lambda: "midonet" in (node.folder / "net.d" / "10-midonet.conflist").read_text(), node)


def test_the_configuration_and_plugin_are_installed_and_removed_on_request(node):
    listed = json.loads((node.folder / "net.d" / "10-midonet.conflist").read_text())
    assert listed["plugins"][0]["socket"] == str(node.folder / "api")
    assert os.access(node.folder / "bin" / "midonet-kube-cni", os.X_OK)
    node.stop()
    removing = node.execute("--remove")
    assert removing.wait(20) == 0
    assert (list((node.folder / "net.d").iterdir()), list((node.folder / "bin").iterdir())) == ([], [])


def test_with_a_real_midonet_the_outer_end_stays_in_the_hosts_namespace(make_node, kernel, namespaces):
    node = make_node()
    node.environment["MIDONETKUBE_DATAPATHNAMESPACE"] = ""
    node.start()
    pod = namespaces("pod")
    result = node.add("c1", pod, pod="web")
    assert result["ips"][0]["address"] == "10.244.1.3/24"
    assert "sandbox" not in result["interfaces"][0]
    with contextlib.closing(kernel.routing(node.namespace)) as own, contextlib.closing(kernel.routing(pod)) as inside:
        assert {interface_for("shop/web"), "midokube-mido", "midokube-node"} <= {link.name for link in own.links()}
        assert not any(route.link == interface_for("shop/web") for route in own.routes())
        assert Address("midokube-node", "10.244.1.2/24") in own.addresses()
        assert Address("eth0", "10.244.1.3/24") in inside.addresses()
    assert node.cni("CHECK", "c1", pod, pod="web", prevResult=result) == (0, None)
    assert node.cni("DEL", "c1", pod, pod="web") == (0, None)


def test_a_pod_that_names_the_nodes_own_namespace_is_refused(node):
    status, error = node.cni("ADD", "c1", node.namespace)
    assert (status, error["code"]) == (1, 4)
