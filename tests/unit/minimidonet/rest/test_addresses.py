from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.minimidonet.rest.addresses import network_of, parse_ip, parse_ipv4, read_ip, read_subnet, split_subnet
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
        ("0010.0.0.1", "10.0.0.1"),
        ("10.0.0.1.", "10.0.0.1"),
        ("-1.0.0.1", None),
        ("FD00:0::1", "fd00:0:0:0:0:0:0:1"),
        ("::", "0:0:0:0:0:0:0:0"),
        ("fe80::1%eth0", None),
        ("fd00::1::2", None),
        ("fd00:::1", None),
        ("fd00:0:0:0:0:0:1", None),
        ("::ffff:1.2.3.4", None),
        ("[fd00::1]", "fd00:0:0:0:0:0:0:1"),
        ("12345::1", "2345:0:0:0:0:0:0:1"),
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
        ("010.0.0.1/24", None),
        ("10.0.0.1/08", None),
        (" 10.0.0.1/8 ", "10.0.0.1/8"),
        ("fd00::1/129", None),
        ("fd00::1/x", None),
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


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("10.0.0.x", "IPv4 string must be 4 numbers between 0 and 255 joined with 3 '.' but was 10.0.0.x"),
        (
            "fd00:1",
            "IPv6 string must be up to 8 16-bit numbers between 0 and 0xFFFF joined with up to 7 ':' but was fd00:1",
        ),
        ("fd00::zz", 'For input string: "zz"'),
    ],
)
def test_what_is_no_address_is_refused_in_the_parsers_words(text, said):
    with pytest.raises(Refusal) as refused:
        read_ip(text)
    assert (refused.value.status, refused.value.message) == (400, said)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("10.0.0.0_24", ("10.0.0.0", 24)),
        ("10.0.0.0", ("10.0.0.0", 32)),
        ("10.0.0.0_99_x", ("10.0.0.0", 99)),
        ("10.0.0.0_-1", ("10.0.0.0", -1)),
        ("10.0.0.0_x", None),
        ("_", None),
    ],
)
def test_a_subnet_in_a_path_may_lack_its_length(text, wanted):
    if wanted is None:
        with pytest.raises(Refusal):
            split_subnet(text, "_", 32)
    else:
        assert split_subnet(text, "_", 32) == wanted


def test_the_network_of_a_subnet_is_computed():
    assert network_of("10.0.2.9/24") == ("10.0.2.9", "10.0.2.0", 24)
    assert network_of("10.0.2.9/0") == ("10.0.2.9", "0.0.0.0", 0)
    assert network_of("10.0.2.9/32") == ("10.0.2.9", "10.0.2.9", 32)
