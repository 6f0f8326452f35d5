"""What is too long for a link on the way: the sender hears of it, and sends shorter packets."""

import errno
import socket

import pytest
from machines import KERNEL

from midonet_kubernetes.model.names import interface_for
from midonet_kubernetes.testing.cluster_topology import UDP, put, service
from midonet_kubernetes.topology.host_network import Link
from midonet_kubernetes.topology.network import VXLAN_OVERHEAD

pytestmark = pytest.mark.kernel

VIP = "10.96.0.10"
DISCOVER, DO, MTU = 10, 2, 14  # IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_MTU of linux/in.h
TOO_LONG = bytes(1400)


def set_underlay(cluster, mtu):
    host = cluster.hosts[0]
    host.own.routing.set_link(Link("eth0", mtu=mtu))
    assert host.agent.compare().refused == ()
    assert host.datapath.links()["mvx"].mtu == mtu - VXLAN_OVERHEAD


def narrow_pod(cluster, node, number, mtu):
    """What a chained plugin does that gives a pod's interface a lower MTU."""
    inside = KERNEL.routing(cluster.hosts[node - 1].datapath_namespace)
    inside.set_link(Link(interface_for(f"n{node}/p{number}"), mtu=mtu))
    inside.close()


def learned(pod, address, port=8080):
    """The path MTU that a pod has learned from what came back after it had sent more."""
    with pod.open(socket.SOCK_DGRAM) as sending:
        sending.setsockopt(socket.IPPROTO_IP, DISCOVER, DO)
        sending.connect((address, port))
        sending.send(TOO_LONG)
        try:
            sending.recv(100)  # an answer, or that it was too long
        except OSError as refused:
            if refused.errno != errno.EMSGSIZE:
                raise
        return sending.getsockopt(socket.IPPROTO_IP, MTU)


def test_a_pod_learns_that_a_pod_beside_it_takes_less(cluster):
    assert learned(cluster.pod(1, 3), "10.244.1.4") == 1450
    narrow_pod(cluster, 1, 4, 1300)
    assert learned(cluster.pod(1, 3), "10.244.1.4") == 1300


def test_a_pod_learns_that_the_tunnel_takes_less(cluster):
    assert learned(cluster.pod(1, 3), "10.244.2.3") == 1450
    set_underlay(cluster, 1400)
    assert learned(cluster.pod(1, 3), "10.244.2.3") == 1350


def test_the_tunnel_goes_on_when_it_takes_less_or_more(cluster):
    for mtu in (1400, 9000):
        set_underlay(cluster, mtu)
        assert cluster.pod(1, 3).ask("10.244.2.3", 8080) == ("p2-3", "10.244.1.3")


def test_a_pod_learns_that_a_pod_behind_the_tunnel_takes_less(cluster):
    narrow_pod(cluster, 2, 3, 1280)
    assert learned(cluster.pod(1, 3), "10.244.2.3") == 1280


@pytest.mark.parametrize(("node", "number"), [(1, 4), (2, 3)])
def test_a_client_of_a_service_learns_it_for_the_services_address(cluster, node, number):
    cluster.apply(service("web", VIP, 80, [(f"10.244.{node}.{number}", 8080)], protocol=UDP))
    narrow_pod(cluster, node, number, 1300)
    assert learned(cluster.pod(1, 3), VIP, 80) == 1300


def test_a_pod_that_lets_in_answers_only_still_hears_of_it(cluster):
    filters = [
        put("Rule", "answers", chainId="out-1-3", rank=-2, type="accept", matchReturnFlow=True),
        put("Rule", "nothing-else", chainId="out-1-3", rank=-1, type="drop"),
    ]
    cluster.apply(filters)
    set_underlay(cluster, 1400)
    with cluster.pod(2, 3).open(socket.SOCK_STREAM) as listener, cluster.pod(1, 3).open(socket.SOCK_STREAM) as client:
        listener.bind(("", 9000))
        listener.listen()
        client.connect(("10.244.2.3", 9000))
        served, _ = listener.accept()
        with served:
            served.settimeout(3)
            client.sendall(TOO_LONG * 20)  # full segments, which fit into the buffers of both ends
            received = 0
            while received < len(TOO_LONG) * 20:
                received += len(served.recv(65536))
        assert client.getsockopt(socket.IPPROTO_IP, MTU) == 1350
