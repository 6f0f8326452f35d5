from ipaddress import IPv4Address

import pytest

from midonet_kubernetes.simulate import Binding, ConnectionKey, Kind, NatKey, State
from midonet_kubernetes.simulate.state import Draft

C, V, E, Z = (IPv4Address(f"10.0.0.{n}") for n in (1, 2, 3, 4))


def draft_with(kind, binding):
    draft = Draft(State())
    draft.bind(NatKey(kind, C, 40, V, 80, 6, "d"), binding)
    return draft


@pytest.mark.parametrize(("kind", "binding", "reverse", "original"), [
    (Kind.FWD_DNAT, Binding(E, 8080), NatKey(Kind.REV_DNAT, E, 8080, C, 40, 6, "d"), Binding(V, 80)),
    (Kind.FWD_SNAT, Binding(Z, 30000), NatKey(Kind.REV_SNAT, V, 80, Z, 30000, 6, "d"), Binding(C, 40)),
    (Kind.FWD_STICKY_DNAT, Binding(E, 8080), NatKey(Kind.REV_STICKY_DNAT, E, 8080, C, 40, 6, "d"), Binding(V, 80)),
], ids=str)  # fmt: skip
def test_a_reverse_entry_is_stored_with_the_forward_one_and_expires_with_it(kind, binding, reverse, original):
    state = draft_with(kind, binding).state(with_flows=True)
    forward = NatKey(kind, C, 40, V, 80, 6, "d")
    assert dict(state.nat) == {forward: binding, reverse: original}
    assert not state.without(forward).nat
    assert dict(state.without(reverse).nat) == {forward: binding}


def test_a_draft_changes_no_state():
    before = draft_with(Kind.FWD_DNAT, Binding(E, 1)).state(with_flows=True)
    draft = Draft(before)
    draft.unbind(NatKey(Kind.FWD_DNAT, C, 40, V, 80, 6, "d"), Binding(E, 1))
    draft.connect(ConnectionKey(C, 1, V, 2, 6, "d"))
    draft.learn_port("b", 0, "02:00:00:00:00:01", "p")
    assert len(before.nat) == 2
    assert not before.connections
    assert not before.macs
    after = draft.state(with_flows=True)
    assert (len(after.nat), len(after.connections), len(after.macs)) == (0, 1, 1)


def test_without_flows_what_was_learned_stays():
    draft = draft_with(Kind.FWD_DNAT, Binding(E, 1))
    draft.learn_mac("r", C, "02:00:00:00:00:01")
    draft.learn_port("b", 0, "02:00:00:00:00:01", "p")
    for state in (draft.state(with_flows=False), draft.state(with_flows=True).without_flows()):
        assert (dict(state.nat), state.connections) == ({}, frozenset())
        assert (len(state.neighbours), len(state.macs)) == (1, 1)


def test_a_state_cannot_be_changed():
    state = draft_with(Kind.FWD_DNAT, Binding(E, 1)).state(with_flows=True)
    with pytest.raises(TypeError):
        state.nat[NatKey(Kind.FWD_DNAT, C, 1, V, 1, 6, "d")] = Binding(E, 1)


def test_states_with_the_same_content_are_equal():
    first, second = (draft_with(Kind.FWD_DNAT, Binding(E, 1)).state(with_flows=True) for _ in range(2))
    assert first == second
    assert first != State()
