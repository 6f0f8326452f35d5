"""Hosts come, go, and change their address on the underlay."""

import socket

import pytest
from programs import eventually

from midonet_kubernetes.testing.cluster_topology import ZONE, put
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry

pytestmark = pytest.mark.kernel


def ends_of_tunnels(host):
    """The hosts' addresses that a host sends tunnelled packets to."""
    return {entry.address for entry in host.datapath.found().entries if isinstance(entry, ForwardingEntry)}


def all_meet(cluster):
    for one in cluster.hosts:
        for other in cluster.hosts:
            if one is not other:
                expected = f"p{other.node.number}-4", one.node.pod_address(3)
                assert one.pods[3].ask(other.node.pod_address(4), 8080) == expected


def connected(cluster):
    """A connection between the first two hosts, as a function that uses it."""
    connection = cluster.pod(1, 3).open(socket.SOCK_STREAM)
    connection.connect(("10.244.2.3", 8080))

    def use():
        connection.settimeout(10)
        connection.send(b"?")
        assert connection.recv(100).startswith(b"p2-3")

    return connection, use


def test_a_host_that_joins_meets_all_and_one_that_leaves_is_forgotten(cluster):
    connection, use = connected(cluster)
    with connection:
        before = [host.datapath.found().entries for host in cluster.hosts]
        for number in (3, 4):
            third = cluster.join(number)
            eventually(lambda: all_meet(cluster), 5)
            assert ends_of_tunnels(cluster.hosts[0]) == {"192.0.2.2", f"192.0.2.{number}"}
            use()
            cluster.leave(third)
            use()
            assert [set(host.datapath.found().entries) for host in cluster.hosts] == [set(entries) for entries in before]
        all_meet(cluster)


def test_a_host_with_another_address_is_followed_and_its_connections_go_on(cluster):
    connection, use = connected(cluster)
    moved = cluster.hosts[1]
    with connection:
        use()
        moved.own.routing.delete_address(Address("eth0", "192.0.2.2/24"))
        moved.own.routing.replace_address(Address("eth0", "192.0.2.77/24"))
        end = {"tunnelZoneId": ZONE, "hostId": "h2", "ipAddress": "192.0.2.77"}
        cluster.apply(
            [put("TunnelZoneHost", f"{ZONE}/h2", **end), moved.node.route("node", "192.0.2.77", 32, nextHopGateway="10.244.2.2")]
        )
        assert ends_of_tunnels(cluster.hosts[0]) == {"192.0.2.77"}
        assert moved.datapath.links()["mvx"].vxlan.local == "192.0.2.77"
        use()
        all_meet(cluster)
    assert [host.agent.compare().operations for host in cluster.hosts] == [0, 0]
