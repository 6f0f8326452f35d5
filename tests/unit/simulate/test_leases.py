from fractions import Fraction
from ipaddress import IPv4Address

import pytest

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.simulate import Binding, Candidate, Fate
from midonet_kubernetes.simulate.packets import echo_request, udp
from midonet_kubernetes.testing.small_network import Conversation, cluster

A1, B1 = "10.1.1.10", "10.1.1.11"


def talk_with(kind, *targets):
    network = cluster()
    names = ("addressFrom", "addressTo", "portFrom", "portTo")
    rule = {"type": kind, "dlType": 2048, "natTargets": [dict(zip(names, target, strict=True)) for target in targets]}
    network.chain("services", rule)
    return Conversation(network)


def binding(address, port):
    return Binding(IPv4Address(address), port)


def first_choice(talk, packet=None):
    outcomes = talk.all("a1", packet or talk.tcp(A1, 4000, B1, 80))
    return outcomes[0].choices[0], outcomes


def test_a_dnat_is_uniform_over_targets_then_addresses_then_ports():
    talk = talk_with("dnat", ("10.1.1.11", "10.1.1.11", 1, 1), ("10.1.1.11", "10.1.1.12", 7, 8))
    choice, outcomes = first_choice(talk)
    assert {candidate.value: candidate.probability for candidate in choice.candidates} == {
        binding("10.1.1.11", 1): Fraction(1, 2),
        binding("10.1.1.11", 7): Fraction(1, 8),
        binding("10.1.1.11", 8): Fraction(1, 8),
        binding("10.1.1.12", 7): Fraction(1, 8),
        binding("10.1.1.12", 8): Fraction(1, 8),
    }
    assert sum(outcome.probability for outcome in outcomes) == 1
    assert {outcome.choices[0].taken for outcome in outcomes} == {candidate.value for candidate in choice.candidates}


def test_duplicate_targets_collapse_so_that_they_are_no_weights():
    talk = talk_with("dnat", ("10.1.1.11", "10.1.1.11", 1, 1), ("10.1.1.11", "10.1.1.11", 1, 1), ("10.1.1.12", "10.1.1.12", 1, 1))
    choice, _ = first_choice(talk)
    assert [candidate.probability for candidate in choice.candidates] == [Fraction(1, 2)] * 2


def test_a_large_range_is_one_outcome_that_stands_for_all():
    choice, outcomes = first_choice(talk_with("snat", ("10.1.1.1", "10.1.1.1", 30000, 60000)))
    assert choice.candidates == (Candidate(binding("10.1.1.1", 30000), binding("10.1.1.1", 60000), Fraction(1)),)
    assert len(outcomes) == 1


def test_snat_takes_the_first_address_with_a_free_port():
    talk = talk_with("snat", ("10.1.1.1", "10.1.1.3", 5, 5), ("10.1.1.5", "10.1.1.5", 9, 9))
    taken = []
    for sport in range(4000, 4004):
        outcome = talk.send("a1", talk.tcp(A1, sport, B1, 80))
        taken.append(outcome.choices[0].taken)
    assert taken == [binding("10.1.1.1", 5), binding("10.1.1.2", 5), binding("10.1.1.3", 5), binding("10.1.1.5", 9)]
    exhausted = talk.send("a1", talk.tcp(A1, 4004, B1, 80))
    assert exhausted.fate is Fate.ERROR_DROP
    assert "no source port is free" in exhausted.reason


def test_a_source_port_is_free_again_for_another_destination_and_taken_for_the_other_protocol():
    talk = talk_with("snat", ("10.1.1.1", "10.1.1.1", 5, 5))
    talk.send("a1", talk.tcp(A1, 4000, B1, 80))
    assert talk.send("a1", talk.tcp(A1, 4000, B1, 81)).fate is Fate.DELIVERED
    assert talk.send("a1", udp(talk.eth(A1, B1), A1, 4000, B1, 80)).fate is Fate.ERROR_DROP


def test_the_free_ports_of_a_small_range_are_equally_likely():
    talk = talk_with("snat", ("10.1.1.1", "10.1.1.1", 5, 7))
    choice, outcomes = first_choice(talk)
    assert [candidate.value.port for candidate in choice.candidates] == [5, 6, 7]
    talk.state = outcomes[1].state
    choice, _ = first_choice(talk, talk.tcp(A1, 4001, B1, 80))
    assert [(candidate.value.port, candidate.probability) for candidate in choice.candidates] == [
        (5, Fraction(1, 2)),
        (7, Fraction(1, 2)),
    ]


def test_snat_of_an_echo_takes_any_address_and_shares_ids():
    talk = talk_with("snat", ("10.1.1.1", "10.1.1.2", 5, 5))
    packet = echo_request(talk.eth(A1, B1), A1, B1, 9)
    choice, outcomes = first_choice(talk, packet)
    assert [candidate.value for candidate in choice.candidates] == [binding("10.1.1.1", 9), binding("10.1.1.2", 9)]
    talk.state = outcomes[0].state
    assert len(talk.all("c1", echo_request(talk.eth("10.1.1.12", B1), "10.1.1.12", B1, 9))) == 2


@pytest.mark.parametrize("target", [("10.1.1.12", "10.1.1.11", 1, 1), ("10.1.1.11", "10.1.1.12", 2, 1)])
def test_a_target_that_ends_before_it_starts_drops_the_packet(target):
    talk = talk_with("dnat", target)
    outcome = talk.send("a1", talk.tcp(A1, 4000, B1, 80))
    assert outcome.fate is Fate.ERROR_DROP
    assert not outcome.state.nat


def test_a_caller_fixes_a_choice_and_only_a_candidate_will_do():
    talk = talk_with("snat", ("10.1.1.1", "10.1.1.1", 30000, 60000))
    talk.chooser = lambda choice: binding("10.1.1.1", 44444) if choice.what == "snat" else None
    outcome = talk.send("a1", talk.tcp(A1, 4000, B1, 80))
    assert outcome.deliveries[0].packet.tp_src == 44444
    assert outcome.probability == 1
    talk.chooser = lambda _choice: binding("10.1.1.1", 29999)
    with pytest.raises(UserError, match="is no candidate of the snat by services-1"):
        talk.send("a1", talk.tcp(A1, 4001, B1, 80))
