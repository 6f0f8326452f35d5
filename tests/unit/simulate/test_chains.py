import pytest

from midonet_kubernetes.simulate import Fate
from midonet_kubernetes.testing.small_network import Conversation, cluster, target

TCP80 = {"nwProto": 6, "tpDst": {"start": 80, "end": 80}, "fragmentPolicy": "header"}
ACCEPT, DROP, REJECT, RETURN = ({"type": name} for name in ("accept", "drop", "reject", "return"))


def jump(chain, **fields):
    return {"type": "jump", "jumpChainId": chain, **fields}


def fate(network, dport=80):
    talk = Conversation(network)
    return talk.send("a1", talk.tcp("10.1.1.10", 40000, "10.1.1.11", dport))


def filtered(**chains):
    """The inbound filter of a1 is the chain ``top``."""
    network = cluster()
    for name, rules in chains.items():
        network.chain(name, *rules)
    network.change("Port", "a1", inbound_filter_id="top")
    return network


@pytest.mark.parametrize(("chains", "expected"), [
    ({"top": []}, "delivered"),  # there is no default drop
    ({"top": [ACCEPT, DROP]}, "delivered"),
    ({"top": [DROP, ACCEPT]}, "drop"),
    ({"top": [REJECT]}, "drop"),
    ({"top": [RETURN, DROP]}, "delivered"),
    ({"top": [jump("sub"), DROP], "sub": [ACCEPT]}, "delivered"),
    ({"top": [jump("sub")], "sub": [DROP]}, "drop"),
    ({"top": [jump("sub"), DROP], "sub": [RETURN, ACCEPT]}, "drop"),
    ({"top": [jump("sub"), DROP], "sub": []}, "drop"),
    ({"top": [jump("one"), DROP], "one": [jump("two"), RETURN], "two": [ACCEPT]}, "delivered"),
    ({"top": [jump("one"), DROP], "one": [jump("two"), ACCEPT], "two": [RETURN]}, "delivered"),
    ({"top": [jump("top"), DROP]}, "drop"),  # a loop is skipped
    ({"top": [jump("one"), DROP], "one": [jump("two")], "two": [jump("one"), jump("top")]}, "drop"),
    ({"top": [jump("nowhere"), DROP]}, "drop"),
    ({"top": [{"type": "trace"}, DROP]}, "drop"),
    ({"top": [{"type": "accept", **TCP80}, DROP]}, "delivered"),
    ({"top": [{"type": "drop", **TCP80, "invTpDst": True}]}, "delivered"),
], ids=str)  # fmt: skip
def test_a_chain_decides(chains, expected):
    assert fate(filtered(**chains)).fate.value == expected


def test_a_chain_runs_once_per_evaluation_and_again_in_the_next_filter():
    network = filtered(top=[jump("sub"), jump("sub")], sub=[{"type": "accept", "nwProto": 17}])
    network.change("Port", "b1", outbound_filter_id="top")
    outcome = fate(network)
    assert [step.rule for step in outcome.steps if step.chain == "sub"] == ["sub-1", "sub-1"]
    assert sum("has run already" in step.text for step in outcome.steps) == 2


def test_accept_in_a_port_filter_does_not_skip_the_bridge_filter():
    network = filtered(top=[ACCEPT])
    network.chain("main", DROP)
    assert fate(network).fate is Fate.DROP


def test_nat_that_does_not_apply_is_continue_whatever_its_flow_action():
    network = filtered(top=[{"type": "rev_dnat", "flowAction": "accept"}, DROP])
    outcome = fate(network)
    assert outcome.fate is Fate.DROP
    assert outcome.steps[1].text == "rev_dnat does not apply"
    assert outcome.steps[1].matched


@pytest.mark.parametrize(("action", "expected"), [("accept", "delivered"), ("return", "delivered"), ("continue", "drop")])
def test_nat_that_applies_ends_as_its_flow_action_says(action, expected):
    dnat = {"type": "dnat", "natTargets": [target("10.1.1.12", 80)], "flowAction": action}
    assert fate(filtered(top=[dnat, DROP])).fate.value == expected


def test_return_of_a_nat_rule_ends_its_own_chain_only():
    dnat = {"type": "dnat", "natTargets": [target("10.1.1.12", 80)], "flowAction": "return"}
    assert fate(filtered(top=[jump("sub"), DROP], sub=[dnat, ACCEPT])).fate is Fate.DROP


def test_the_reason_names_the_rule_by_position_and_chain():
    network = filtered(top=[{"type": "accept", "nwProto": 17}, jump("sub")], sub=[RETURN | {"nwProto": 17}, DROP])
    network.change("Chain", "sub", name="POLICY")
    outcome = fate(network)
    assert outcome.reason == "rule 2 of chain POLICY (sub-2)"
    rules = [(step.chain, step.position, step.matched, step.condition) for step in outcome.steps if step.rule]
    assert rules == [("top", 1, False, "nwProto"), ("top", 2, True, ""), ("sub", 1, False, "nwProto"), ("sub", 2, True, "")]
    assert {step.stage for step in outcome.steps if step.rule} == {"port inbound"}


@pytest.mark.parametrize("rule", [
    {"type": "dnat", "natTargets": [target("10.1.1.12", 0), target("10.1.1.11", 0)]},
    {"type": "dnat", "natTargets": []},
    {"type": "snat", "natTargets": [target("nonsense", 1)]},
    {"type": "dnat", "natTargets": [target("10.1.1.12")], "flowAction": "drop"},
    {"type": "rev_snat", "flowAction": None},
    {"type": "accept", "ipAddrGroupSrc": "gone"},
    {"type": "accept", "nwSrcAddress": "10.0.0.0", "nwSrcLength": 33},
    {"type": "accept", "nwDstAddress": "10.0.0"},
    {"type": "accept", "fragmentPolicy": "some"},
    {"type": "redirect"},
], ids=str)  # fmt: skip
def test_packets_wait_for_a_chain_that_cannot_be_built(rule):
    network = filtered(top=[{"type": "accept", "nwProto": 6}, jump("sub", nwProto=17)], sub=[rule])
    outcome = fate(network)
    assert outcome.fate is Fate.SUSPENDED
    assert "rule sub-1 of chain sub" in outcome.reason


def test_packets_wait_for_a_device_whose_filter_is_not_there():
    network = cluster()
    network.change("Port", "b1", outbound_filter_id="gone")
    assert fate(network).fate is Fate.SUSPENDED


def test_one_wrong_rule_stops_nobody_else():
    network = filtered(top=[{"type": "accept", "ipAddrGroupSrc": "gone"}])
    talk = Conversation(network)
    outcome = talk.send("c1", talk.tcp("10.1.1.12", 40000, "10.1.1.11", 80))
    assert outcome.fate is Fate.DELIVERED


def test_a_thousand_nested_jumps_are_no_problem():
    chains = {f"c{n}": [jump(f"c{n + 1}")] for n in range(3000)}
    assert fate(filtered(top=[jump("c0")], **chains, c3000=[DROP])).fate is Fate.DROP
