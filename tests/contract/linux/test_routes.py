from __future__ import annotations

import errno

import pytest

from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, NextHop, Route, Vxlan

MAC, OTHER_MAC = "ac:ca:ba:00:00:01", "ac:ca:ba:00:00:02"
GATEWAY = Address("lo", "10.244.1.1/32")


@pytest.fixture
def network(routing, there):
    """A gateway address and the ports of two pods."""
    routing.set_link(Link("lo"))
    routing.replace_address(GATEWAY)
    routing.add_veth(Link("pod1"), Link("eth0"), there)
    routing.add_veth(Link("pod2"), Link("eth1"), there)
    return routing


def test_a_namespace_begins_with_nothing(routing):
    assert routing.addresses() == []
    assert routing.routes() == []
    assert routing.neighbours() == []
    assert routing.forwarding() == []


def test_an_address_is_there_once(network):
    network.replace_address(GATEWAY)
    network.replace_address(Address("pod1", "10.0.0.1/24"))
    assert network.addresses() == [GATEWAY, Address("pod1", "10.0.0.1/24")]
    network.delete_address(GATEWAY)
    assert network.addresses() == [Address("pod1", "10.0.0.1/24")]


def test_an_address_that_is_not_there_cannot_be_deleted(network, refused):
    refused(errno.EADDRNOTAVAIL, network.delete_address, Address("lo", "10.9.9.9/32"))


ROUTES = [
    Route("10.244.1.5/32", link="pod1"),
    Route("10.244.1.5/32", link="pod1", source="10.244.1.1"),
    Route("10.244.1.0/24", kind="unreachable", metric=4096),
    Route("10.96.0.0/16", kind="blackhole"),
    Route("10.97.0.0/16", kind="prohibit", metric=1),
    Route("10.244.2.0/24", link="pod1", via="10.244.2.1", onlink=True, source="10.244.1.1"),
    Route("0.0.0.0/0", link="pod2", via="10.244.1.2", onlink=True),
    Route("0.0.0.0/0", link="pod2", metric=100),
    Route("10.244.1.5/32", link="pod1", metric=5),
]
SHARED = Route("10.7.0.0/16", metric=2, hops=(NextHop("10.244.1.5", 1), NextHop("10.244.1.6", 3)))


def test_a_route_that_gateways_share_is_read_as_it_was_written_and_deleted(network, refused):
    refused(errno.ENETUNREACH, network.replace_route, SHARED)
    ways = [Route("10.244.1.5/32", link="pod1"), Route("10.244.1.6/32", link="pod2")]
    for route in (*ways, Route("10.7.0.0/16", kind="blackhole", metric=2), SHARED):
        network.replace_route(route)
    assert set(network.routes()) == {*ways, SHARED}
    assert [hop.link for route in network.routes() for hop in route.hops] == ["pod1", "pod2"]
    network.delete_route(SHARED)
    assert set(network.routes()) == set(ways)


def test_a_gateway_whose_link_is_down_has_no_share_and_with_a_link_the_whole_route_goes(network):
    for route in (Route("10.244.1.5/32", link="pod1"), Route("10.244.1.6/32", link="pod2"), SHARED):
        network.replace_route(route)
    network.set_link(Link("pod1", up=False))
    assert [route.hops for route in network.routes() if route.hops] == [(NextHop("10.244.1.6", 3),)]
    network.set_link(Link("pod1"))
    network.replace_route(Route("10.244.1.5/32", link="pod1"))
    network.replace_route(SHARED)
    network.delete_link("pod2")
    assert network.routes() == [Route("10.244.1.5/32", link="pod1")]


@pytest.mark.parametrize("route", ROUTES)
def test_a_route_is_read_as_it_was_written_and_deleted(network, route):
    network.replace_route(route)
    assert network.routes() == [route]
    network.replace_route(route)
    assert network.routes() == [route]
    network.delete_route(route)
    assert network.routes() == []


def test_routes_of_different_destinations_or_metrics_are_different(network):
    different = [ROUTES[0], *ROUTES[2:]]
    for route in different:
        network.replace_route(route)
    assert set(network.routes()) == set(different)


def test_a_route_is_replaced_by_one_of_its_destination_and_metric(network):
    network.replace_route(ROUTES[0])
    network.replace_route(Route("10.244.1.5/32", link="pod2"))
    assert network.routes() == [Route("10.244.1.5/32", link="pod2")]


def test_another_route_of_the_destination_is_not_deleted(network, refused):
    network.replace_route(ROUTES[0])
    refused(errno.ESRCH, network.delete_route, Route("10.244.1.5/32", link="pod2"))
    refused(errno.ESRCH, network.delete_route, Route("10.244.1.5/32", kind="blackhole"))
    refused(errno.ESRCH, network.delete_route, Route("10.244.1.6/32", link="pod1"))
    assert network.routes() == [ROUTES[0]]


@pytest.mark.parametrize(
    ("code", "route"),
    [
        (errno.EINVAL, Route("10.244.1.5/24", link="pod1")),
        (errno.EINVAL, Route("10.244.1.5/32", link="pod1", source="10.9.9.9")),
        (errno.ENETUNREACH, Route("10.244.2.0/24", via="10.244.2.1")),
        (errno.ENETUNREACH, Route("10.244.2.0/24", link="pod1", via="10.244.2.1")),
        (errno.ENETDOWN, Route("10.244.2.0/24", link="down")),
    ],
)
def test_a_route_that_cannot_be_is_refused(network, refused, code, route):
    network.add_veth(Link("down", up=False), Link("down2", up=False))
    refused(code, network.replace_route, route)
    assert network.routes() == []


