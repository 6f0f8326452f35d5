"""The simulator's checklist (section 12 of the description of MidoNet's simulation), point by point."""

from dataclasses import replace
from fractions import Fraction

import pytest

from midonet_kubernetes.simulate import Fate, Fragment, simulate_generated
from midonet_kubernetes.simulate.packet import BROADCAST, IPV6, SCTP
from midonet_kubernetes.simulate.packets import arp_request, ip
from midonet_kubernetes.testing.small_network import VIP, VIP_PORT, Conversation, cluster, target

A1, B1, B2, C2 = "10.1.1.10", "10.1.1.11", "10.1.2.11", "10.1.2.12"
DNAT = {"type": "dnat", "nwDstAddress": VIP, "nwDstLength": 32, "dlType": 2048, "natTargets": [target(B2)]}
ASK = {"type": "accept", "matchReturnFlow": True, "nwProto": 250}


@pytest.fixture
def talk():
    return Conversation(cluster())


def sent(talk, destination=B2, dport=80):
    return talk.send("a1", talk.tcp(A1, 4000, destination, dport))


def filter_of(talk, kind, id_, *rules, way="inbound"):
    talk.network.change(kind, id_, **{f"{way}_filter_id": talk.network.chain(f"{id_}-{way}", *rules)})


def test_1_the_current_device_changes_at_entry_only(talk):
    filter_of(talk, "Port", "lp1", DNAT | {"nwDstAddress": B2, "natTargets": [target(C2)]}, way="outbound")
    outcome = sent(talk)
    assert {key.device for key in outcome.state.nat} == {"br1"}  # not yet the router, whose port is next


def test_2_keys_name_the_device_and_a_binding_is_not_checked_again(talk):
    talk.network.chain("services", DNAT)
    assert {key.device for key in sent(talk, VIP).state.nat} == {"br1"}
    talk.network.change("Rule", "services-1", nat_targets=[replace_address(talk, C2)])
    assert sent(talk, VIP).deliveries[0].port == "b2"


def replace_address(talk, address):
    (old,) = talk.network.rules("services")[0].nat_targets
    return type(old)(address_from=address, address_to=address, port_from=old.port_from, port_to=old.port_to)


def test_3_a_missed_reverse_and_an_unsupported_packet_continue(talk):
    filter_of(talk, "Port", "a1", {"type": "rev_snat"}, {"type": "rev_dnat"}, {"type": "dnat", "natTargets": [target(C2)]},
              {"type": "drop"})  # fmt: skip
    packet = ip(talk.eth(A1, B1), A1, B1, SCTP)
    outcome = talk.send("a1", packet)
    assert outcome.reason == "rule 4 of chain a1-inbound (a1-inbound-4)"


def test_4_a_chain_runs_once_per_evaluation_and_ends_in_accept(talk):
    jump = {"type": "jump", "jumpChainId": "sub"}
    talk.network.chain("sub", {"type": "trace"})
    filter_of(talk, "Port", "a1", jump, jump)
    outcome = sent(talk)
    assert [step.rule for step in outcome.steps].count("sub-1") == 1
    assert outcome.fate is Fate.DELIVERED


def test_5_conntrack_is_lazy_looks_up_the_original_and_writes_the_reversed_final_headers(talk):
    assert not sent(talk).state.connections
    talk.network.chain("pre", ASK)
    talk.network.chain("services", DNAT)
    (key,) = sent(talk, VIP).state.connections
    assert (str(key.nw_src), key.tp_src, str(key.nw_dst), key.tp_dst, key.device) == (B2, 8080, A1, 4000, "br2")


def test_6_accept_in_a_port_filter_does_not_skip_the_device_filter(talk):
    filter_of(talk, "Port", "a1", {"type": "accept"})
    talk.network.chain("main", {"type": "drop"})
    assert sent(talk).fate is Fate.DROP


