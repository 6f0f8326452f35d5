from midonet_kubernetes.topology.host_network import Route
from midonet_kubernetes.topology.host_state import MEMBER, Step, host_state
from midonet_kubernetes.topology.rule_set import Chain, Field, Rule, Set, Verdict


def test_a_chain_stands_behind_those_that_it_jumps_to():
    chains = [Chain("a", (Rule((Verdict("jump", "c"),)),)), Chain("b"), Chain("c", (Rule((Verdict("goto", "b"),)),))]
    state = host_state((("chain", chain.name), chain) for chain in chains)
    assert [chain.name for chain in state.table.chains] == ["b", "c", "a"]


def test_items_find_their_place():
    route, value = Route("10.0.0.0/8"), Set("s", (Field.IP_DADDR,))
    state = host_state([(("route", "10.0.0.0/8", 0), route), (("set", "s"), value), (("element", "s", (b"key",)), MEMBER)])
    assert state.routes == {("10.0.0.0/8", 0): route}
    assert state.table.sets == (value,)
    assert state.table.elements == {"s": {(b"key",): None}}
    assert not state.is_without_network


def test_a_step_holds_what_differs():
    step = Step({("route", "x", 0): (None, "new"), ("route", "y", 0): ("old", None)})
    assert step.before.routes == {("y", 0): "old"}
    assert step.after.routes == {("x", 0): "new"}
    assert not Step({})
