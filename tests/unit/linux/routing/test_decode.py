from __future__ import annotations

import pytest

from midonet_kubernetes.linux.routing import decode, encode
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route, Vxlan

MAC = "ac:ca:ba:00:00:01"


def name_of(index):
    return {1: "lo", 7: "mido0"}[index]


@pytest.mark.parametrize(
    "route",
    [
        Route("10.244.1.5/32", link="mido0", source="10.244.1.1"),
        Route("0.0.0.0/0", link="mido0", via="10.244.1.1", onlink=True, metric=5),
        Route("10.96.0.0/12", kind="blackhole"),
        Route("10.96.0.0/12", kind="prohibit", metric=4294967295),
    ],
)
def test_a_route_is_read_as_it_was_written(route):
    assert decode.route(encode.route("replace", route, 7 if route.link else 0).body, name_of) == route


def test_what_the_kernel_made_is_left_out():
    body = bytearray(encode.route("replace", Route("10.0.0.0/8", link="mido0"), 7).body)
    body[5] = encode.MADE_BY_KERNEL
    assert decode.route(bytes(body), name_of) is None


def test_a_route_of_another_table_is_left_out():
    body = bytearray(encode.route("replace", Route("10.0.0.0/8", link="mido0"), 7).body)
    body[4] = 255
    assert decode.route(bytes(body), name_of) is None


def test_addresses_neighbours_and_entries_are_read_as_they_were_written():
    address, neighbour = Address("mido0", "10.0.0.1/24"), Neighbour("mido0", "10.0.0.2", MAC)
    entry = ForwardingEntry("mido0", MAC, "192.0.2.1")
    assert decode.address(encode.address("replace", address, 7).body, name_of) == address
    assert decode.neighbour(encode.neighbour("replace", neighbour, 7).body, name_of) == neighbour
    assert decode.forwarding(encode.forwarding("replace", entry, 7).body, name_of) == entry


def test_an_entry_is_no_neighbour_and_a_neighbour_no_entry():
    neighbour, entry = Neighbour("mido0", "10.0.0.2", MAC), ForwardingEntry("mido0", MAC, "192.0.2.1")
    assert decode.forwarding(encode.neighbour("replace", neighbour, 7).body, name_of) is None
    assert decode.neighbour(encode.forwarding("replace", entry, 7).body, name_of) is None


def test_a_neighbour_that_was_learned_is_left_out():
    body = bytearray(encode.neighbour("replace", Neighbour("mido0", "10.0.0.2", MAC), 7).body)
    body[8:10] = b"\2\0"
    assert decode.neighbour(bytes(body), name_of) is None
    assert decode.neighbour(bytes(body), name_of, whatever_state=True) is not None


def test_a_tunnel_is_read_as_it_was_written():
    tunnel = Link("mvx", "vxlan", MAC, 1450, vxlan=Vxlan(5, 6677, "192.0.2.1"))
    assert decode.link(encode.add_vxlan(tunnel, None).body, name_of) == tunnel


def test_a_tunnel_without_its_parameters_is_refused():
    with pytest.raises(ValueError, match="mvx"):
        encode.add_vxlan(Link("mvx"), None)
