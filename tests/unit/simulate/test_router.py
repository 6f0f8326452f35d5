from dataclasses import replace
from ipaddress import ip_address

import pytest

from midonet_kubernetes.simulate import Fate, Fragment, Generated, simulate_generated
from midonet_kubernetes.simulate.packet import BROADCAST
from midonet_kubernetes.simulate.packets import arp_reply, echo_request, icmp_error, udp
from midonet_kubernetes.testing.small_network import Conversation, cluster

A1, B1, B2 = "10.1.1.10", "10.1.1.11", "10.1.2.11"
UPLINK_MAC = "02:00:00:00:00:ee"
EXTERNAL = {"type": "Router", "deviceId": "r", "portSubnet": ["198.51.100.1/24"], "portMac": UPLINK_MAC}


def uplinked():
    """With an exterior port ``up`` of the router and a default route by it, to 198.51.100.254."""
    network = cluster()
    network.add("Port", "up", hostId="h", interfaceName="eth0", **EXTERNAL)
    network.route("uplink", "r", "198.51.100.0", 24, "up")
    network.route("default", "r", "0.0.0.0", 0, "up", nextHopGateway="198.51.100.254")
    return network


def to(network, destination, **fields):
    talk = Conversation(network)
    return talk.send("a1", replace(talk.tcp(A1, 4000, destination, 80), **fields))


def errors(outcome):
    return [(made.port, made.packet.tp_src, made.packet.tp_dst) for made in outcome.generated]


def test_a_packet_crosses_with_new_macs_and_one_hop_less():
    (delivery,) = to(cluster(), B2).deliveries
    assert (delivery.packet.eth_src, delivery.packet.eth_dst) == ("02:00:00:00:02:01", "02:00:00:00:02:11")
    assert delivery.packet.nw_ttl == 63


@pytest.mark.parametrize(("fields", "fate"), [
    ({"vlans": (5,)}, Fate.DROP),
    ({"ethertype": 0x88CC}, Fate.DROP),
    ({"eth_dst": "02:00:00:00:00:99"}, Fate.DROP),
    ({"eth_dst": BROADCAST}, Fate.DROP),
], ids=str)  # fmt: skip
def test_a_router_takes_untagged_ip_to_its_own_mac_only(fields, fate):
    network = cluster()
    network.add("Port", "in", hostId="h", interfaceName="x", **EXTERNAL | {"portMac": "02:00:00:00:00:aa"})
    packet = udp(("02:00:00:00:00:bb", "02:00:00:00:00:aa"), "198.51.100.9", 1, B2, 2)
    assert Conversation(network).send("in", packet).fate is Fate.DELIVERED
    assert Conversation(network).send("in", replace(packet, **fields)).fate is fate


def test_a_router_port_without_a_mac_drops_all_unicast():
    network = cluster()
    network.add("Port", "in", hostId="h", interfaceName="x", **EXTERNAL | {"portMac": None})
    packet = udp(("02:00:00:00:00:bb", UPLINK_MAC), "198.51.100.9", 1, B2, 2)
    assert Conversation(network).send("in", packet).fate is Fate.DROP


def test_a_router_that_is_down_says_prohibited():
    network = cluster()
    network.change("Router", "r", admin_state_up=False)
    outcome = to(network, B2)
    assert (outcome.fate, errors(outcome)) == (Fate.DROP, [("rp1", 3, 13)])


# Routes


@pytest.mark.parametrize(("route", "fate", "error"), [
    ({"type": "BlackHole", "nextHopPort": None}, Fate.ERROR_DROP, []),
    ({"type": "Reject", "nextHopPort": None}, Fate.SHORT_DROP, [("rp1", 3, 13)]),
    ({"type": "Local"}, Fate.ERROR_DROP, []),
    ({"nextHopGateway": B2}, Fate.DELIVERED, []),
    ({"nextHopGateway": "10.1.2.99"}, Fate.SUSPENDED, None),
    ({"nextHopPort": "gone"}, Fate.SHORT_DROP, [("rp1", 3, 0)]),
    ({"nextHopPort": None}, Fate.ERROR_DROP, []),
    ({"dstNetworkLength": 33}, Fate.SHORT_DROP, [("rp1", 3, 0)]),
    ({"type": "Odd"}, Fate.SHORT_DROP, []),
], ids=str)  # fmt: skip
def test_a_route_does_what_its_type_says(route, fate, error):
    network = cluster()
    fields = {"dstNetworkLength": 24} | route
    network.add(
        "Route", "x", **{"routerId": "r", "type": "Normal", "dstNetworkAddr": "203.0.113.0", "nextHopPort": "rp2"} | fields
    )
    outcome = to(network, "203.0.113.7")
    assert outcome.fate is fate
    if error is not None:
        assert errors(outcome) == error


