from dataclasses import replace
from ipaddress import IPv4Address

import pytest

from midonet_kubernetes.simulate import Binding, Fate, Fragment, Kind, NatKey
from midonet_kubernetes.simulate.packet import ICMP, SCTP
from midonet_kubernetes.simulate.packets import arp_request, echo_request, icmp_error, ip, tcp, udp
from midonet_kubernetes.testing.small_network import VIP, VIP_PORT, Conversation, cluster, target

REV = ({"type": "rev_snat", "flowAction": "continue"}, {"type": "rev_dnat", "flowAction": "accept"})
A1, B1 = "10.1.1.10", "10.1.1.11"


def talk_with(*rules, pre=REV, out=None):
    """These rules are the Service chain of all bridges; ``out`` are b1's on the way out."""
    network = cluster()
    network.chain("pre", *pre)
    network.chain("services", *rules)
    if out:
        network.change("Port", "b1", outbound_filter_id=network.chain("out", *out))
    return Conversation(network)


def dnat(*targets, **fields):
    return {"type": "dnat", "dlType": 2048, "nwDstAddress": VIP, "nwDstLength": 32, "natTargets": list(targets), **fields}


def snat(*targets, **fields):
    return {"type": "snat", "dlType": 2048, "natTargets": list(targets), **fields}


def ends(packet):
    return f"{packet.nw_src}:{packet.tp_src}>{packet.nw_dst}:{packet.tp_dst}"


def delivered(outcome):
    (delivery,) = outcome.deliveries
    return delivery.packet


def to_vip(talk, sport=4000):
    return talk.tcp(A1, sport, VIP, VIP_PORT)


def test_dnat_stores_a_forward_and_a_reverse_entry_of_the_device_of_entry():
    talk = talk_with(dnat(target(B1)))
    state = talk.send("a1", to_vip(talk)).state
    a, b, v = IPv4Address(A1), IPv4Address(B1), IPv4Address(VIP)
    assert dict(state.nat) == {
        NatKey(Kind.FWD_DNAT, a, 4000, v, 80, 6, "br1"): Binding(b, 8080),
        NatKey(Kind.REV_DNAT, b, 8080, a, 4000, 6, "br1"): Binding(v, 80),
    }


def test_snat_stores_a_forward_and_a_reverse_entry():
    talk = talk_with(snat(target("10.1.1.1", 30000)))
    state = talk.send("a1", talk.tcp(A1, 4000, B1, 80)).state
    a, b, z = IPv4Address(A1), IPv4Address(B1), IPv4Address("10.1.1.1")
    assert dict(state.nat) == {
        NatKey(Kind.FWD_SNAT, a, 4000, b, 80, 6, "br1"): Binding(z, 30000),
        NatKey(Kind.REV_SNAT, b, 80, z, 30000, 6, "br1"): Binding(a, 4000),
    }


def test_two_nats_are_undone_in_the_opposite_order_only():
    forward = dnat(target("10.1.2.11"), flowAction="continue"), snat(target("10.1.1.99", 30000), inPorts=["a1"])
    right = talk_with(*forward)
    right.network.add("Ip4Mac", "99", bridgeId="br1", ip="10.1.1.99", mac="02:00:00:00:01:10")
    assert ends(delivered(right.answer(right.send("a1", to_vip(right))))) == f"{VIP}:80>{A1}:4000"
    wrong = talk_with(*forward, pre=(REV[1] | {"flowAction": "continue"}, REV[0]))
    wrong.network.add("Ip4Mac", "99", bridgeId="br1", ip="10.1.1.99", mac="02:00:00:00:01:10")
    back = wrong.answer(wrong.send("a1", to_vip(wrong)))
    assert ends(delivered(back)) == f"10.1.2.11:8080>{A1}:4000"


def test_keys_of_another_device_do_not_count():
    talk = talk_with(dnat(target("10.1.2.11")))
    outcome = talk.send("a1", to_vip(talk))
    assert {key.device for key in outcome.state.nat} == {"br1"}  # br2 ran the same chains and had nothing to do
    talk.network.change("Bridge", "br1", inbound_filter_id=None)
    assert ends(delivered(talk.answer(outcome))) == f"10.1.2.11:8080>{A1}:4000"  # br2 and router cannot restore it


def test_port_and_bridge_filters_share_the_bridges_keys():
    talk = talk_with(dnat(target(B1)), pre=())
    talk.network.change("Port", "a1", outbound_filter_id=talk.network.chain("restore", {"type": "rev_dnat"}))
    assert ends(delivered(talk.answer(talk.send("a1", to_vip(talk))))) == f"{VIP}:80>{A1}:4000"


