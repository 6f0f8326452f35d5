"""Claims that hold for any topology, packet and state."""

from dataclasses import fields, is_dataclass
from fractions import Fraction
from random import Random

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midonet_kubernetes.model.midonet import Chain, Port, Rule
from midonet_kubernetes.simulate import Fate, Topology, simulate, simulate_generated
from midonet_kubernetes.testing.random_network import CHAINS, addressed, random_objects, random_packet
from midonet_kubernetes.testing.small_network import Conversation, cluster, target

seeds = st.integers(0, 2**32)
networks = st.builds(lambda seed: random_objects(Random(seed)), seeds)
packets = st.builds(lambda seed: random_packet(Random(seed)), seeds)
some_packets = st.builds(lambda seed: [random_packet(random) for random in [Random(seed)] for _ in range(3)], seeds)


def entries(objects, packet):
    """Each port with the packet as it would enter there."""
    return [(item.id, addressed(packet, item)) for item in objects if isinstance(item, Port)]


@settings(max_examples=300, deadline=None)
@given(networks, some_packets, seeds)
def test_whatever_the_network_all_outcomes_are_found_and_their_probabilities_add_up_to_1(objects, sent, number):
    topology, state = Topology(objects), None
    ports = [item for item in objects if isinstance(item, Port)]
    port = ports[number % len(ports)]
    for packet in sent:
        outcomes = simulate(topology, addressed(packet, port), port.id, state)
        assert sum(outcome.probability for outcome in outcomes) == 1
        for outcome in outcomes:
            assert outcome.steps
            assert outcome.reason
            assert bool(outcome.deliveries) == (outcome.fate is Fate.DELIVERED)
        state = outcomes[-1].state
        for generated in outcomes[0].generated:
            assert sum(outcome.probability for outcome in simulate_generated(topology, generated, state)) == 1


@settings(max_examples=60, deadline=None)
@given(networks, packets)
def test_an_error_drop_and_a_wait_leave_no_flow_state(objects, packet):
    for port, entering in entries(objects, packet):
        for outcome in simulate(Topology(objects), entering, port):
            if outcome.fate in {Fate.ERROR_DROP, Fate.SUSPENDED}:
                assert not outcome.state.nat
                assert not outcome.state.connections


def verdicts(outcomes, names=lambda text: text):
    """What is seen from outside, with ids translated."""
    return [
        (
            outcome.probability,
            outcome.fate,
            [(names(delivery.port), delivery.packet) for delivery in outcome.deliveries],
            [(names(each.port), each.packet) for each in outcome.generated],
        )
        for outcome in outcomes
    ]


@settings(max_examples=60, deadline=None)
@given(networks, packets)
def test_renaming_all_ids_changes_nothing(objects, packet):
    def renamed(value):
        if isinstance(value, msgspec.Struct):
            return type(value)(**{name: renamed(getattr(value, name)) for name in value.__struct_fields__})
        if isinstance(value, list):
            return [renamed(item) for item in value]
        return f"{value}-renamed" if value in known else value

    known = {item.id for item in objects}
    others = [renamed(item) for item in objects]
    for port, entering in entries(objects, packet):
        before = simulate(Topology(objects), entering, port)
        after = simulate(Topology(others), entering, f"{port}-renamed")
        assert verdicts(after, lambda text: text.removesuffix("-renamed")) == verdicts(before)


@settings(max_examples=60, deadline=None)
@given(networks, packets)
def test_the_order_of_objects_does_not_matter(objects, packet):
    for port, entering in entries(objects, packet):
        assert simulate(Topology(objects[::-1]), entering, port) == simulate(Topology(objects), entering, port)


@settings(max_examples=60, deadline=None)
@given(seeds, packets)
def test_chains_that_accept_all_change_nothing(seed, packet):
    with_filters = [item for item in random_objects(Random(seed)) if not isinstance(item, Chain | Rule)]
    without = [cleared(item) for item in with_filters]
    accept = [Chain(id=chain) for chain in (*CHAINS, "wrong")]
    accept += [Rule(id=f"accept-{chain.id}", chain_id=chain.id, type="accept") for chain in accept]
    for port, entering in entries(without, packet):
        before = verdicts(simulate(Topology(without), entering, port))
        assert verdicts(simulate(Topology([*with_filters, *accept]), entering, port)) == before


def cleared(item):
    filters = [name for name in item.__struct_fields__ if name.endswith(("filter_id", "chain_id"))]
    return msgspec.structs.replace(item, **dict.fromkeys(filters))


def test_the_random_networks_are_no_dead_ends():
    outcomes = [outcome for seed in range(120) for outcome in of_seed(seed)]
    fates = [outcome.fate for outcome in outcomes]
    assert all(fates.count(fate) > 5 for fate in Fate), {fate: fates.count(fate) for fate in Fate}
    assert {"dnat", "snat", "route"} <= {choice.what for outcome in outcomes for choice in outcome.choices}


def of_seed(seed):
    objects = random_objects(Random(seed))
    packet = random_packet(Random(seed))
    return [outcome for port, entering in entries(objects, packet) for outcome in simulate(Topology(objects), entering, port)]


def test_values_are_values():
    talk = Conversation(cluster())
    outcome = talk.send("a1", talk.tcp("10.1.1.10", 1, "10.1.2.11", 2))
    for value in (outcome, outcome.state, outcome.deliveries[0], outcome.steps[0], outcome.deliveries[0].packet):
        assert is_dataclass(value)
        name = fields(value)[0].name
        with pytest.raises(AttributeError):
            setattr(value, name, None)


def test_a_caller_may_fix_one_choice_and_leave_the_others_open():
    network = cluster()
    targets = [target("10.1.2.11"), target("10.1.2.12")]
    network.chain("services", {"type": "dnat", "natTargets": targets, "inPorts": ["a1"]})
    network.change(
        "Router", "r", inbound_filter_id=network.chain("in", {"type": "snat", "natTargets": [target("10.9.9.9", 5, 6)]})
    )
    talk = Conversation(network)
    packet = talk.tcp("10.1.1.10", 1, "10.96.0.1", 80)
    assert [outcome.probability for outcome in talk.all("a1", packet)] == [Fraction(1, 4)] * 4
    talk.chooser = lambda choice: choice.candidates[1].value if choice.what == "dnat" else None
    outcomes = talk.all("a1", packet)
    assert [(outcome.deliveries[0].port, outcome.probability) for outcome in outcomes] == [("c2", Fraction(1, 2))] * 2