def test_no_route_is_net_unreachable_and_a_short_drop():
    outcome = to(cluster(), "203.0.113.7")
    assert (outcome.fate, errors(outcome)) == (Fate.SHORT_DROP, [("rp1", 3, 0)])
    assert outcome.reason == "router r has no route to 203.0.113.7"


def test_a_port_without_an_address_and_a_port_as_destination_are_drops():
    network = cluster()
    network.change("Port", "rp2", port_subnet=[])
    assert to(network, B2).reason == "port rp2 has no IPv4 address"
    network = cluster()
    network.remove("Route", "local2")
    assert to(network, "10.1.2.1").fate is Fate.DROP


def test_the_time_to_live_is_told_when_it_is_over():
    outcome = to(cluster(), B2, nw_ttl=1)
    assert (outcome.fate, errors(outcome)) == (Fate.ERROR_DROP, [("rp1", 11, 0)])
    assert to(cluster(), B2, nw_ttl=2).deliveries[0].packet.nw_ttl == 1


def test_the_inbound_filter_may_change_where_the_packet_goes_and_the_outbound_sees_one_hop_less():
    network = cluster()
    dnat = {"type": "dnat", "natTargets": [{"addressFrom": B2, "addressTo": B2}]}
    network.change(
        "Router", "r", inbound_filter_id=network.chain("in", dnat), outbound_filter_id=network.chain("out", {"type": "accept"})
    )
    outcome = to(network, "203.0.113.7")
    assert outcome.deliveries[0].port == "b2"
    (seen,) = [step.packet for step in outcome.steps if step.chain == "out"]
    assert (seen.nw_ttl, seen.eth_dst) == (63, "02:00:00:00:01:01")


def test_local_redirect_and_forward_chains_run_first():
    network = cluster()
    chains = {name: network.chain(name, {"type": "accept"}) for name in ("redirect", "in", "forward", "out")}
    network.change("Router", "r", local_redirect_chain_id=chains["redirect"], inbound_filter_id=chains["in"],
                   forward_chain_id=chains["forward"], outbound_filter_id=chains["out"])  # fmt: skip
    assert [step.chain for step in to(network, B2).steps if step.stage.startswith("router")] == [
        "redirect",
        "in",
        "forward",
        "out",
    ]


def test_a_first_fragment_that_the_inbound_filter_drops_is_told_and_an_error_drop():
    network = cluster()
    network.change("Router", "r", inbound_filter_id=network.chain("in", {"type": "drop"}))
    assert (to(network, B2).fate, errors(to(network, B2))) == (Fate.DROP, [])
    first = to(network, B2, fragment=Fragment.FIRST)
    assert (first.fate, errors(first)) == (Fate.ERROR_DROP, [("rp1", 3, 4)])
    assert to(network, B2, fragment=Fragment.LATER).fate is Fate.DROP


# Next hops


def test_an_exterior_port_asks_for_macs_in_its_network_only():
    network = uplinked()
    outcome = to(network, "203.0.113.7")
    assert outcome.fate is Fate.SUSPENDED
    (asked,) = outcome.generated
    assert (asked.port, str(asked.packet)) == ("up", "ARP request 198.51.100.1 -> 198.51.100.254")
    network.change("Route", "default", next_hop_gateway="192.0.2.1")
    outcome = to(network, "203.0.113.7")
    assert (outcome.fate, errors(outcome)) == (Fate.ERROR_DROP, [("rp1", 3, 0)])
    network.change("Route", "default", next_hop_gateway=None)
    outcome = to(network, "203.0.113.7")
    assert (outcome.fate, errors(outcome)) == (Fate.ERROR_DROP, [("rp1", 3, 1)])


def test_flow_state_of_a_packet_that_waits_is_not_kept():
    network = uplinked()
    snat = {"type": "snat", "natTargets": [{"addressFrom": "10.1.1.9", "addressTo": "10.1.1.9", "portFrom": 5, "portTo": 5}]}
    network.chain("services", snat)
    assert not to(network, "203.0.113.7").state.nat


def test_the_packet_goes_on_when_the_answer_has_been_learned():
    network = uplinked()
    talk = Conversation(network)
    packet = talk.tcp(A1, 4000, "203.0.113.7", 80)
    assert talk.send("a1", packet).fate is Fate.SUSPENDED
    answer = arp_reply("02:00:00:00:00:fe", "198.51.100.254", UPLINK_MAC, "198.51.100.1")
    assert talk.send("up", answer).fate is Fate.CONSUMED
    (delivery,) = talk.send("a1", packet).deliveries
    assert (delivery.port, delivery.packet.eth_src, delivery.packet.eth_dst) == ("up", UPLINK_MAC, "02:00:00:00:00:fe")