@pytest.mark.parametrize("packet", [
    ip(("02:00:00:00:01:10", "02:00:00:00:01:01"), A1, VIP, SCTP),
    arp_request("02:00:00:00:01:10", A1, VIP),
    ip(("02:00:00:00:01:10", "02:00:00:00:01:01"), A1, VIP, ICMP, tp_src=13),
    ip(("02:00:00:00:01:10", "02:00:00:00:01:01"), "fd00::1", "fd00::2", 6, tp_dst=80),
    ip(("02:00:00:00:01:10", "02:00:00:00:01:01"), A1, VIP, ICMP, tp_src=8, icmp_id=1, fragment=Fragment.LATER),
], ids=str)  # fmt: skip
def test_dynamic_nat_does_not_apply_to_other_protocols(packet):
    rule = {"type": "dnat", "natTargets": [target(B1)], "flowAction": "accept"}
    outcome = talk_with(rule).send("a1", packet)
    (step,) = [step for step in outcome.steps if step.rule == "services-1"][:1]
    assert step.text == "dnat does not apply"
    assert not outcome.state.nat


def test_dynamic_dnat_may_write_port_0_but_never_keeps_the_port():
    talk = talk_with(dnat(target(B1, 0), target(B1)))
    ports = {delivered(outcome).tp_dst for outcome in talk.all("a1", to_vip(talk))}
    assert ports == {0, 8080}


def test_static_nat_keeps_ports_and_remembers_nothing():
    talk = talk_with(dnat({"addressFrom": B1, "addressTo": "10.1.1.99"}))
    outcome = talk.send("a1", to_vip(talk))
    assert ends(delivered(outcome)) == f"{A1}:4000>{B1}:80"  # the end of the range is ignored
    assert not outcome.state.nat
    assert ends(delivered(talk.answer(outcome))) == f"{B1}:80>{A1}:4000"  # nothing undoes it


def test_static_nat_applies_to_any_protocol():
    talk = talk_with(dnat({"addressFrom": B1, "addressTo": B1}))
    packet = ip(talk.eth(A1, VIP), A1, VIP, SCTP)
    assert str(delivered(talk.send("a1", packet)).nw_dst) == B1


def test_static_nat_translates_the_packet_that_an_icmp_error_carries():
    talk = talk_with(dnat({"addressFrom": B1, "addressTo": B1}))
    error = icmp_error(talk.eth(A1, VIP), A1, VIP, (3, 3), tcp(("0a:0:0:0:0:1", "0a:0:0:0:0:2"), VIP, 80, A1, 4000))
    packet = delivered(talk.send("a1", error))
    assert (str(packet.nw_dst), str(packet.embedded.nw_src)) == (B1, B1)


def test_static_dnat_with_icmp_data_translates_only_what_is_inside():
    inside = {"icmpDataDstIpAddress": VIP, "icmpDataDstIpLength": 32, "nwDstAddress": B1}
    talk = talk_with(dnat({"addressFrom": "192.0.2.9", "addressTo": "192.0.2.9"}, **inside))
    about = tcp(("0a:0:0:0:0:1", "0a:0:0:0:0:2"), B1, 4000, VIP, 80)
    packet = delivered(talk.send("a1", icmp_error(talk.eth(A1, B1), A1, B1, (3, 3), about)))
    assert (str(packet.nw_dst), str(packet.embedded.nw_dst)) == (B1, "192.0.2.9")


def test_static_snat_translates_source_and_the_destination_inside():
    talk = talk_with(snat({"addressFrom": VIP, "addressTo": VIP}, nwSrcAddress=A1, nwSrcLength=32))
    about = tcp(("0a:0:0:0:0:1", "0a:0:0:0:0:2"), B1, 4000, A1, 80)
    packet = delivered(talk.send("a1", icmp_error(talk.eth(A1, B1), A1, B1, (3, 3), about)))
    assert (str(packet.nw_src), str(packet.embedded.nw_dst)) == (VIP, VIP)


def test_an_icmp_error_about_a_translated_packet_comes_back_restored():
    talk = talk_with(dnat(target(B1)))
    there = delivered(talk.send("a1", to_vip(talk)))
    error = icmp_error(talk.eth(B1, A1), B1, A1, (3, 3), there)
    packet = delivered(talk.send("b1", error))
    assert (str(packet.nw_src), packet.tp_src, packet.tp_dst) == (VIP, 3, 3)
    assert (str(packet.embedded.nw_dst), packet.embedded.tp_dst) == (VIP, 80)


