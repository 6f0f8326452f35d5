from dataclasses import replace

import pytest

from midonet_kubernetes.simulate import Fate
from midonet_kubernetes.simulate.packet import BROADCAST
from midonet_kubernetes.simulate.packets import arp_reply, arp_request, udp
from midonet_kubernetes.testing.small_network import Conversation, Network, cluster

A1, B1, B2 = "10.1.1.10", "10.1.1.11", "10.1.2.11"
MAC_A, MAC_B, UNKNOWN = "02:00:00:00:01:10", "02:00:00:00:01:11", "02:00:00:00:99:99"


def ports(outcome):
    return {delivery.port for delivery in outcome.deliveries}


def frame(source=MAC_A, destination=MAC_B, **fields):
    return udp((source, destination), A1, 1, B1, 2, **fields)


def test_a_known_mac_is_a_unicast_and_an_unknown_one_a_flood():
    talk = Conversation(cluster())
    assert ports(talk.send("a1", frame())) == {"b1"}
    assert ports(talk.send("a1", frame(destination=UNKNOWN))) == {"b1", "c1", "np1"}


def test_a_source_is_learned_and_goes_before_the_written_table():
    talk = Conversation(cluster())
    talk.send("c1", frame(source=MAC_B))
    assert talk.state.macs == {("br1", 0, MAC_B): "c1"}
    assert ports(talk.send("a1", frame())) == {"c1"}


def test_a_source_is_learned_even_when_the_inbound_filter_drops():
    talk = Conversation(cluster())
    talk.network.chain("main", {"type": "drop"})
    outcome = talk.send("a1", frame())
    assert outcome.fate is Fate.DROP
    assert talk.state.macs == {("br1", 0, MAC_A): "a1"}


def test_a_routers_mac_is_never_learned():
    talk = Conversation(cluster())
    talk.send("c1", frame(source="02:00:00:00:01:01"))
    assert not talk.state.macs


def test_a_group_address_as_source_is_dropped():
    assert Conversation(cluster()).send("a1", frame(source="03:00:00:00:00:01")).fate is Fate.DROP


def test_a_bridge_that_is_down_drops():
    network = cluster()
    network.change("Bridge", "br1", admin_state_up=False)
    assert Conversation(network).send("a1", frame()).reason == "bridge br1 is down"


def test_a_frame_back_to_where_it_comes_from_is_an_error_drop():
    talk = Conversation(cluster())
    assert talk.send("b1", frame(source=UNKNOWN)).fate is Fate.ERROR_DROP
    assert talk.send("a1", frame(destination=MAC_A)).fate is Fate.ERROR_DROP


def test_what_a_router_sends_back_enters_the_bridge_by_the_link():
    talk = Conversation(cluster())
    outcome = talk.send("a1", frame(destination="02:00:00:00:01:01"))
    assert ports(outcome) == {"b1"}  # by the router, and back by the link port: another port of entry


def test_each_copy_of_a_flood_has_headers_and_filters_of_its_own():
    network = cluster()
    rule = {"type": "dnat", "natTargets": [{"addressFrom": "192.0.2.1", "addressTo": "192.0.2.1"}], "dlType": 2048}
    network.change("Port", "b1", outbound_filter_id=network.chain("out-b", rule))
    network.change("Port", "c1", outbound_filter_id=network.chain("out-c", {"type": "drop"}))
    outcome = Conversation(network).send("a1", frame(destination=BROADCAST))
    assert {delivery.port: str(delivery.packet.nw_dst) for delivery in outcome.deliveries} == {"b1": "192.0.2.1", "np1": B1}


def test_one_error_drop_among_the_copies_is_one_of_all():
    network = cluster()
    upside_down = [{"addressFrom": "10.0.0.2", "addressTo": "10.0.0.1", "portFrom": 1, "portTo": 1}]
    network.change("Port", "c1", outbound_filter_id=network.chain("out", {"type": "dnat", "natTargets": upside_down}))
    outcome = Conversation(network).send("a1", frame(destination=BROADCAST))
    assert (outcome.fate, outcome.deliveries) == (Fate.ERROR_DROP, ())


def test_a_flood_without_a_taker_is_a_drop():
    network = Network()
    network.add("Bridge", "b")
    network.host("p", "b", A1, MAC_A)
    assert Conversation(network).send("p", frame(destination=BROADCAST)).fate is Fate.DROP


def test_the_outbound_filter_runs_once_and_knows_no_port_in_a_flood():
    network = cluster()
    chain = network.chain("out", {"type": "drop", "outPorts": ["b1"]}, {"type": "accept"})
    network.change("Bridge", "br1", outbound_filter_id=chain)
    flooded = Conversation(network).send("a1", frame(destination=BROADCAST))
    assert ports(flooded) == {"b1", "c1", "np1"}
    assert [step.position for step in flooded.steps if step.chain == "out"] == [1, 2]
    assert Conversation(network).send("a1", frame()).fate is Fate.DROP


