from __future__ import annotations

import errno
from functools import partial

import pytest

from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route, Vxlan

MAC, POD_MAC = "ac:ca:ba:00:00:01", "ac:ca:ba:00:00:02"
POD = Link("mido0", "veth", mac=MAC, mtu=1450)
INSIDE = Link("eth0", "veth", mac=POD_MAC, mtu=1450)
TUNNEL = Link("mvx", "vxlan", mac=MAC, mtu=1450, vxlan=Vxlan(5, 6677, "192.0.2.1"))


def test_a_new_namespace_has_a_loopback_that_is_down(routing):
    assert routing.links() == [Link("lo", mac="00:00:00:00:00:00", mtu=65536, up=False)]


def test_a_pair_has_an_end_in_each_namespace_and_the_peer_is_down(routing, other_routing, there):
    routing.add_veth(POD, INSIDE, there)
    assert routing.link("mido0") == POD
    assert other_routing.link("eth0") == Link("eth0", "veth", mac=POD_MAC, mtu=1450, up=False)
    assert routing.link("eth0") is None


def test_a_pair_can_be_in_one_namespace(routing):
    routing.add_veth(POD, INSIDE)
    assert {link.name for link in routing.links()} == {"lo", "mido0", "eth0"}


def test_a_pair_does_not_run_while_one_end_is_down(routing, there):
    routing.add_veth(POD, INSIDE, there)
    assert not routing.link("mido0").running


def test_a_taken_name_is_refused_on_both_sides_and_nothing_is_made(routing, other_routing, there, refused):
    routing.add_veth(POD, INSIDE, there)
    refused(errno.EEXIST, routing.add_veth, POD, Link("eth1"), there)
    refused(errno.EEXIST, routing.add_veth, Link("mido1"), INSIDE, there)
    assert {link.name for link in routing.links()} == {"lo", "mido0"}
    assert {link.name for link in other_routing.links()} == {"lo", "eth0"}


def test_a_name_of_sixteen_characters_is_refused(routing, refused):
    refused(errno.ERANGE, routing.add_veth, Link("a" * 16), Link("b"))


def test_links_without_a_mac_get_different_ones(routing):
    routing.add_veth(Link("a"), Link("b"))
    assert len({link.mac for link in routing.links()}) == 3


def test_deleting_one_end_deletes_the_other(routing, other_routing, there):
    routing.add_veth(POD, INSIDE, there)
    other_routing.delete_link("eth0")
    assert routing.link("mido0") is None


def test_a_link_can_be_deleted_without_harm_to_a_later_one_of_its_name(routing, refused):
    routing.add_veth(POD, INSIDE)
    first = routing.link("mido0").index
    routing.delete_link("mido0", first)
    routing.add_veth(POD, INSIDE)
    refused(errno.ENODEV, routing.delete_link, "mido0", first)
    assert routing.link("mido0") == POD


def test_a_link_that_is_not_there_cannot_be_changed(routing, there, refused):
    refused(errno.ENODEV, routing.delete_link, "no")
    refused(errno.ENODEV, routing.set_link, Link("no"))
    refused(errno.ENODEV, routing.move_link, "no", there)
    refused(errno.ENODEV, routing.set_proxy_delay, "no", 0)
    refused(errno.ENODEV, partial(routing.set_merging, merges=False), "no")
    refused(errno.ENODEV, routing.replace_address, Address("no", "10.0.0.1/32"))
    refused(errno.ENODEV, routing.replace_route, Route("10.0.0.0/24", link="no"))
    refused(errno.ENODEV, routing.replace_neighbour, Neighbour("no", "10.0.0.2", MAC))
    refused(errno.ENODEV, routing.replace_forwarding, ForwardingEntry("no", MAC, "192.0.2.2"))


def test_loopback_cannot_be_deleted(routing, refused):
    refused(errno.EOPNOTSUPP, routing.delete_link, "lo")


def test_a_link_is_changed_only_where_it_is_stated(routing):
    routing.add_veth(POD, INSIDE)
    routing.set_link(Link("mido0", mtu=1300))
    assert routing.link("mido0") == Link("mido0", "veth", mac=MAC, mtu=1300)
    routing.set_link(Link("mido0", mac=POD_MAC, up=False))
    assert routing.link("mido0") == Link("mido0", "veth", mac=POD_MAC, mtu=1300, up=False)


@pytest.mark.parametrize("mac", [MAC, POD_MAC])
def test_a_tunnel_whose_mac_is_set_loses_its_neighbours_and_nothing_else(routing, other_routing, there, mac):
    routing.add_vxlan(TUNNEL, there)
    route = Route("10.2.0.0/16", link="mvx")
    other_routing.replace_neighbour(Neighbour("mvx", "10.2.0.1", POD_MAC))
    other_routing.replace_forwarding(ForwardingEntry("mvx", POD_MAC, "192.0.2.2"))
    other_routing.replace_route(route)
    other_routing.set_link(Link("mvx", mtu=1400))
    assert other_routing.neighbours() == [Neighbour("mvx", "10.2.0.1", POD_MAC)]
    other_routing.set_link(Link("mvx", mac=mac))
    assert other_routing.neighbours() == []
    assert other_routing.forwarding() == [ForwardingEntry("mvx", POD_MAC, "192.0.2.2")]
    assert route in other_routing.routes()