def test_a_gateway_may_be_in_the_network_of_a_link(network):
    network.replace_address(Address("pod1", "10.0.0.1/24"))
    network.replace_route(Route("10.5.0.0/16", via="10.0.0.7"))
    assert network.routes() == [Route("10.5.0.0/16", link="pod1", via="10.0.0.7")]


def test_a_gateway_may_be_behind_a_route_to_it(network):
    network.replace_route(Route("10.244.1.5/32", link="pod1"))
    network.replace_route(Route("10.5.0.0/16", via="10.244.1.5"))
    assert Route("10.5.0.0/16", link="pod1", via="10.244.1.5") in network.routes()


def test_a_link_that_goes_down_takes_routes_and_neighbours_but_not_addresses(network):
    keeps = Route("10.96.0.0/16", kind="blackhole")
    for route in (ROUTES[0], ROUTES[5], keeps):
        network.replace_route(route)
    network.replace_address(Address("pod1", "10.0.0.1/24"))
    network.replace_neighbour(Neighbour("pod1", "10.244.1.5", MAC))
    network.set_link(Link("pod1", up=False))
    network.set_link(Link("pod1"))
    assert network.routes() == [keeps]
    assert network.neighbours() == []
    assert Address("pod1", "10.0.0.1/24") in network.addresses()


def test_a_deleted_link_takes_all_along(network):
    network.replace_route(ROUTES[0])
    network.replace_address(Address("pod1", "10.0.0.1/24"))
    network.replace_neighbour(Neighbour("pod1", "10.244.1.5", MAC))
    network.delete_link("pod1")
    assert network.routes() == network.neighbours() == []
    assert network.addresses() == [GATEWAY]


def test_an_address_takes_the_routes_along_that_prefer_it(network):
    network.replace_route(ROUTES[1])
    network.replace_route(ROUTES[8])
    network.delete_address(GATEWAY)
    assert network.routes() == [ROUTES[8]]


def test_the_last_address_of_a_link_takes_its_routes_along(network):
    network.replace_address(Address("pod1", "10.0.0.1/24"))
    network.replace_address(Address("pod1", "10.0.1.1/24"))
    network.replace_route(ROUTES[0])
    network.replace_neighbour(Neighbour("pod1", "10.244.1.5", MAC))
    network.delete_address(Address("pod1", "10.0.0.1/24"))
    assert network.routes() == [ROUTES[0]]
    network.delete_address(Address("pod1", "10.0.1.1/24"))
    assert network.routes() == network.neighbours() == []


def test_a_neighbour_is_written_over_and_deleted(network, refused):
    network.replace_neighbour(Neighbour("pod1", "10.244.1.5", MAC))
    network.replace_neighbour(Neighbour("pod1", "10.244.1.5", OTHER_MAC))
    network.replace_neighbour(Neighbour("pod2", "10.244.1.5", MAC))
    assert set(network.neighbours()) == {Neighbour("pod1", "10.244.1.5", OTHER_MAC), Neighbour("pod2", "10.244.1.5", MAC)}
    network.delete_neighbour(Neighbour("pod1", "10.244.1.5", OTHER_MAC))
    assert network.neighbours() == [Neighbour("pod2", "10.244.1.5", MAC)]
    refused(errno.ENOENT, network.delete_neighbour, Neighbour("pod1", "10.244.1.5", OTHER_MAC))


def test_forwarding_entries_outlive_a_link_that_goes_down(network, refused):
    network.add_vxlan(Link("mvx", vxlan=Vxlan(5, 6677, "10.244.1.1")))
    entry = ForwardingEntry("mvx", MAC, "192.0.2.2")
    network.replace_forwarding(ForwardingEntry("mvx", MAC, "192.0.2.3"))
    network.replace_forwarding(entry)
    network.replace_forwarding(ForwardingEntry("mvx", OTHER_MAC, "192.0.2.3"))
    network.set_link(Link("mvx", up=False))
    assert set(network.forwarding()) == {entry, ForwardingEntry("mvx", OTHER_MAC, "192.0.2.3")}
    network.delete_forwarding(entry)
    refused(errno.ENOENT, network.delete_forwarding, entry)
    network.delete_link("mvx")
    assert network.forwarding() == []


def test_a_refused_change_does_not_stop_the_rest_of_a_batch(network):
    batch = network.batch()
    batch.replace_route(Route("10.5.0.0/16", via="10.9.9.9"))
    batch.replace_route(ROUTES[0])
    batch.replace_neighbour(Neighbour("nolink", "10.244.1.5", MAC))
    batch.delete_neighbour(Neighbour("pod1", "10.244.1.5", MAC))
    batch.replace_neighbour(Neighbour("pod1", "10.244.1.5", MAC))
    errors = batch.send()
    assert sorted(error.code for error in errors) == sorted([errno.ENODEV, errno.ENETUNREACH, errno.ENOENT])
    assert network.routes() == [ROUTES[0]]
    assert network.neighbours() == [Neighbour("pod1", "10.244.1.5", MAC)]
    assert batch.send() == []


def test_a_large_batch_is_done_whole(network):
    batch = network.batch()
    wanted = {Route(f"10.{i >> 8}.{i & 255}.0/24", link="pod1") for i in range(2000)}
    for route in wanted:
        batch.replace_route(route)
    assert batch.send() == []
    assert set(network.routes()) == wanted
