from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from midonet_kubernetes.linux.nftables.difference import difference, new_chains_first
from midonet_kubernetes.linux.nftables.transaction import AddTable, DeleteTable, Transaction
from midonet_kubernetes.topology.rule_set import (
    Chain,
    Compare,
    Counter,
    Data,
    Field,
    Hook,
    InSet,
    MarkRandom,
    NatByMap,
    Rule,
    Set,
    Table,
    Verdict,
    VerdictMap,
)

ADDRESSES = [bytes((10, 0, 0, i)) for i in range(4)]
FORMS = [
    Set("", (Field.IP_SADDR,)),
    Set("", (Field.IP_SADDR, Field.L4PROTO)),
    Set("", (Field.IP_SADDR,), intervals=True),
    Set("", (Field.IP_DADDR,), Data.VERDICT),
    Set("", (Field.IP_DADDR, Field.TH_DPORT), Data.ADDRESS_AND_PORT),
    Set("", (Field.IP_SADDR,), Data.MARK),
]
HOOKS = [
    None,
    Hook("filter", "prerouting", -160),
    Hook("filter", "prerouting", -160, policy_drop=True),
    Hook("filter", "forward", 0),
]
NAT = Hook("nat", "prerouting", -100)


@st.composite
def tables(draw):
    """Chains ``c0`` to ``c4`` lead only to those before them, so that no table is refused."""
    used = draw(st.dictionaries(st.sampled_from(["s0", "s1", "s2"]), st.sampled_from(FORMS)))
    sets = tuple(Set(name, form.key, form.data, form.intervals) for name, form in used.items())
    chains = []
    for name in sorted(draw(st.sets(st.sampled_from(["c0", "c1", "c2", "c3", "c4"])))):
        hook = draw(st.sampled_from(HOOKS))
        targets = [chain.name for chain in chains if chain.hook is None]
        rules = draw(st.lists(rules_over(sets, targets), max_size=3))
        chains.append(Chain(name, tuple(rules), hook))
    elements = {value.name: draw(elements_of(value, [c.name for c in chains if c.hook is None])) for value in sets}
    endpoints = [value for value in sets if value.data is Data.ADDRESS_AND_PORT]
    if endpoints:
        nat = Rule((Compare(Field.L4PROTO, b"\6"), NatByMap(endpoints[0].key, endpoints[0].name)))
        chains.append(Chain("nat", (nat,), NAT))
    return Table("t", "ip", tuple(chains), sets, elements)


def rules_over(sets, targets):
    statements = [Counter(), MarkRandom(3), Compare(Field.IP_SADDR, ADDRESSES[0]), Verdict("accept"), Verdict("drop")]
    statements += [Verdict(kind, target) for kind in ("jump", "goto") for target in targets]
    # Verdict maps may lead to any chain. Looked up in one of those, that could be a loop, so only base chains do it.
    statements += [InSet(value.key, value.name) for value in sets if value.data is None]
    return st.builds(
        Rule, st.lists(st.sampled_from(statements), min_size=1, max_size=3).map(tuple), st.sampled_from(["", "a", "b"])
    )


def elements_of(value, targets):
    if value.intervals:
        keys = st.sampled_from([(ADDRESSES[0], ADDRESSES[1]), (ADDRESSES[2], ADDRESSES[2]), (ADDRESSES[3], b"\xff" * 4)])
    else:
        parts = {Field.L4PROTO: [b"\6", b"\x11"], Field.TH_DPORT: [b"\0\x50"]}
        keys = st.tuples(*(st.sampled_from(parts.get(field, ADDRESSES)) for field in value.key))
    verdicts = [Verdict("accept"), *(Verdict("goto", target) for target in targets)]
    data = {
        None: st.none(),
        Data.VERDICT: st.sampled_from(verdicts),
        Data.MARK: st.sampled_from([b"\0\0\0\1", b"\0\0\0\2"]),
        Data.ADDRESS_AND_PORT: st.sampled_from([b"\x0a\1\0\1\0\x50", b"\x0a\1\0\2\0\x50"]),
    }
    return st.dictionaries(keys, data[value.data])


def with_look_ups(table):
    """The base chains look everything up in the verdict maps."""
    look_ups = tuple(Rule((VerdictMap(value.key, value.name),)) for value in table.sets if value.data is Data.VERDICT)
    chains = tuple(
        Chain(chain.name, chain.rules + (look_ups if chain.hook and chain.hook.type == "filter" else ()), chain.hook)
        for chain in table.chains
    )
    return Table(table.name, table.family, chains, table.sets, table.elements)


@given(st.lists(tables().map(with_look_ups), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_from_any_table_to_any_other_in_one_transaction(rule_sets, states):
    rule_sets.apply(Transaction("t", "ip", (AddTable(), DeleteTable())))
    for wanted in states:
        rule_sets.apply(difference(wanted, rule_sets.dump("t")).now)
        found = rule_sets.dump("t")
        assert found.elements == {value.name: wanted.elements[value.name] for value in wanted.sets}
        assert {name: chain.hook for name, chain in found.chains.items()} == {chain.name: chain.hook for chain in wanted.chains}
        assert not difference(wanted, found)


@given(st.lists(tables().map(with_look_ups), min_size=2, max_size=4))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_new_chains_first_end_in_the_same_state(rule_sets, states):
    rule_sets.apply(Transaction("t", "ip", (AddTable(), DeleteTable())))
    for wanted in states:
        for part in new_chains_first(difference(wanted, rule_sets.dump("t")).now):
            rule_sets.apply(part)
        assert not difference(wanted, rule_sets.dump("t"))


@given(tables().map(with_look_ups), tables().map(with_look_ups))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_late_deletions_end_in_the_same_state(rule_sets, before, wanted):
    rule_sets.apply(Transaction("t", "ip", (AddTable(), DeleteTable())))
    late = {value.name for value in wanted.sets if value.data is not Data.VERDICT}
    rule_sets.apply(difference(before, rule_sets.dump("t")).now)
    plan = difference(wanted, rule_sets.dump("t"), late=late)
    rule_sets.apply(plan.now)
    rule_sets.apply(plan.later)
    assert not difference(wanted, rule_sets.dump("t"))