def test_traversed_devices_of_earlier_copies_are_seen_by_later_ones():
    network = cluster()
    chain = network.chain("seen", {"type": "drop", "traversedDevice": "a1"})
    network.change("Port", "b1", outbound_filter_id=chain)
    assert ports(Conversation(network).send("c1", frame(source="02:00:00:00:01:12", destination=BROADCAST))) == {"a1", "np1"}


# ARP


def test_the_bridge_answers_from_its_table_out_of_the_port_of_entry():
    outcome = Conversation(cluster()).send("a1", arp_request(MAC_A, A1, B1))
    assert outcome.fate is Fate.CONSUMED
    (made,) = outcome.generated
    assert made.port == "a1"
    assert made.packet == arp_reply(MAC_B, B1, MAC_A, A1)


def test_the_bridge_answers_for_a_linked_router_port():
    (made,) = Conversation(cluster()).send("a1", arp_request(MAC_A, A1, "10.1.1.1")).generated
    assert (made.packet.arp_sha, str(made.packet.nw_src)) == ("02:00:00:00:01:01", "10.1.1.1")


def test_a_filter_sees_the_request_before_the_bridge_answers():
    network = cluster()
    network.chain("main", {"type": "drop", "dlType": 0x0806})
    assert not Conversation(network).send("a1", arp_request(MAC_A, A1, B1)).generated


def test_an_unknown_target_is_flooded_and_routers_do_not_hear_of_it():
    outcome = Conversation(cluster()).send("a1", arp_request(MAC_A, A1, "10.1.1.99"))
    assert ports(outcome) == {"b1", "c1", "np1"}


def test_a_gratuitous_request_is_learned_and_flooded():
    talk = Conversation(cluster())
    assert ports(talk.send("a1", arp_request(MAC_A, "10.1.1.50", "10.1.1.50"))) == {"b1", "c1", "np1"}
    (made,) = talk.send("b1", arp_request(MAC_B, B1, "10.1.1.50")).generated
    assert made.packet.arp_sha == MAC_A


def test_a_learned_address_goes_before_the_written_one():
    talk = Conversation(cluster())
    talk.send("a1", arp_request(MAC_A, B1, B1))
    (made,) = talk.send("c1", arp_request("02:00:00:00:01:12", "10.1.1.12", B1)).generated
    assert made.packet.arp_sha == MAC_A


def test_an_arp_table_without_a_mac_table_answers_and_then_floods():
    network = cluster()
    network.remove("MacPort", f"br1/0/{MAC_B}/b1")
    talk = Conversation(network)
    assert talk.send("a1", arp_request(MAC_A, A1, B1)).fate is Fate.CONSUMED
    assert ports(talk.send("a1", frame())) == {"b1", "c1", "np1"}


def test_a_broadcast_reply_for_a_router_port_goes_to_it_alone():
    packet = replace(arp_reply(MAC_A, A1, "02:00:00:00:01:01", "10.1.1.1"), eth_dst=BROADCAST)
    outcome = Conversation(cluster()).send("a1", packet)
    assert outcome.fate is Fate.CONSUMED
    assert [step.port for step in outcome.steps if step.text.startswith("enters")] == ["a1", "rp1"]


# VLANs


def test_tagged_frames_skip_the_bridges_chains_but_not_the_ports():
    network = cluster()
    network.chain("main", {"type": "drop"})
    assert ports(Conversation(network).send("a1", frame(vlans=(5,)))) == {"b1"}
    network.change("Port", "b1", outbound_filter_id=network.chain("out", {"type": "drop", "vlan": 5}))
    assert Conversation(network).send("a1", frame(vlans=(5,))).fate is Fate.DROP


@pytest.mark.parametrize("router_answers", [True, False])
def test_tagged_arp_is_flooded(router_answers):
    target = "10.1.1.1" if router_answers else B1
    outcome = Conversation(cluster()).send("a1", arp_request(MAC_A, A1, target, vlans=(5,)))
    assert ports(outcome) == {"b1", "c1", "np1"}


def test_tagged_gratuitous_arp_is_learned_and_flooded():
    talk = Conversation(cluster())
    assert ports(talk.send("a1", arp_request(MAC_A, "10.1.1.50", "10.1.1.50", vlans=(5,)))) == {"b1", "c1", "np1"}
    assert list(talk.state.neighbours.values()) == [MAC_A]


def test_two_bridges_linked_without_vlans_do_not_flood_across():
    network = cluster()
    network.add("Port", "x1", type="Bridge", deviceId="br1", peerId="x2")
    network.add("Port", "x2", type="Bridge", deviceId="br2", peerId="x1")
    assert ports(Conversation(network).send("a1", frame(destination=BROADCAST))) == {"b1", "c1", "np1"}
