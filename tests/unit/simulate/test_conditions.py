from dataclasses import replace

import msgspec
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st

from midonet_kubernetes.model.midonet import Chain, IpAddrGroup, Port, PortGroup, PortRange, Rule
from midonet_kubernetes.simulate import Fragment, State, Topology
from midonet_kubernetes.simulate.choices import Script
from midonet_kubernetes.simulate.conditions import _TESTS, judge
from midonet_kubernetes.simulate.given import CONDITIONS, given
from midonet_kubernetes.simulate.packet import ARP, IPV4, IPV6, SCTP, TCP
from midonet_kubernetes.simulate.packets import arp_request, echo_request, icmp_error, ip, tcp
from midonet_kubernetes.simulate.state import Draft
from midonet_kubernetes.simulate.walk import Walk

A, B = "0a:00:00:00:00:01", "0a:00:00:00:00:02"
ETH = (A, B)
PLAIN = tcp(ETH, "10.0.0.1", 1000, "10.0.0.2", 80, nw_tos=8)
SIX = ip(ETH, "fd00::1", "fd00::2", TCP, tp_src=1000, tp_dst=80)
WHO_HAS = arp_request(A, "10.0.0.1", "10.0.0.2")
PING = echo_request(ETH, "10.0.0.1", "10.0.0.2", 5)
ERROR = icmp_error(ETH, "10.0.0.1", "10.0.0.2", (3, 3), tcp(ETH, "10.9.0.1", 1, "10.9.0.2", 2))
LATER = replace(PLAIN, fragment=Fragment.LATER)
FIRST = replace(PLAIN, fragment=Fragment.FIRST)
BARE = ip(ETH, "10.0.0.1", "10.0.0.2", SCTP)
TAGGED = replace(PLAIN, vlans=(7, 9))
FRAME = replace(PLAIN, ethertype=0x88CC, nw_src=None, nw_dst=None, nw_proto=0)

OBJECTS = [
    Port(id="p", type="Bridge", device_id="d", host_id="h", interface_name="p"),
    Chain(id="c"),
    IpAddrGroup(id="g", addrs=["10.0.0.1", "fd00::1", "10.0.0.0/8"]),
    PortGroup(id="pg", port_ids=["p"]),
]


def walk_of(packet, *, entered=True):
    topology = Topology(OBJECTS)
    port = OBJECTS[0]
    walk = Walk(topology, packet, Draft(State()), Script((), None), port if entered else None)
    if entered:
        walk.enter(port)
    return walk


def rule(**fields):
    return msgspec.convert({"id": "r", "chainId": "c", "type": "drop"} | fields, Rule)


