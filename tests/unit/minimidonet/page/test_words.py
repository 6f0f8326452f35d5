from __future__ import annotations

import pytest

from midonet_kubernetes.minimidonet.page import words
from midonet_kubernetes.minimidonet.routes.rules import FIELDS

RULE = {"id": "r", "chainId": "c", "type": "accept", "rank": 1.0}
WEB = {"dlType": 0x800, "nwProto": 6, "nwDstAddress": "10.96.0.80", "nwDstLength": 32, "tpDst": {"start": 80, "end": 80}}


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({}, "everything"),
        (WEB, "ip, tcp, to 10.96.0.80, port 80"),
        ({**WEB, "condInvert": True}, "not (ip, tcp, to 10.96.0.80, port 80)"),
        ({"dlType": 0x9000, "nwProto": 99}, "type 0x9000, protocol 99"),
        ({"dlType": 0x806, "invDlType": True}, "not arp"),
        ({"nwSrcAddress": "10.1.0.0", "nwSrcLength": 16, "invNwSrc": True}, "not from 10.1.0.0/16"),
        ({"tpSrc": {"start": 1, "end": 9}, "fragmentPolicy": "header"}, "source port 1-9, no later fragments"),
        ({"inPorts": ["p", "q"], "matchReturnFlow": True, "vlan": 3}, "inPorts=p q, matchReturnFlow, vlan=3"),
    ],
)
def test_a_condition_in_words(fields, wanted):
    assert words.condition({**RULE, **fields}) == wanted


@pytest.mark.parametrize("field", [field for field in FIELDS["accept"].all if field.stored], ids=lambda field: field.name)
def test_no_field_of_a_condition_is_left_out(field):
    if field.name in {"id", "chainId", "type", "position"}:
        return
    known = {"fragmentPolicy": "header", "tpSrc": {"start": 71, "end": 72}, "tpDst": {"start": 71, "end": 72}, "condInvert": True}
    value = known.get(field.name, True if field.default is False else 77)
    owner = field.name.replace("Length", "Address") if field.name.endswith("Length") else "dlDst"
    inverted = {"invDlType": "dlType", "invNwProto": "nwProto", "invNwSrc": "nwSrcAddress", "invNwDst": "nwDstAddress"}
    inverted |= {"invTpSrc": "tpSrc", "invTpDst": "tpDst"}
    inverted |= {f"invIcmpData{end}Ip": f"icmpData{end}IpAddress" for end in ("Src", "Dst")}
    owner = inverted.get(field.name, owner)
    rule = {**RULE, owner: known.get(owner, 7)}
    assert words.condition({**rule, field.name: value}) != words.condition(rule)


@pytest.mark.parametrize(
    ("fields", "wanted"),
    [
        ({"type": "drop"}, "drop"),
        ({"type": "jump", "jumpChainId": "c"}, "jump"),
        ({"type": "rev_snat", "flowAction": "continue"}, "rev_snat then continue"),
    ],
)
def test_an_action_in_words(fields, wanted):
    assert words.action({**RULE, **fields}) == wanted


def target(number, **others):
    address = f"10.0.0.{number}"
    return {"addressFrom": address, "addressTo": address, "portFrom": 80, "portTo": 80, **others}


def test_many_targets_are_counted():
    rule = {**RULE, "type": "dnat", "flowAction": "accept", "natTargets": [target(number) for number in range(10)]}
    assert words.action(rule).startswith("dnat to 10.0.0.0:80, 10.0.0.1:80, ")
    assert words.action(rule).endswith("10.0.0.7:80 and 2 more then accept")


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        (target(1), "10.0.0.1:80"),
        (target(1, portFrom=0, portTo=0), "10.0.0.1"),
        (target(1, addressTo="10.0.0.9", portTo=90), "10.0.0.1-10.0.0.9:80-90"),
        (target(1, addressFrom=None, addressTo=None), "any:80"),
    ],
)
def test_a_target_in_words(value, wanted):
    assert words.target(value) == wanted


@pytest.mark.parametrize(
    ("route", "wanted"),
    [
        ({"type": "Normal", "nextHopGateway": "10.0.0.1"}, "via 10.0.0.1"),
        ({"type": "Normal"}, "the port's own network"),
        ({"type": "BlackHole"}, "dropped"),
        ({"type": "Local"}, "the router itself"),
    ],
)
def test_a_next_hop_in_words(route, wanted):
    assert words.next_hop(route) == wanted
