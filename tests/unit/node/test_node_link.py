import contextlib
from dataclasses import replace
from ipaddress import ip_network

import pytest

from midonet_kubernetes.linux.twin.kernel import TwinKernel
from midonet_kubernetes.model.names import mac_for
from midonet_kubernetes.node.addresses import Subnet
from midonet_kubernetes.node.node_link import NodeLink, NodeNetwork, node_mac, underlay_mtu
from midonet_kubernetes.topology.host_network import Address, Link, Neighbour, Route

NETWORK = NodeNetwork("n1", Subnet.parse("10.1.0.0/24"), (ip_network("10.1.0.0/16"), ip_network("10.96.0.0/16")), 1450, 32)


class Place:
    """Two namespaces and sockets in them."""

    def __init__(self):
        self.kernel = TwinKernel()
        self.own_namespace, self.outer_namespace = self.kernel.create_namespace("/own"), self.kernel.create_namespace("/outer")
        self.own, self.outer = self.kernel.routing(self.own_namespace), self.kernel.routing(self.outer_namespace)
        self.link = NodeLink(self.kernel, self.own_namespace, self.outer_namespace, routed=True)

    def snapshot(self):
        return [
            sorted(
                map(
                    repr,
                    [
                        *(replace(link, index=0) for link in routing.links()),
                        *routing.addresses(),
                        *routing.routes(),
                        *routing.neighbours(),
                    ],
                )
            )
            for routing in (self.own, self.outer)
        ]

    def close(self):
        for closing in (self.link, self.own, self.outer, self.own_namespace, self.outer_namespace):
            closing.close()
        for path in ("/own", "/outer"):
            self.kernel.remove_namespace(path)


@pytest.fixture
def place():
    with contextlib.closing(Place()) as made:
        yield made


def test_the_link_leads_to_pods_and_services(place):
    assert place.link.ensure(NETWORK)
    own, outer = place.own, place.outer
    assert own.link("midokube-node") == Link("midokube-node", "veth", mac=node_mac("n1"), mtu=1450)
    assert outer.link("midokube-mido") == Link("midokube-mido", "veth", mac=mac_for("n1"), mtu=1450)
    assert own.addresses() == [Address("midokube-node", "10.1.0.2/32")]
    assert {(route.destination, route.via, route.source) for route in own.routes()} == {
        ("10.1.0.0/16", "10.1.0.1", "10.1.0.2"),
        ("10.96.0.0/16", "10.1.0.1", "10.1.0.2"),
    }
    assert own.neighbours() == [Neighbour("midokube-node", "10.1.0.1", mac_for("n1"))]
    assert outer.routes() == [Route("10.1.0.2/32", link="midokube-mido")]
    assert outer.neighbours() == [Neighbour("midokube-mido", "10.1.0.2", node_mac("n1"))]
    assert outer.proxy_delays()["midokube-mido"] == 0
    assert place.outer_namespace.read_sysctl("net/ipv4/conf/midokube-mido/rp_filter") == "1"


def test_what_is_right_is_left_alone(place):
    place.link.ensure(NETWORK)
    assert place.link.ensure(NETWORK) == []


HARMS = {
    "link deleted": lambda place: place.own.delete_link("midokube-node"),
    "node's end down": lambda place: place.own.set_link(Link("midokube-node", up=False)),
    "other end down": lambda place: place.outer.set_link(Link("midokube-mido", up=False)),
    "another MAC": lambda place: place.own.set_link(Link("midokube-node", mac="02:00:00:00:00:01")),
    "another MTU": lambda place: place.own.set_link(Link("midokube-node", mtu=1400)),
    "address lost": lambda place: place.own.delete_address(Address("midokube-node", "10.1.0.2/32")),
    "one address more": lambda place: place.own.replace_address(Address("midokube-node", "10.9.0.2/32")),
    "route lost": lambda place: place.own.delete_route(place.own.routes()[0]),
    "neighbour lost": lambda place: place.own.delete_neighbour(place.own.neighbours()[0]),
    "outer route lost": lambda place: place.outer.delete_route(place.outer.routes()[0]),
    "outer neighbour lost": lambda place: place.outer.delete_neighbour(place.outer.neighbours()[0]),
    "neighbour elsewhere": lambda place: place.own.replace_neighbour(Neighbour("midokube-node", "10.1.0.1", "02:00:00:00:00:01")),
}


@pytest.mark.parametrize("harm", HARMS.values(), ids=HARMS)
def test_what_was_harmed_is_put_right_and_said(place, harm):
    place.link.ensure(NETWORK)
    wanted = place.snapshot()
    harm(place)
    assert place.snapshot() != wanted
    assert place.link.ensure(NETWORK)
    assert place.snapshot() == wanted
    assert place.link.ensure(NETWORK) == []


def test_a_new_pod_cidr_replaces_the_old_address(place):
    place.link.ensure(NETWORK)
    place.link.ensure(NodeNetwork("n1", Subnet.parse("10.1.7.0/24"), NETWORK.clusters, 1450, 32))
    assert place.own.addresses() == [Address("midokube-node", "10.1.7.2/32")]
    assert {route.source for route in place.own.routes()} == {"10.1.7.2"}


def test_removing_takes_both_ends(place):
    place.link.ensure(NETWORK)
    assert place.link.remove()
    assert not place.link.remove()
    assert [link.name for link in place.outer.links()] == ["lo"]


@pytest.mark.parametrize(
    ("addresses", "mtu"),
    [(["192.0.2.1"], 9000), (["192.0.2.9"], 1400), ([], 1400)],
)
def test_the_underlay_is_the_link_with_the_nodes_address_else_the_default_route(place, addresses, mtu):
    place.own.add_veth(Link("big", mtu=9000), Link("peer1", mtu=9000))
    place.own.add_veth(Link("small", mtu=1400), Link("peer2", mtu=1400))
    place.own.replace_address(Address("big", "192.0.2.1/24"))
    place.own.set_link(Link("peer2"))
    place.own.replace_route(Route("0.0.0.0/0", link="small"))
    assert underlay_mtu(place.kernel, place.own_namespace, addresses) == mtu


def test_without_any_underlay_it_is_ethernet(place):
    assert underlay_mtu(place.kernel, place.own_namespace, ["192.0.2.1"]) == 1500
