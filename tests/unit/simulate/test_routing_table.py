from fractions import Fraction
from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midonet_kubernetes.model.midonet import Port, Route
from midonet_kubernetes.simulate import Topology
from midonet_kubernetes.simulate.packets import udp
from midonet_kubernetes.simulate.routing_table import best_routes
from midonet_kubernetes.testing.small_network import Conversation, cluster

ETH = ("02:00:00:00:00:01", "02:00:00:00:00:02")
UP = Port(id="p", type="Router", device_id="r", peer_id="q")


def route(id_, destination, length, **fields):
    fields = {"type": "Normal", "next_hop_port": "p", "router_id": "r"} | fields
    return Route(id=id_, dst_network_addr=destination, dst_network_length=length, **fields)


def best(*routes, source="10.0.0.1", destination="10.1.2.3", port=UP):
    found = best_routes(Topology([port, *routes]), "r", udp(ETH, source, 1, destination, 2))
    return {route.id for route in found}


@pytest.mark.parametrize(("routes", "expected"), [
    ([], set()),
    ([route("a", "0.0.0.0", 0), route("b", "10.1.0.0", 16), route("c", "10.1.2.0", 24)], {"c"}),
    ([route("a", "10.1.2.0", 24), route("b", "10.1.2.3", 32)], {"b"}),
    ([route("a", "10.1.2.0", 24, weight=9), route("b", "10.1.2.0", 24, weight=3)], {"b"}),
    ([route("a", "10.1.2.0", 24, weight=9), route("b", "10.1.0.0", 16, weight=3)], {"a"}),
    ([route("a", "10.1.2.0", 24), route("b", "10.1.2.0", 24)], {"a", "b"}),
    # no source prefix fits at /24: the next shorter destination
    ([route("a", "10.1.2.0", 24, src_network_addr="192.0.2.0", src_network_length=24), route("b", "10.1.0.0", 16)], {"b"}),
    # a longer source prefix is no advantage
    ([route("a", "10.1.2.0", 24, src_network_addr="10.0.0.0", src_network_length=8), route("b", "10.1.2.0", 24)], {"a", "b"}),
    ([route("a", "10.1.2.0", 24, type="BlackHole", next_hop_port=None)], {"a"}),
    ([route("a", "10.1.2.0", 24, router_id=None)], {"a"}),  # belongs to the port's router
    ([route("a", "10.1.2.0", 24, router_id="s", type="Reject", next_hop_port=None)], set()),
    ([route("a", "fd00::", 8), route("b", "10.1.2.0", 99), route("c", "what", 8)], set()),
], ids=str)  # fmt: skip
def test_the_best_routes(routes, expected):
    assert best(*routes) == expected


@pytest.mark.parametrize(("port", "usable"), [
    ({"peer_id": "q"}, True),
    ({"host_id": "h", "interface_name": "i"}, True),
    ({"peer_id": "q", "admin_state_up": False}, False),
    ({}, False),
    ({"host_id": "h"}, False),
], ids=str)  # fmt: skip
def test_a_route_is_usable_while_its_port_is(port, usable):
    found = best(route("a", "10.1.2.0", 24), port=Port(id="p", type="Router", device_id="r", **port))
    assert found == ({"a"} if usable else set())


def test_equally_good_routes_are_equally_likely_and_one_is_kept_within_a_walk():
    network = cluster()
    network.remove("Route", "subnet2")
    for id_ in ("one", "two"):
        network.route(id_, "r", "10.1.2.0", 24, "rp2")
    talk = Conversation(network)
    outcomes = talk.all("a1", talk.tcp("10.1.1.10", 1, "10.1.2.11", 2))
    assert [(outcome.probability, outcome.choices[0].taken) for outcome in outcomes] == [
        (Fraction(1, 2), "one"),
        (Fraction(1, 2), "two"),
    ]


prefixes = st.builds(
    lambda address, length, weight: (str(IPv4Address(address & (0xFFFFFFFF << (32 - length)))), length, weight),
    st.integers(0x0A010200, 0x0A0102FF),
    st.integers(8, 32),
    st.integers(0, 2),
)


@settings(deadline=None)
@given(st.lists(prefixes, max_size=12), st.integers(0x0A010200, 0x0A0102FF))
def test_the_best_routes_are_those_of_a_search_by_definition(routes, address):
    made = [route(str(number), network, length, weight=weight) for number, (network, length, weight) in enumerate(routes)]
    shift = {each.id: 32 - each.dst_network_length for each in made}
    matching = [each for each in made if int(IPv4Address(each.dst_network_addr)) >> shift[each.id] == address >> shift[each.id]]
    ranking = sorted({(-each.dst_network_length, each.weight) for each in matching})
    expected = {each.id for each in matching if (-each.dst_network_length, each.weight) == ranking[0]} if ranking else set()
    assert best(*made, destination=str(IPv4Address(address))) == expected