def test_a_linked_routers_port_gives_its_mac_whatever_the_next_hop():
    network = cluster()
    network.add("Router", "edge")
    link = {"type": "Router", "portSubnet": ["172.16.0.1/24"]}
    network.add("Port", "down", deviceId="r", peerId="edge-up", portMac="02:00:00:00:00:d0", **link)
    network.add("Port", "edge-up", deviceId="edge", peerId="down", portMac="02:00:00:00:00:e0", **link)
    network.route("default", "r", "0.0.0.0", 0, "down", nextHopGateway="192.0.2.77")
    outcome = to(network, "203.0.113.7")
    assert outcome.reason == "router edge has no route to 203.0.113.7"


# ICMP


def test_an_error_carries_the_headers_at_router_entry_and_goes_back_to_the_sender():
    network = cluster()
    dnat = {"type": "dnat", "natTargets": [{"addressFrom": "203.0.113.9", "addressTo": "203.0.113.9"}]}
    network.change("Router", "r", inbound_filter_id=network.chain("in", dnat))
    (made,) = to(network, B2).generated
    packet = made.packet
    assert (made.port, str(packet.nw_src), str(packet.nw_dst)) == ("rp1", "10.1.1.1", A1)
    assert (packet.eth_src, packet.eth_dst) == ("02:00:00:00:01:01", "02:00:00:00:01:10")
    assert (str(packet.embedded.nw_dst), packet.embedded.tp_dst) == (B2, 80)
    (outcome,) = simulate_generated(network.topology(), made)
    assert [delivery.port for delivery in outcome.deliveries] == ["a1"]


@pytest.mark.parametrize("change", [
    {"nw_dst": "224.0.0.5"},
    {"nw_dst": "255.255.255.255"},
    {"nw_dst": "10.1.1.255"},
    {"nw_src": "255.255.255.255"},
    {"fragment": Fragment.LATER},
    {"nw_proto": 1, "tp_src": 3},
    {"nw_proto": 1, "tp_src": 11},
], ids=str)  # fmt: skip
def test_there_are_no_errors_about_errors_groups_and_later_fragments(change):
    network = cluster()
    network.route("all", "r", "0.0.0.0", 0, None, type="Reject")
    network.remove("Route", "subnet1")
    change = {
        name: ip_address(value) if name.startswith("nw_") and isinstance(value, str) else value for name, value in change.items()
    }
    talk = Conversation(network)
    packet = replace(udp(talk.eth(A1, "203.0.113.7"), A1, 1, "203.0.113.7", 2), **change)
    outcome = talk.send("a1", packet)
    assert (outcome.fate, outcome.generated) == (Fate.SHORT_DROP, ())


def test_a_routers_address_answers_echo_and_nothing_else():
    network = cluster()
    talk = Conversation(network)
    outcome = talk.send("a1", echo_request(talk.eth(A1, "10.1.2.1"), A1, "10.1.2.1", 9))
    assert outcome.fate is Fate.CONSUMED
    (made,) = outcome.generated
    assert (made.port, made.packet.tp_src, made.packet.icmp_id, str(made.packet.nw_src)) == ("rp1", 0, 9, "10.1.2.1")
    (reply,) = simulate_generated(network.topology(), made)
    assert [delivery.port for delivery in reply.deliveries] == ["a1"]
    assert talk.send("a1", talk.tcp(A1, 1, "10.1.2.1", 22)).fate is Fate.ERROR_DROP


def test_an_echo_reply_meets_the_outbound_chains_with_empty_nat_tables():
    network = cluster()
    drop = {"type": "drop", "nwProto": 1, "outPorts": ["rp1"], "matchReturnFlow": True}
    network.change("Router", "r", outbound_filter_id=network.chain("out", {"type": "rev_dnat"}, drop))
    talk = Conversation(network)
    outcome = talk.send("a1", echo_request(talk.eth(A1, "10.1.2.1"), A1, "10.1.2.1", 9))
    assert (outcome.fate, outcome.generated) == (Fate.CONSUMED, ())


def test_an_echo_reply_takes_over_a_rewritten_source():
    network = cluster()
    snat = {"type": "snat", "natTargets": [{"addressFrom": "10.9.9.9", "addressTo": "10.9.9.9"}]}
    network.change("Router", "r", outbound_filter_id=network.chain("out", snat))
    talk = Conversation(network)
    (made,) = talk.send("a1", echo_request(talk.eth(A1, "10.1.2.1"), A1, "10.1.2.1", 9)).generated
    assert str(made.packet.nw_src) == "10.9.9.9"


def test_an_icmp_error_crosses_like_any_packet():
    talk = Conversation(cluster())
    error = icmp_error(talk.eth(A1, B2), A1, B2, (3, 3), talk.tcp(A1, 1, B1, 2))
    assert talk.send("a1", error).deliveries[0].port == "b2"


def test_a_generated_packet_may_leave_by_any_port():
    network = cluster()
    packet = echo_request(("02:00:00:00:02:01", "02:00:00:00:02:11"), A1, B2, 1)
    (outcome,) = simulate_generated(network.topology(), Generated("rp2", packet))
    assert [delivery.port for delivery in outcome.deliveries] == ["b2"]
