import pytest

from midonet_kubernetes.model.midonet import NatTarget, PortRange, Rule
from midonet_kubernetes.topology.passes.balanced import endpoints_of
from midonet_kubernetes.topology.passes.exact_jumps import exact_key
from midonet_kubernetes.topology.passes.folding import given, live_rules, never_matches
from midonet_kubernetes.topology.passes.refusal import refuses
from midonet_kubernetes.topology.passes.source_nat import source_nat_of
from midonet_kubernetes.topology.rule_set import Nat


def rule(kind="accept", **fields):
    return Rule(id="r", chain_id="c", type=kind, **fields)


def exact(**fields):
    wanted = {
        "jump_chain_id": "svc",
        "dl_type": 2048,
        "nw_dst_address": "10.96.0.10",
        "nw_dst_length": 32,
        "nw_proto": 6,
        "tp_dst": PortRange(start=80, end=80),
        "fragment_policy": "header",
    }
    return rule("jump", **(wanted | fields))


def target(first, last=None, port=80, end=None):
    return NatTarget(address_from=first, address_to=last or first, port_from=port, port_to=end or port)


def dnat(*targets, **fields):
    return rule("dnat", **({"nat_targets": list(targets), "flow_action": "accept"} | fields))


def test_an_exact_jump_has_the_key_that_it_is_taken_for():
    assert exact_key(exact()) == (bytes([10, 96, 0, 10]), b"\x06", b"\x00\x50")


@pytest.mark.parametrize(
    "fields",
    [
        {"nw_dst_length": 24},
        {"nw_proto": 1},
        {"nw_proto": None},
        {"tp_dst": PortRange(start=80, end=81)},
        {"tp_dst": None},
        {"inv_nw_dst": True},
        {"inv_tp_dst": True},
        {"cond_invert": True},
        {"nw_src_address": "10.0.0.0", "nw_src_length": 8},
        {"match_return_flow": True},
        {"in_ports": ["p"]},
        {"jump_chain_id": None},
        {"dl_type": 2054},
    ],
    ids=str,
)
def test_a_jump_with_any_other_condition_is_not_exact(fields):
    assert exact_key(exact(**fields)) is None


def test_an_inversion_of_what_is_not_given_changes_nothing():
    assert exact_key(exact(inv_nw_src=True, inv_tp_src=True)) is not None


def test_conditions_that_hold_for_all_that_the_table_sees_are_folded_away():
    assert given(rule(dl_type=2048, no_vlan=True, inv_nw_src=True, vlan=0, in_ports=[])) == frozenset()
    assert given(rule(dl_type=2048, cond_invert=True)) == {"cond_invert"}
    assert given(rule(nw_proto=6, inv_nw_proto=True)) == {"nw_proto", "inv_nw_proto"}


@pytest.mark.parametrize(
    ("fields", "never"),
    [
        ({}, False),
        ({"dl_type": 2048}, False),
        ({"dl_type": 2048, "inv_dl_type": True}, True),
        ({"dl_type": 2054}, True),
        ({"dl_type": 2054, "inv_dl_type": True}, False),
        ({"vlan": 7}, True),
        ({"fragment_policy": "nonheader"}, True),
        ({"fragment_policy": "nonheader", "cond_invert": True}, True),
        ({"cond_invert": True}, True),
        ({"dl_type": 2054, "cond_invert": True}, False),
    ],
)
def test_which_rules_no_packet_matches(fields, never):
    assert never_matches(rule(**fields)) is never


def test_what_stands_behind_the_end_of_a_chain_is_dead():
    first, conditional = dnat(target("10.0.0.1")), rule("drop", nw_proto=6)
    assert live_rules([conditional, rule("drop", dl_type=2054), rule("accept"), rule("drop")]) == [conditional, rule("accept")]
    assert live_rules([first, conditional], translatable=True) == [first]
    assert live_rules([first, conditional]) == [first, conditional]  # packets without ports go on
    assert live_rules([dnat(target("10.0.0.1", port=0)), conditional]) == [dnat(target("10.0.0.1", port=0))]
    assert len(live_rules([dnat(target("10.0.0.1"), flow_action="continue"), rule("drop"), rule("accept")])) == 2


def test_a_chain_of_one_dnat_is_a_choice_of_endpoints():
    assert endpoints_of([dnat(target("10.0.0.1"), target("10.0.0.2"), target("10.0.0.1"), dl_type=2048)]) == {
        bytes([10, 0, 0, 1, 0, 80]),
        bytes([10, 0, 0, 2, 0, 80]),
    }


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [dnat(target("10.0.0.1", "10.0.0.9"))],
        [dnat(target("10.0.0.1", port=80, end=90))],
        [dnat(target("10.0.0.1", port=0, end=0))],
        [dnat(target("10.0.0.1"), nw_proto=6)],
        [dnat()],
        [rule("drop", nw_proto=6), dnat(target("10.0.0.1"))],
        [dnat(target("10.0.0.1"), flow_action="continue"), rule("drop")],
        [rule("snat", nat_targets=[target("10.0.0.1")], flow_action="accept")],
    ],
)
def test_any_other_chain_is_no_choice_of_endpoints(rules):
    assert endpoints_of(rules) is None


def test_a_chain_refuses_when_its_first_rule_rejects_all():
    assert refuses([rule("reject"), dnat(target("10.0.0.1"))])
    assert not refuses([rule("reject", nw_proto=6)])
    assert not refuses([rule("drop")])


def snat(**fields):
    wanted = {"nw_src_address": "10.0.0.5", "nw_src_length": 32, "flow_action": "accept", "dl_type": 2048}
    return rule("snat", **(wanted | {"nat_targets": [target("10.0.0.1", port=30000, end=60000)]} | fields))


def test_a_chain_of_one_snat_translates_one_source():
    gateway = bytes([10, 0, 0, 1])
    for action in ("accept", "continue"):
        found = source_nat_of([snat(flow_action=action)])
        assert (found.source, found.nat) == (bytes([10, 0, 0, 5]), Nat("snat", gateway, gateway, 30000, 60000))


@pytest.mark.parametrize(
    "rules",
    [
        [],
        [snat(nw_src_length=24)],
        [snat(nw_proto=6)],
        [snat(nat_targets=[target("10.0.0.1", port=0)])],
        [snat(nat_targets=[target("10.0.0.1"), target("10.0.0.2")])],
        [rule("drop"), snat()],
        [snat(), rule("drop")],
    ],
)
def test_any_other_chain_is_no_translation_of_one_source(rules):
    assert source_nat_of(rules) is None
