from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.minimidonet.rest.addresses import network_of, parse_ip, parse_ipv4, read_subnet
from midonet_kubernetes.minimidonet.rest.refusal import Refusal


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("010.000.000.002", "10.0.0.2"),
        ("10.0.0.256", None),
        ("10.0.0", None),
        ("10.0.0.1.2", None),
        ("10.0.0.x", None),
        ("0010.0.0.1", None),
        ("FD00:0::1", "fd00:0:0:0:0:0:0:1"),
        ("::", "0:0:0:0:0:0:0:0"),
        ("fe80::1%eth0", None),
        ("fd00::1::2", None),
        ("", None),
    ],
)
def test_an_address_is_printed_as_midonet_prints_it(text, wanted):
    assert parse_ip(text) == wanted


@given(st.ip_addresses(v=6))
def test_every_ipv6_address_keeps_its_value(address):
    assert ipaddress.IPv6Address(parse_ip(str(address))) == address


@given(st.text(alphabet="0123456789.", max_size=16))
def test_only_dotted_decimal_is_an_ipv4_address(text):
    parsed = parse_ipv4(text)
    if parsed is not None:
        assert str(ipaddress.IPv4Address(parsed)) == parsed


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("10.0.0.1/24", "10.0.0.1/24"),
        ("10.0.0.1", "10.0.0.1/32"),
        ("10.0.0.1/0", "10.0.0.1/0"),
        ("fd00::1", "fd00:0:0:0:0:0:0:1/128"),
        ("fd00::1/64", "fd00:0:0:0:0:0:0:1/64"),
        ("10.0.0.1/33", None),
        ("10.0.0.1/", None),
        ("10.0.0.1/-1", None),
        ("garbage/24", None),
        ("", None),
    ],
)
def test_a_subnet_keeps_its_host_bits(text, wanted):
    if wanted is None:
        with pytest.raises(Refusal):
            read_subnet(text)
    else:
        assert read_subnet(text) == wanted


def test_the_network_of_a_subnet_is_computed():
    assert network_of("10.0.2.9/24") == ("10.0.2.9", "10.0.2.0", 24)
    assert network_of("10.0.2.9/0") == ("10.0.2.9", "0.0.0.0", 0)
    assert network_of("10.0.2.9/32") == ("10.0.2.9", "10.0.2.9", 32)
