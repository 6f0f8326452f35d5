from __future__ import annotations

import socket

import pytest

from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route, Vxlan

pytestmark = pytest.mark.kernel

HOSTS = {1: ("192.0.2.1", "ac:ca:ba:00:02:01"), 2: ("192.0.2.2", "ac:ca:ba:00:02:02")}


def test_a_tunnel_carries_packets_between_namespaces_of_two_hosts(kernel, unnamed):
    """Each host's underlay is one namespace, its virtual network another; a bridge in a third joins the underlays."""
    wire = kernel.routing(unnamed())
    wire.add_bridge(Link("br0"))
    virtual = {}
    for number, (address, mac) in HOSTS.items():
        host, virtual[number] = unnamed(), unnamed()
        outer, inner = kernel.routing(host), kernel.routing(virtual[number])
        wire.add_veth(Link(f"host{number}", bridge="br0"), Link("eth0"), host)
        outer.set_link(Link("eth0"))
        outer.replace_address(Address("eth0", f"{address}/24"))
        outer.add_vxlan(Link("mvx", mac=mac, mtu=1450, vxlan=Vxlan(5, 6677, address)), virtual[number])
        other = 3 - number
        inner.set_link(Link("lo"))
        inner.replace_address(Address("lo", f"10.244.{number}.1/32"))
        batch = inner.batch()
        batch.replace_neighbour(Neighbour("mvx", f"10.244.{other}.1", HOSTS[other][1]))
        batch.replace_forwarding(ForwardingEntry("mvx", HOSTS[other][1], HOSTS[other][0]))
        batch.replace_route(
            Route(f"10.244.{other}.0/24", link="mvx", via=f"10.244.{other}.1", source=f"10.244.{number}.1", onlink=True)
        )
        assert batch.send() == []
        while not outer.link("eth0").running:
            pass  # what is sent before is lost
        for each in (outer, inner):
            each.close()
    wire.close()
    with virtual[1].entered():
        client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with virtual[2].entered():
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    with client, server:
        server.bind(("10.244.2.1", 9000))
        server.settimeout(3)
        client.sendto(b"through", ("10.244.2.1", 9000))
        assert server.recvfrom(100)[0] == b"through"
