import errno
import socket

import pytest

from midonet_kubernetes.testing.cluster_topology import TCP, UDP, endpoints_rule, service
from midonet_kubernetes.topology.host_network import Address

pytestmark = pytest.mark.kernel

STREAM, DATAGRAM = socket.SOCK_STREAM, socket.SOCK_DGRAM
KINDS = [(STREAM, TCP), (DATAGRAM, UDP)]
VIP = "10.96.0.10"


def refused(machine, address, port, kind):
    """Whether a first packet is answered with a refusal at once."""
    with machine.open(kind) as made:
        made.settimeout(1)
        try:
            made.connect((address, port))
            made.send(b"?")
            made.recv(10)
        except OSError as error:
            return error.errno == errno.ECONNREFUSED
    return False


def test_everything_that_a_cluster_needs(cluster):
    a, b, c = cluster.pod(1, 3), cluster.pod(1, 4), cluster.pod(2, 3)
    one, two = (host.own for host in cluster.hosts)
    for kind, protocol in KINDS:
        assert a.ask("10.244.1.4", 8080, kind) == ("p1-4", "10.244.1.3")
        assert a.ask("10.244.2.3", 8080, kind) == ("p2-3", "10.244.1.3")
        assert c.ask("10.244.1.4", 8080, kind) == ("p1-4", "10.244.2.3")
        assert a.ask("192.0.2.1", 6443, kind) == ("node1", "10.244.1.3")
        assert a.ask("192.0.2.2", 6443, kind) == ("node2", "10.244.1.3")
        assert one.ask("10.244.1.3", 8080, kind) == ("p1-3", "10.244.1.2")
        assert one.ask("10.244.2.3", 8080, kind) == ("p2-3", "10.244.1.2")
        assert one.ask("10.244.2.3", 8080, kind, source="192.0.2.1") == ("p2-3", "192.0.2.1")
        cluster.apply(service(f"local{protocol}", VIP, 80, [("10.244.1.4", 8080)], protocol=protocol))
        assert a.ask(VIP, 80, kind) == ("p1-4", "10.244.1.3")
        assert c.ask(VIP, 80, kind) == ("p1-4", "10.244.2.3")
        assert one.ask(VIP, 80, kind) == ("p1-4", "10.244.1.2")
        assert two.ask(VIP, 80, kind) == ("p1-4", "10.244.2.2")
        assert b.ask(VIP, 80, kind) == ("p1-4", "10.244.1.1")  # itself: the source becomes the gateway
        cluster.apply(service(f"api{protocol}", VIP, 443, [("192.0.2.1", 6443)], protocol=protocol))
        assert a.ask(VIP, 443, kind) == ("node1", "10.244.1.3")
        assert c.ask(VIP, 443, kind) == ("node1", "10.244.2.3")
        assert one.ask(VIP, 443, kind) == ("node1", "10.244.1.1")  # itself, as above
        assert two.ask(VIP, 443, kind) == ("node1", "10.244.2.2")
        cluster.apply(service(f"none{protocol}", VIP, 81, [], protocol=protocol))
        for machine in (a, one):
            assert refused(machine, VIP, 81, kind)
            assert refused(machine, VIP, 9, kind)


@pytest.mark.parametrize("to", [(1, 4), (2, 3)])
def test_only_a_pods_own_source_gets_anywhere(cluster, to):
    pod, target = cluster.pod(1, 3), cluster.pod(*to)
    pod.routing.replace_address(Address("eth0", "10.244.2.4/32"))
    with target.open(DATAGRAM) as receiver, pod.open(DATAGRAM) as false, pod.open(DATAGRAM) as own:
        receiver.bind(("", 5353))
        false.bind(("10.244.2.4", 0))
        for sender, text in ((false, b"false"), (own, b"own")):
            sender.sendto(text, (f"10.244.{to[0]}.{to[1]}", 5353))
        assert receiver.recv(10) == b"own"
        receiver.setblocking(False)
        with pytest.raises(BlockingIOError):
            receiver.recv(10)


def test_a_udp_client_leaves_a_removed_endpoint_at_once(cluster):
    cluster.apply(service("dns", VIP, 53, [("10.244.1.4", 8080)], protocol=UDP))
    with cluster.pod(1, 3).open(DATAGRAM) as client:
        client.connect((VIP, 53))
        answers = []
        for rule in (None, endpoints_rule("dns", [("10.244.2.3", 8080)])):
            if rule:
                cluster.apply([rule])
            client.send(b"?")
            answers.append(client.recv(100).decode().split()[0])
    assert answers == ["p1-4", "p2-3"]


def test_connections_survive_other_endpoints_and_a_new_agent(cluster):
    cluster.apply(service("web", VIP, 80, [("10.244.1.4", 8080), ("10.244.2.3", 8080)]))
    connections = [cluster.pod(1, 3).open(STREAM) for _ in range(20)]
    for connection in connections:
        connection.connect((VIP, 80))

    def answers():
        for connection in connections:
            connection.send(b"?")
        return [connection.recv(100) for connection in connections]

    before = answers()
    assert len(set(before)) == 2
    for version in range(1, 20):
        endpoints = [("10.244.1.4", 8080), ("10.244.2.3", 8080), ("10.244.2.4", 8080)][version % 3 :]
        cluster.apply([endpoints_rule("web", endpoints)])
        cluster.hosts[0].agent.finish()
        assert answers() == before
    host = cluster.hosts[0]
    host.stop_agent()
    assert answers() == before
    host.start_agent()
    assert host.load().operations <= 1  # endpoints that were on their way out
    assert answers() == before
    for connection in connections:
        connection.close()


def test_a_pod_works_before_its_topology_and_when_its_link_comes_last(cluster):
    host = cluster.hosts[0]
    pod = host.wire_pod(9)
    assert pod.ask("10.244.1.4", 8080) == ("p1-4", "10.244.1.9")
    cluster.apply([change for change in host.node.pod(9) if change.kind == "Port"])
    assert pod.ask("10.244.1.4", 8080) == ("p1-4", "10.244.1.9")
    assert host.agent.compare().refused == ()
    assert pod.ask("10.244.1.4", 8080) == ("p1-4", "10.244.1.9")
    cluster.apply(host.node.pod(9))
    cluster.apply(host.node.pod(10))
    assert pod.ask("10.244.1.4", 8080) == ("p1-4", "10.244.1.9")
    late = host.wire_pod(10)
    assert host.agent.compare().refused == ()
    assert late.ask("10.244.2.3", 8080) == ("p2-3", "10.244.1.10")


def test_removing_takes_everything_but_the_ports(cluster):
    host = cluster.hosts[0]
    host.agent.remove()
    found = host.datapath.found()
    assert host.datapath.rule_sets.dump("midonet") is None
    assert all(name.startswith("mido") or name == "lo" for name in found.links)
    assert all(entry.link.startswith("mido") or entry.link == "lo" for entry in found.entries)
    assert host.agent.compare().refused == ()
    assert cluster.pod(1, 3).ask("10.244.2.3", 8080) == ("p2-3", "10.244.1.3")