CASES = [
    # condition, packet, whether it holds
    ({}, PLAIN, True),
    ({}, WHO_HAS, True),
    ({}, FRAME, True),
    ({"dlType": IPV4}, PLAIN, True),
    ({"dlType": IPV4}, WHO_HAS, False),
    ({"dlType": ARP}, WHO_HAS, True),
    ({"dlType": IPV6}, SIX, True),
    ({"dlType": IPV4}, TAGGED, True),
    ({"dlSrc": "A:0:0:0:0:1"}, PLAIN, True),
    ({"dlSrc": B}, PLAIN, False),
    ({"dlSrc": "0a:ff:ff:ff:ff:ff", "dlSrcMask": "ff00.0000.0000"}, PLAIN, True),
    ({"dlDst": "0a:00:00:00:00:01", "dlDstMask": "ffff.ffff.fffc"}, PLAIN, True),
    ({"dlDst": "0a:00:00:00:00:01", "dlDstMask": "ffff.ffff.ffff"}, PLAIN, False),
    ({"nwTos": 8}, PLAIN, True),
    ({"nwTos": 0}, PLAIN, False),
    ({"nwTos": 0}, PING, True),
    ({"nwProto": TCP}, PLAIN, True),
    ({"nwProto": TCP}, SIX, True),
    ({"nwProto": 1}, WHO_HAS, True),  # the opcode stands there
    ({"nwProto": 0}, FRAME, True),
    ({"nwSrcAddress": "10.0.0.0", "nwSrcLength": 24}, PLAIN, True),
    ({"nwSrcAddress": "10.0.0.99", "nwSrcLength": 24}, PLAIN, True),  # bits behind the prefix do not count
    ({"nwSrcAddress": "10.0.0.2", "nwSrcLength": 32}, PLAIN, False),
    ({"nwSrcAddress": "192.0.2.1"}, PLAIN, True),  # the length defaults to 0
    ({"nwSrcAddress": "10.0.0.1", "nwSrcLength": 32}, WHO_HAS, True),
    ({"nwDstAddress": "10.0.0.2", "nwDstLength": 32}, WHO_HAS, True),
    ({"nwDstAddress": "0.0.0.0", "nwDstLength": 0}, FRAME, False),
    ({"nwDstAddress": "0.0.0.0", "nwDstLength": 0}, SIX, False),
    ({"tpSrc": {"start": 1000, "end": 1000}}, PLAIN, True),
    ({"tpDst": {"start": 80, "end": 90}}, PLAIN, True),
    ({"tpDst": {"start": 81, "end": 90}}, PLAIN, False),
    ({"tpDst": {"start": 80, "end": 80}}, SIX, True),
    ({"tpSrc": {"start": 8, "end": 8}}, PING, True),  # of ICMP the type
    ({"tpDst": {"start": 3, "end": 3}}, ERROR, True),  # of ICMP the code
    ({"tpDst": {"start": 1, "end": 65535}}, BARE, False),
    ({"tpDst": {"start": 1, "end": 65535}}, WHO_HAS, False),
    ({"tpDst": {"start": 1, "end": 65535}}, LATER, False),
    ({"ipAddrGroupSrc": "g"}, PLAIN, True),
    ({"ipAddrGroupSrc": "g"}, SIX, True),
    ({"ipAddrGroupDst": "g"}, PLAIN, False),  # a prefix is no member
    ({"ipAddrGroupSrc": "g"}, FRAME, False),
    ({"portGroup": "pg"}, PLAIN, True),
    ({"inPortGroup": "pg"}, PLAIN, True),
    ({"outPortGroup": "pg"}, PLAIN, False),
    ({"inPorts": ["x", "p"]}, PLAIN, True),
    ({"inPorts": ["x"]}, PLAIN, False),
    ({"outPorts": ["p"]}, PLAIN, False),  # there is no port of exit yet
    ({"inPorts": []}, PLAIN, True),
    ({"traversedDevice": "p"}, PLAIN, True),
    ({"traversedDevice": "x"}, PLAIN, False),
    ({"noVlan": True}, PLAIN, True),
    ({"noVlan": True}, TAGGED, False),
    ({"vlan": 7}, TAGGED, True),
    ({"vlan": 9}, TAGGED, False),  # the first one counts
    ({"vlan": 7}, PLAIN, False),
    ({"vlan": 0}, TAGGED, True),
    ({"icmpDataSrcIpAddress": "10.9.0.1", "icmpDataSrcIpLength": 32}, ERROR, True),
    ({"icmpDataDstIpAddress": "10.9.0.2", "icmpDataDstIpLength": 32}, ERROR, True),
    ({"icmpDataDstIpAddress": "10.9.0.1", "icmpDataDstIpLength": 32}, ERROR, False),
    ({"icmpDataSrcIpAddress": "0.0.0.0"}, PING, False),
    ({"matchNwDstRewritten": True}, PLAIN, False),
    ({"matchForwardFlow": True}, PLAIN, True),
    ({"matchReturnFlow": True}, PLAIN, False),
    ({"matchForwardFlow": True, "matchReturnFlow": True}, PLAIN, False),
    ({"dlType": IPV4, "nwProto": TCP, "tpDst": {"start": 80, "end": 80}}, PLAIN, True),
    ({"dlType": IPV4, "nwProto": 17, "tpDst": {"start": 80, "end": 80}}, PLAIN, False),
]
INVERSIONS = {
    "dlType": "invDlType",
    "dlSrc": "invDlSrc",
    "dlDst": "invDlDst",
    "nwTos": "invNwTos",
    "nwProto": "invNwProto",
    "nwSrcAddress": "invNwSrc",
    "nwDstAddress": "invNwDst",
    "tpSrc": "invTpSrc",
    "tpDst": "invTpDst",
    "ipAddrGroupSrc": "invIpAddrGroupSrc",
    "ipAddrGroupDst": "invIpAddrGroupDst",
    "portGroup": "invPortGroup",
    "inPortGroup": "invInPortGroup",
    "outPortGroup": "invOutPortGroup",
    "inPorts": "invInPorts",
    "outPorts": "invOutPorts",
    "traversedDevice": "invTraversedDevice",
    "icmpDataSrcIpAddress": "invIcmpDataSrcIp",
    "icmpDataDstIpAddress": "invIcmpDataDstIp",
}


@pytest.mark.parametrize(("condition", "packet", "holds"), CASES, ids=str)
def test_a_condition_means_what_is_written(condition, packet, holds):
    assert judge(rule(**condition), walk_of(packet)).holds == holds


