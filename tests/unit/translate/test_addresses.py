from ipaddress import IPv4Address, IPv6Address
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.translate.addresses import address, mac, pod_subnet, uuid

HOST = "5c2a7b4e-0b1d-4e11-9d0a-7a3c5e6f9a01"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.1", IPv4Address("192.0.2.1")),
        ("::ffff:192.0.2.1", IPv4Address("192.0.2.1")),
        ("::FFFF:c000:201", IPv4Address("192.0.2.1")),
        ("fd00::1", IPv6Address("fd00::1")),
    ],
)
def test_an_address_is_read_in_either_spelling(text, expected):
    assert address(text) == expected


@pytest.mark.parametrize("text", ["", "10.1.0", "10.1.0.256", "10.1.0.1/24", " 10.1.0.1", "fe80::1%eth0", "node-a", "010.1.0.1"])
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        address(text)


@pytest.mark.parametrize("text", ["ac:ca:ba:00:0a:0B", "AC-CA-BA-00-0A-0B", "acca.ba00.0a0b"])
def test_a_mac_is_read_in_each_of_its_spellings(text):
    assert mac(text) == "ac:ca:ba:00:0a:0b"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        "ac:ca:ba:00:0a",
        "ac:ca:ba:00:0a:0b:0c:0d",
        "ac:ca-ba:00:0a:0b",
        "acca:ba00:0a0b",
        "accaba000a0b",
        "a:b:c:d:e:f",
        "ac:ca:ba:00:0a:0b\n",
    ],
)
def test_what_is_no_mac_of_six_bytes_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        mac(text)


@pytest.mark.parametrize("text", [HOST, HOST.upper(), "urn:uuid:" + HOST, "URN:UUID:" + HOST.upper()])
def test_a_uuid_is_read_in_any_case(text):
    assert uuid(text) == UUID(HOST)


@pytest.mark.parametrize("text", ["", "node-a", "{" + HOST + "}", HOST.replace("-", ""), HOST + "0", "urn:" + HOST, HOST + "\n"])
def test_a_uuid_in_another_form_is_refused(text):
    with pytest.raises(ValueError, match=r".*"):
        uuid(text)


@pytest.mark.parametrize(
    ("text", "network", "gateway", "node_address"),
    [
        ("10.1.0.0/24", "10.1.0.0/24", "10.1.0.1", "10.1.0.2"),
        ("10.3.0.77/24", "10.3.0.0/24", "10.3.0.78", "10.3.0.79"),
        ("10.9.0.4/30", "10.9.0.4/30", "10.9.0.5", "10.9.0.6"),
        ("30.0.0.0/8", "30.0.0.0/8", "30.0.0.1", "30.0.0.2"),
        ("10.1.0.0/024", "10.1.0.0/24", "10.1.0.1", "10.1.0.2"),
    ],
)
def test_gateway_and_node_address_follow_the_address_as_written(text, network, gateway, node_address):
    subnet = pod_subnet(text)
    assert (str(subnet.network), str(subnet.gateway), str(subnet.node_address)) == (network, gateway, node_address)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "ADDRESS/LENGTH"),
        ("10.1.0.0", "ADDRESS/LENGTH"),
        ("10.1.0.0/255.255.255.0", "ADDRESS/LENGTH"),
        ("10.1.0.0/33", "33"),
        ("10.1.0/24", "10.1.0"),
        ("fd00:10:1::/64", "only IPv4"),
        ("10.9.1.2/31", "no room"),
        ("10.9.2.9/32", "no room"),
        ("10.1.0.254/24", "no room"),
        ("255.255.255.254/8", "no room"),
    ],
)
def test_a_pod_cidr_that_cannot_be_used_says_why(text, why):
    with pytest.raises(ValueError, match=why):
        pod_subnet(text)


@given(st.text(max_size=40) | st.from_regex(r"[0-9a-f.:/-]{0,40}"))
def test_no_text_does_anything_but_be_read_or_refused(text):
    for read in (address, mac, uuid, pod_subnet):
        try:
            read(text)
        except ValueError:
            continue