def test_an_icmp_error_from_somebody_on_the_way_keeps_its_source():
    talk = talk_with(dnat(target(B1)))
    there = delivered(talk.send("a1", to_vip(talk)))
    error = icmp_error(talk.eth("10.1.1.12", A1), "10.1.1.12", A1, (11, 0), there)
    packet = delivered(talk.send("c1", error))
    assert (str(packet.nw_src), str(packet.embedded.nw_dst)) == ("10.1.1.12", VIP)


def test_an_icmp_error_about_a_source_translated_packet_finds_the_source():
    talk = talk_with(snat(target("10.1.1.1", 30000), nwProto=6))
    there = delivered(talk.send("a1", talk.tcp(A1, 4000, B1, 80)))
    error = icmp_error(talk.eth(B1, "10.1.1.1"), B1, "10.1.1.1", (3, 3), there)
    packet = delivered(talk.send("b1", error))
    assert (str(packet.nw_dst), str(packet.embedded.nw_src), packet.embedded.tp_src) == (A1, A1, 4000)


def test_an_echo_is_translated_by_its_id():
    talk = talk_with(dnat(target(B1), flowAction="continue"), snat(target("10.1.1.1", 30000), inPorts=["a1"]))
    outcome = talk.send("a1", echo_request(talk.eth(A1, VIP), A1, VIP, 77))
    packet = delivered(outcome)
    assert (str(packet.nw_src), str(packet.nw_dst), packet.icmp_id, packet.tp_src) == ("10.1.1.1", B1, 77, 8)
    assert {(key.tp_src, key.tp_dst) for key in outcome.state.nat} == {(77, 77)}
    back = delivered(talk.answer(outcome))
    assert (str(back.nw_src), str(back.nw_dst), back.icmp_id) == (VIP, A1, 77)


def test_a_binding_is_reused_without_asking_whether_it_is_still_a_target():
    talk = talk_with(dnat(target(B1)))
    talk.send("a1", to_vip(talk))
    talk.network.change(
        "Rule", "services-1", nat_targets=talk_with(dnat(target("10.1.1.12"))).network.rules("services")[0].nat_targets
    )
    assert str(delivered(talk.send("a1", to_vip(talk))).nw_dst) == B1
    assert str(delivered(talk.send("a1", to_vip(talk, 4001))).nw_dst) == "10.1.1.12"
    talk.state = talk.state.without_flows()
    assert str(delivered(talk.send("a1", to_vip(talk))).nw_dst) == "10.1.1.12"


def test_a_bridge_that_is_crossed_twice_translates_twice():
    talk = talk_with(dnat(target(B1), flowAction="continue"), snat(target("10.1.1.1", 30000, 30001)))
    outcome = talk.all("a1", to_vip(talk))[0]
    assert [step.port for step in outcome.steps if step.text.startswith("snat to")] == ["a1", "lp1"]


def test_the_protocol_is_part_of_the_key():
    talk = talk_with(dnat(target(B1)))
    talk.send("a1", to_vip(talk))
    talk.send("a1", udp(talk.eth(A1, VIP), A1, 4000, VIP, VIP_PORT))
    assert {key.nw_proto for key in talk.state.nat} == {6, 17}
    assert len(talk.state.nat) == 4


def test_entries_of_this_packet_are_visible_to_its_later_rules():
    talk = talk_with(dnat(target(B1), flowAction="continue"), {"type": "rev_dnat", "flowAction": "continue"})
    talk.network.chain("services", snat(target(A1, 4000), flowAction="continue"))
    assert talk.send("a1", to_vip(talk)).fate is Fate.DELIVERED


def test_dnat_of_a_reply_of_a_first_fragment_works_and_of_a_later_one_does_not():
    talk = talk_with(dnat(target(B1)))
    outcome = talk.send("a1", to_vip(talk))
    reply = talk.tcp(B1, 8080, A1, 4000)
    assert str(delivered(talk.send("b1", replace(reply, fragment=Fragment.FIRST))).nw_src) == VIP
    assert str(delivered(talk.send("b1", replace(reply, fragment=Fragment.LATER))).nw_src) == B1
    assert outcome.state.nat


def test_destination_rewritten_is_known_until_the_next_port_of_entry():
    drop = {"type": "drop", "matchNwDstRewritten": True}
    same_device = talk_with(dnat(target("10.1.2.11"), flowAction="continue"), drop)
    assert same_device.send("a1", to_vip(same_device)).fate is Fate.DROP
    next_device = talk_with(dnat(target("10.1.2.11")))
    next_device.network.change("Router", "r", inbound_filter_id=next_device.network.chain("router-in", drop))
    assert next_device.send("a1", to_vip(next_device)).fate is Fate.DELIVERED