@pytest.mark.parametrize(("condition", "packet", "holds"), CASES, ids=str)
def test_the_conjunction_can_be_inverted(condition, packet, holds):
    assert judge(rule(condInvert=True, **condition), walk_of(packet)).holds != holds


def flags_of(condition):
    return [INVERSIONS[name] for name, value in condition.items() if name in INVERSIONS and value != []]


@pytest.mark.parametrize(("condition", "packet", "holds"), [case for case in CASES if len(flags_of(case[0])) == 1], ids=str)
def test_each_condition_can_be_inverted_by_its_flag(condition, packet, holds):
    assert judge(rule(**condition, **dict.fromkeys(flags_of(condition), True)), walk_of(packet)).holds != holds


@pytest.mark.parametrize("flag", INVERSIONS.values())
def test_the_flag_of_a_condition_that_is_not_given_changes_nothing(flag):
    assert judge(rule(**{flag: True}), walk_of(PLAIN)).holds


@pytest.mark.parametrize(("policy", "taken"), [
    ("any", {PLAIN, FIRST, LATER}),
    ("unfragmented", {PLAIN}),
    ("header", {PLAIN, FIRST}),
    ("nonheader", {LATER}),
])  # fmt: skip
@pytest.mark.parametrize("packet", [PLAIN, FIRST, LATER], ids=lambda packet: packet.fragment.value)
def test_the_fragment_policy_is_never_inverted(policy, taken, packet):
    assert judge(rule(fragmentPolicy=policy), walk_of(packet)).holds == (packet in taken)
    never = rule(fragmentPolicy=policy, condInvert=True, nwProto=99)
    assert judge(never, walk_of(packet)).holds == (packet in taken)


def test_every_condition_has_a_test_and_every_other_field_is_accounted_for():
    assert tuple(_TESTS) == CONDITIONS
    companions = ("inv_", "cond_invert", "fragment_policy", "dl_src_mask", "dl_dst_mask")
    rest = {name for name in Rule.__struct_fields__ if not name.startswith(companions) and not name.endswith("_length")}
    assert rest - set(CONDITIONS) == {"id", "chain_id", "type", "rank", "jump_chain_id", "flow_action", "nat_targets"}


def test_a_number_may_be_0_and_given_but_for_the_vlan_id():
    assert given(rule(nwTos=0, nwProto=0, vlan=0, dlType=0)) == ("dl_type", "nw_tos", "nw_proto")


def test_the_condition_that_decided_is_named():
    assert judge(rule(nwProto=TCP, tpDst={"start": 1, "end": 2}), walk_of(PLAIN)).condition == "tpDst"
    assert judge(rule(fragmentPolicy="nonheader"), walk_of(PLAIN)).condition == "fragmentPolicy"
    assert not judge(rule(nwProto=TCP), walk_of(PLAIN)).condition


def test_a_flow_test_comes_before_all_other_conditions():
    walk = walk_of(PLAIN)
    assert not judge(rule(matchReturnFlow=True, nwProto=250), walk).holds
    assert walk.forward is True  # connection tracking was asked by a rule that can never match


def test_a_fragment_policy_keeps_connection_tracking_unasked():
    walk = walk_of(PLAIN)
    assert not judge(rule(matchReturnFlow=True, fragmentPolicy="nonheader"), walk).holds
    assert walk.forward is None


@pytest.mark.parametrize(("packet", "entered", "is_return"), [
    (PLAIN, False, True),  # generated: return flow
    (WHO_HAS, False, False),  # not tracked: forward flow
    (WHO_HAS, True, False),
    (SIX, True, False),
    (BARE, False, False),
])  # fmt: skip
def test_what_is_not_tracked_is_forward_and_what_is_generated_is_return(packet, entered, is_return):
    walk = walk_of(packet, entered=entered)
    assert judge(rule(matchReturnFlow=True), walk).holds == is_return
    assert judge(rule(id="other", matchForwardFlow=True), walk).holds != is_return


def test_a_generated_packet_has_no_port_of_entry():
    walk = walk_of(PLAIN, entered=False)
    assert not judge(rule(inPorts=["p"]), walk).holds
    assert judge(rule(id="other", inPorts=["p"], invInPorts=True), walk).holds


@settings(deadline=None)
@for_all(st.integers(0, 70000), st.integers(0, 70000), st.integers(0, 65535), st.booleans())
def test_a_range_includes_both_its_ends(start, end, port, inverted):
    condition = msgspec.structs.replace(rule(), tp_dst=PortRange(start=start, end=end), inv_tp_dst=inverted)
    assert judge(condition, walk_of(replace(PLAIN, tp_dst=port))).holds == ((start <= port <= end) != inverted)