def test_7_bridge_chains_come_before_learning_and_the_arp_answer_but_not_for_tagged_frames(talk):
    talk.network.chain("main", {"type": "drop"})
    request = arp_request("02:00:00:00:01:10", A1, B1)
    outcome = talk.send("a1", request)
    assert (outcome.fate, outcome.generated, len(outcome.state.macs)) == (Fate.DROP, (), 1)
    assert talk.send("a1", replace(request, vlans=(3,))).fate is Fate.DELIVERED


def test_8_floods_never_enter_routers(talk):
    packet = replace(talk.tcp(A1, 1, B1, 2), eth_dst=BROADCAST)
    outcome = talk.send("a1", packet)
    assert {step.device for step in outcome.steps} == {"", "br1"} - {""}


def test_9_the_port_of_entry_is_no_way_out(talk):
    flooded = talk.send("a1", replace(talk.tcp(A1, 1, B1, 2), eth_dst=BROADCAST))
    assert "a1" not in {delivery.port for delivery in flooded.deliveries}
    assert (
        talk.send("a1", replace(talk.tcp(A1, 1, B1, 2), eth_src="02:00:00:00:99:99", eth_dst="02:00:00:00:01:10")).fate
        is Fate.ERROR_DROP
    )


def test_10_a_router_checks_the_mac_then_filters_routes_counts_and_filters(talk):
    filter_of(talk, "Router", "r", {"type": "trace"})
    filter_of(talk, "Router", "r", {"type": "trace"}, way="outbound")
    texts = [step.text for step in sent(talk).steps if step.device == "r"]
    assert [text.split()[0] for text in texts] == ["enters", "trace", "router", "trace"]
    filtered = [step.packet.nw_ttl for step in sent(talk).steps if step.rule.startswith("r-")]
    assert filtered == [64, 63]


def test_11_the_thirteenth_device_is_an_error_drop(talk):
    # A router port whose peer is itself: the packet enters the router again and again.
    talk.network.add("Port", "self", type="Router", deviceId="r", peerId="self", portSubnet=["172.16.0.1/24"],
                     portMac="02:00:00:00:00:77")  # fmt: skip
    talk.network.route("loop", "r", "203.0.113.0", 24, "self")
    outcome = sent(talk, "203.0.113.1")
    assert (outcome.fate, outcome.reason.split(" before")[0]) == (Fate.ERROR_DROP, "loop: 12 devices traversed")


@pytest.mark.parametrize(
    "change", [{"fragment": Fragment.LATER}, {"nw_proto": SCTP}, {"ethertype": IPV6, "nw_proto": 58}], ids=str
)
def test_12_missing_ports_are_0(talk, change):
    packet = replace(talk.tcp(A1, 4000, B1, 80), **change)
    assert (packet.tp_src, packet.tp_dst) == (0, 0)


def test_13_state_is_kept_on_drop_and_discarded_on_error_drop_and_for_generated_packets(talk):
    talk.network.chain("services", DNAT | {"flowAction": "continue"}, {"type": "drop", "tpSrc": {"start": 1, "end": 1}})
    dropped = talk.all("a1", talk.tcp(A1, 1, VIP, VIP_PORT))[0]
    assert (dropped.fate, len(dropped.state.nat)) == (Fate.DROP, 2)
    lost = talk.all("a1", replace(talk.tcp(A1, 2, VIP, VIP_PORT), nw_ttl=1))[0]
    assert (lost.fate, len(lost.state.nat)) == (Fate.ERROR_DROP, 0)
    (error,) = lost.generated
    filter_of(talk, "Port", "lp1", {"type": "accept"})
    (outcome,) = simulate_generated(talk.network.topology(), error, dropped.state)
    assert outcome.state.nat == dropped.state.nat


def test_14_a_choice_shows_all_candidates_and_the_caller_may_fix_one(talk):
    talk.network.chain("services", DNAT | {"natTargets": [target(B2), target(C2)], "inPorts": ["a1"]})
    outcomes = talk.all("a1", talk.tcp(A1, 4000, VIP, VIP_PORT))
    assert [candidate.probability for candidate in outcomes[0].choices[0].candidates] == [Fraction(1, 2)] * 2
    talk.chooser = lambda choice: choice.candidates[1].value
    assert sent(talk, VIP).deliveries[0].port == "c2"
