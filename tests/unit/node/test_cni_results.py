import json

import pytest

from midonet_kubernetes.node import cni_protocol as cni
from midonet_kubernetes.node.cni_protocol import Call, CniError
from midonet_kubernetes.node.cni_results import Attached, add_result, answer, error_result, expected_addresses

ATTACHED = Attached("mido0", "ac:ca:ba:00:00:01", "/run/netns/midonet", "ac:ca:ba:00:00:02", 1450, "10.1.0.3/32", "10.1.0.1")


def call(version="1.1.0", **more):
    return Call("ADD", version, "midonet", "c1", "eth0", "/run/netns/a", **more)


def test_a_result_of_the_newest_version():
    assert json.loads(add_result(call(), ATTACHED)) == {
        "cniVersion": "1.1.0",
        "interfaces": [
            {"name": "mido0", "mac": "ac:ca:ba:00:00:01", "sandbox": "/run/netns/midonet", "mtu": 1450},
            {"name": "eth0", "mac": "ac:ca:ba:00:00:02", "sandbox": "/run/netns/a", "mtu": 1450},
        ],
        "ips": [{"address": "10.1.0.3/32", "gateway": "10.1.0.1", "interface": 1}],
        "routes": [{"dst": "0.0.0.0/0", "gw": "10.1.0.1"}],
        "dns": {},
    }


@pytest.mark.parametrize(
    ("version", "family", "mtu"),
    [("0.3.1", True, False), ("0.4.0", True, False), ("1.0.0", False, False), ("1.1.0", False, True)],
)
def test_each_version_gets_its_own_fields(version, family, mtu):
    result = json.loads(add_result(call(version), ATTACHED))
    assert result["cniVersion"] == version
    assert ("version" in result["ips"][0], "mtu" in result["interfaces"][0]) == (family, mtu)


def test_the_configurations_dns_is_repeated():
    assert json.loads(add_result(call(dns={"domain": "a"}), ATTACHED))["dns"] == {"domain": "a"}


def test_the_result_of_an_earlier_plugin_is_kept():
    previous = {
        "interfaces": [{"name": "lo", "sandbox": "/run/netns/a"}],
        "ips": [{"address": "127.0.0.1/8", "interface": 0}],
        "routes": [{"dst": "10.0.0.0/8"}],
        "dns": {"search": ["a"]},
    }
    result = json.loads(add_result(call(previous=previous), ATTACHED))
    assert [interface["name"] for interface in result["interfaces"]] == ["lo", "mido0", "eth0"]
    assert result["interfaces"][result["ips"][1]["interface"]]["name"] == "eth0"
    assert result["routes"][0] == {"dst": "10.0.0.0/8"}
    assert result["dns"] == {"search": ["a"]}


@pytest.mark.parametrize("version", cni.VERSIONS)
def test_check_finds_in_a_result_what_add_put_in(version):
    previous = json.loads(add_result(call(version), ATTACHED))
    assert expected_addresses(call(version, previous=previous)) == ["10.1.0.3/32"]


def test_check_takes_no_address_of_another_interface():
    previous = {
        "interfaces": [{"name": "eth1", "sandbox": "x"}, {"name": "eth0"}],
        "ips": [{"address": "a", "interface": 0}, {"address": "b", "interface": 1}],
    }
    assert expected_addresses(call(previous=previous)) == []


@pytest.mark.parametrize("previous", [{"interfaces": [{}], "ips": [{}]}, {"ips": [{"address": "a"}]}, {"ips": None}, {}])
def test_a_previous_result_may_lack_anything(previous):
    assert expected_addresses(call(previous=previous)) == []


def test_an_error_has_code_message_and_details():
    assert json.loads(error_result("0.4.0", CniError(11, "later", "much later"))) == {
        "cniVersion": "0.4.0",
        "code": 11,
        "msg": "later",
        "details": "much later",
    }
    assert "details" not in json.loads(error_result("0.4.0", CniError(11, "later")))


def test_an_answer_says_how_long_it_is():
    assert answer(1, 0, b"ab\n") == b"1 0 3\nab\n"