def test_a_tunnel_is_made_in_one_namespace_and_appears_in_another(routing, other_routing, there):
    routing.add_vxlan(TUNNEL, there)
    assert routing.link("mvx") is None
    assert other_routing.link("mvx") == TUNNEL


def test_a_tunnel_of_the_same_id_and_port_is_refused_in_the_namespace_of_its_socket(routing, other_routing, there, refused):
    routing.add_vxlan(TUNNEL, there)
    refused(errno.EEXIST, routing.add_vxlan, Link("mvx2", vxlan=TUNNEL.vxlan))
    routing.add_vxlan(Link("mvx3", vxlan=Vxlan(6, 6677, "192.0.2.1")))
    other_routing.add_vxlan(Link("mvx4", vxlan=TUNNEL.vxlan))


def test_a_deleted_tunnel_frees_its_id(routing, other_routing, there):
    routing.add_vxlan(TUNNEL, there)
    other_routing.delete_link("mvx")
    routing.add_vxlan(TUNNEL, there)


def test_a_bridge_has_ports(routing, there):
    routing.add_bridge(Link("br0"))
    routing.add_veth(Link("port", bridge="br0"), INSIDE, there)
    assert routing.link("port").bridge == "br0"
    routing.set_link(Link("port"))
    assert not routing.link("port").bridge
    routing.set_link(Link("port", bridge="br0"))
    routing.delete_link("br0")
    assert not routing.link("port").bridge


def test_a_bridge_that_is_not_there_has_no_ports(routing, refused):
    refused(errno.ENODEV, routing.add_veth, Link("port", bridge="br0"), INSIDE)


def test_only_a_bridge_has_ports(routing, refused):
    routing.add_veth(POD, INSIDE)
    refused(errno.EOPNOTSUPP, routing.set_link, Link("eth0", bridge="mido0"))


def test_a_moved_link_comes_down_and_bare(routing, other_routing, there):
    routing.add_veth(POD, INSIDE)
    routing.replace_address(Address("mido0", "10.0.0.1/24"))
    routing.move_link("mido0", there)
    assert routing.link("mido0") is None
    assert other_routing.link("mido0") == Link("mido0", "veth", mac=MAC, mtu=1450, up=False)
    assert other_routing.addresses() == routing.addresses() == []


def test_a_link_is_not_moved_where_its_name_is_taken(routing, there, refused):
    routing.add_veth(POD, INSIDE, there)
    routing.add_veth(Link("eth0"), Link("x"))
    refused(errno.EEXIST, routing.move_link, "eth0", there)


def test_the_links_of_a_namespace_go_with_it(kernel, routing, tmp_path):
    namespace = kernel.create_namespace(str(tmp_path / "namespaces" / "pod"))
    routing.add_veth(POD, INSIDE, namespace)
    kernel.remove_namespace(namespace.path)
    assert routing.link("mido0") == POD  # it is held
    namespace.close()


@pytest.mark.parametrize("delay", [0, 100])
def test_the_proxy_delay_is_of_one_link(routing, delay):
    routing.add_veth(POD, INSIDE)
    routing.set_proxy_delay("mido0", delay)
    assert routing.proxy_delays() == {"lo": 800, "mido0": delay, "eth0": 800}


def test_new_links_merge_what_they_receive_but_pairs_do_not(routing):
    routing.add_veth(POD, INSIDE)
    routing.add_vxlan(TUNNEL)
    routing.add_bridge(Link("br0"))
    merging = {link.name: routing.merges(link.name) for link in routing.links()}
    assert merging == {"lo": True, "mido0": False, "eth0": False, "mvx": True, "br0": True}
    assert not routing.merges("no")


def test_whether_a_link_merges_is_set_for_it_alone_and_outlives_changes_of_it(routing):
    routing.add_veth(POD, INSIDE)
    routing.add_vxlan(TUNNEL)
    routing.set_merging("mvx", merges=False)
    routing.set_merging("mido0", merges=True)
    routing.set_link(Link("mvx", mtu=1400, up=False))
    routing.set_link(Link("mvx"))
    assert [routing.merges(name) for name in ("mvx", "mido0", "eth0")] == [False, True, False]
    routing.set_merging("mvx", merges=True)
    assert routing.merges("mvx")


def test_a_tunnel_that_is_made_anew_merges_again(routing):
    routing.add_vxlan(TUNNEL)
    routing.set_merging("mvx", merges=False)
    routing.delete_link("mvx")
    routing.add_vxlan(TUNNEL)
    assert routing.merges("mvx")
