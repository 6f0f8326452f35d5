from ipaddress import IPv4Address

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midonet_kubernetes.simulate import Embedded, Fragment, Packet
from midonet_kubernetes.simulate.packet import ARP, ICMP, ICMPV6, IPV4, IPV6, SCTP, TCP, UDP, is_multicast_mac, mac
from midonet_kubernetes.simulate.packets import arp_reply, arp_request, echo_request, icmp_error, tcp

A, B = "02:00:00:00:00:01", "02:00:00:00:00:02"
ABOUT = Embedded(IPv4Address("10.0.0.2"), IPv4Address("10.0.0.1"), TCP, 80, 4000)


def packet(ethertype, protocol, fragment=Fragment.WHOLE, tp_src=5, **fields):
    return Packet(
        eth_src=A, eth_dst=B, ethertype=ethertype, nw_proto=protocol, tp_src=tp_src, tp_dst=6, fragment=fragment, **fields
    )


@pytest.mark.parametrize(("ethertype", "protocol", "fragment", "has_ports"), [
    (IPV4, TCP, Fragment.WHOLE, True),
    (IPV4, UDP, Fragment.WHOLE, True),
    (IPV4, ICMP, Fragment.WHOLE, True),
    (IPV6, TCP, Fragment.WHOLE, True),
    (IPV4, UDP, Fragment.FIRST, True),
    (IPV4, UDP, Fragment.LATER, False),
    (IPV4, SCTP, Fragment.WHOLE, False),
    (IPV6, ICMPV6, Fragment.WHOLE, False),
    (IPV6, ICMP, Fragment.WHOLE, False),
    (ARP, 1, Fragment.WHOLE, False),
    (0x88CC, 0, Fragment.WHOLE, False),
])  # fmt: skip
def test_a_packet_without_ports_has_ports_0(ethertype, protocol, fragment, has_ports):
    made = packet(ethertype, protocol, fragment)
    assert (made.tp_src, made.tp_dst) == ((5, 6) if has_ports else (0, 0))


@pytest.mark.parametrize(("icmp_type", "keeps_id", "keeps_embedded"), [
    (0, True, False), (8, True, False), (3, False, True), (11, False, True), (12, False, True), (5, False, False),
    (13, False, False),
])  # fmt: skip
def test_only_echo_has_an_id_and_only_errors_carry_a_packet(icmp_type, keeps_id, keeps_embedded):
    made = packet(IPV4, ICMP, tp_src=icmp_type, icmp_id=7, embedded=ABOUT)
    assert (made.icmp_id, made.embedded) == (7 if keeps_id else None, ABOUT if keeps_embedded else None)
    assert made.is_translatable == (keeps_id or keeps_embedded)
    assert made.is_tracked


def test_a_redirect_is_an_error_and_an_echo_is_not():
    assert packet(IPV4, ICMP, tp_src=5).is_icmp_error
    assert not packet(IPV4, ICMP, tp_src=8).is_icmp_error
    assert not packet(IPV4, TCP, tp_src=5).is_icmp_error


@pytest.mark.parametrize(("text", "read"), [
    ("A:b:c:d:e:f", "0a:0b:0c:0d:0e:0f"),
    ("02-00-00-00-00-01", "02:00:00:00:00:01"),
])  # fmt: skip
def test_a_mac_has_one_spelling(text, read):
    assert mac(text) == read


@pytest.mark.parametrize("text", ["", "1:2:3:4:5", "1:2:3:4:5:6:7", "1:2:3:4:5:6g", "123:2:3:4:5:6", "::::: "])
def test_what_is_no_mac_is_refused(text):
    with pytest.raises(ValueError, match="no MAC address"):
        mac(text)


@settings(deadline=None)
@given(st.integers(0, 2**48 - 1))
def test_the_lowest_bit_of_the_first_byte_makes_a_group_address(number):
    text = ":".join(f"{byte:02x}" for byte in number.to_bytes(6, "big"))
    assert mac(text) == text
    assert is_multicast_mac(text) == bool(number >> 40 & 1)


@pytest.mark.parametrize(("made", "shown"), [
    (tcp((A, B), "10.0.0.1", 1, "10.0.0.2", 2), "TCP 10.0.0.1:1 -> 10.0.0.2:2"),
    (tcp((A, B), "10.0.0.1", 1, "10.0.0.2", 2, vlans=(5,)), "TCP 10.0.0.1:1 -> 10.0.0.2:2 vlan 5"),
    (echo_request((A, B), "10.0.0.1", "10.0.0.2", 1), "ICMP 8/0 10.0.0.1 -> 10.0.0.2"),
    (arp_request(A, "10.0.0.1", "10.0.0.2"), "ARP request 10.0.0.1 -> 10.0.0.2"),
    (arp_reply(A, "10.0.0.1", B, "10.0.0.2"), "ARP reply 10.0.0.1 -> 10.0.0.2"),
    (packet(0x88CC, 0), f"ethertype 0x88cc {A} -> {B}"),
    (packet(IPV4, 50, nw_src=IPv4Address("10.0.0.1"), nw_dst=IPv4Address("10.0.0.2")), "protocol 50 10.0.0.1:0 -> 10.0.0.2:0"),
])  # fmt: skip
def test_a_packet_is_shown_in_one_line(made, shown):
    assert str(made) == shown


def test_an_icmp_error_carries_the_head_of_what_it_is_about():
    error = icmp_error((A, B), "10.0.0.1", "10.0.0.2", (3, 3), tcp((B, A), "10.0.0.2", 80, "10.0.0.1", 4000))
    assert error.embedded == ABOUT
