from __future__ import annotations

from dataclasses import replace

import pytest

from midonet_kubernetes.linux.nftables.difference import difference, new_chains_first
from midonet_kubernetes.linux.nftables.rules import as_installed
from midonet_kubernetes.linux.nftables.transaction import (
    AddChain,
    AddElements,
    AddRule,
    AddSet,
    AddTable,
    DeleteChain,
    DeleteElements,
    DeleteSet,
    FlushChain,
    InstalledChain,
    InstalledRule,
    InstalledTable,
)
from midonet_kubernetes.topology.rule_set import (
    Chain,
    Counter,
    Data,
    Field,
    Hook,
    InSet,
    NatByMap,
    Rule,
    Set,
    Table,
    Verdict,
    VerdictMap,
)

HOOK = Hook("filter", "prerouting", 0)
A, B = (b"\x0a\0\0\1",), (b"\x0a\0\0\2",)
SEEN = Set("seen", (Field.IP_SADDR,))
LEADS = Set("leads", (Field.IP_SADDR,), Data.VERDICT)
ENDPOINTS = Set("endpoints", (Field.IP_SADDR,), Data.ADDRESS_AND_PORT)
COUNT, ACCEPT = Rule((Counter(),)), Rule((Verdict("accept"),))
INNER = Chain("inner", (COUNT, ACCEPT))
BASE = Chain("base", (Rule((InSet((Field.IP_SADDR,), "seen"), Verdict("jump", "inner"))),), HOOK)
TABLE = Table("t", "ip", (INNER, BASE), (SEEN, LEADS), {"seen": {A: None}, "leads": {A: Verdict("goto", "inner")}})


def as_found(table):
    return InstalledTable(
        table.name,
        table.family,
        {c.name: InstalledChain(c.name, c.hook, tuple(map(as_installed, c.rules))) for c in table.chains},
        {value.name: value for value in table.sets},
        {value.name: table.elements.get(value.name, {}) for value in table.sets},
    )


def now(wanted, found=TABLE, **options):
    return difference(wanted, as_found(found), **options).now.operations


def test_nothing_is_to_be_done_when_all_is_there():
    assert not difference(TABLE, as_found(TABLE))


def test_a_table_that_is_not_there_is_made_in_order_of_reference():
    kinds = [type(operation) for operation in difference(TABLE, None).now.operations]
    assert kinds == [AddTable, AddSet, AddSet, AddChain, AddChain, AddElements, AddElements, AddRule, AddRule, AddRule]


def test_only_a_chain_with_other_rules_is_written_anew():
    changed = replace(INNER, rules=(ACCEPT, COUNT))
    assert now(replace(TABLE, chains=(changed, BASE))) == (
        FlushChain("inner"),
        AddRule("inner", ACCEPT),
        AddRule("inner", COUNT),
    )


@pytest.mark.parametrize(
    "rules",
    [(), (as_installed(COUNT),), (as_installed(COUNT), as_installed(ACCEPT)) * 2, (as_installed(COUNT), InstalledRule(b""))],
    ids=["flushed", "one gone", "written twice", "one of somebody else"],
)
def test_a_foreign_change_of_a_chain_is_seen(rules):
    found = as_found(TABLE)
    found = replace(found, chains={**found.chains, "inner": InstalledChain("inner", None, rules)})
    operations = difference(TABLE, found).now.operations
    assert operations[-2:] == (AddRule("inner", COUNT), AddRule("inner", ACCEPT))
    assert (FlushChain("inner") in operations) == bool(rules)


def parts(wanted, found=TABLE):
    return [part.operations for part in new_chains_first(difference(wanted, as_found(found)).now)]


def test_a_new_chain_is_whole_before_anything_leads_there():
    new, more = Chain("new", (COUNT,)), Set("more", (Field.IP_SADDR,), Data.VERDICT)
    to_new = {A: Verdict("goto", "new")}
    wanted = Table("t", "ip", (INNER, new, BASE), (SEEN, LEADS, more), {"seen": {A: None}, "leads": to_new, "more": to_new})
    assert parts(wanted) == [
        (AddSet(more), AddChain(new), AddElements(more, to_new), AddRule("new", COUNT)),
        (DeleteElements(LEADS, [A]), AddElements(LEADS, to_new)),
    ]


def test_a_change_without_new_chains_or_with_replaced_ones_is_one_transaction():
    assert len(parts(replace(TABLE, chains=(replace(INNER, rules=(ACCEPT,)), BASE)))) == 1
    moved = replace(BASE, hook=replace(HOOK, priority=7))
    assert len(parts(replace(TABLE, chains=(INNER, moved, Chain("new"))), TABLE)) == 2  # a base chain waits for the rest
    assert len(parts(Table("t", "ip", (replace(INNER, hook=None), BASE)), Table("t", "ip", (replace(BASE, name="inner"),)))) == 1
    assert [len(new_chains_first(difference(TABLE, None).now))] == [1]


def test_elements_are_changed_one_by_one():
    elements = {"seen": {A: None, B: None}, "leads": {A: Verdict("drop")}}
    assert now(replace(TABLE, elements=elements)) == (
        DeleteElements(LEADS, [A]),
        AddElements(SEEN, {B: None}),
        AddElements(LEADS, {A: Verdict("drop")}),
    )


def test_a_chain_goes_after_the_elements_and_rules_that_lead_to_it():
    wanted = Table("t", "ip", (Chain("base", (COUNT,), HOOK),), (SEEN, LEADS), {"seen": {A: None}})
    assert now(wanted) == (
        FlushChain("inner"),
        FlushChain("base"),
        DeleteElements(LEADS, [A]),
        DeleteChain("inner"),
        AddRule("base", COUNT),
    )


def test_a_set_of_another_kind_is_made_anew_and_with_it_the_rules_that_use_it():
    other = Set("seen", (Field.IP_SADDR,), intervals=True)
    wanted = replace(TABLE, sets=(other, LEADS), elements={**TABLE.elements, "seen": {(A[0], B[0]): None}})
    assert now(wanted) == (
        FlushChain("base"),
        DeleteSet("seen"),
        AddSet(other),
        AddElements(other, {(A[0], B[0]): None}),
        AddRule("base", BASE.rules[0]),
    )


@pytest.mark.parametrize(
    "statement", [InSet((Field.IP_SADDR,), "s"), VerdictMap((Field.IP_SADDR,), "s"), NatByMap((Field.IP_SADDR,), "s")]
)
def test_every_statement_that_uses_a_set_is_found(statement):
    chain = Chain("c", (Rule((statement,)),))
    old, new = Set("s", (Field.IP_SADDR,)), Set("s", (Field.IP_DADDR,))
    assert FlushChain("c") in now(Table("t", "ip", (chain,), (new,)), Table("t", "ip", (chain,), (old,)))


def test_a_set_of_somebody_else_under_our_name_is_replaced():
    found = as_found(TABLE)
    found = replace(found, sets={**found.sets, "seen": None}, elements={"leads": TABLE.elements["leads"]})
    operations = difference(TABLE, found).now.operations
    assert DeleteSet("seen") in operations
    assert AddElements(SEEN, {A: None}) in operations


def test_what_is_not_wanted_goes():
    found = as_found(TABLE)
    found = replace(
        found,
        sets={**found.sets, "foreign": None},
        chains={**found.chains, "foreign": InstalledChain("foreign", HOOK, (InstalledRule(b""),))},
    )
    assert difference(TABLE, found).now.operations == (FlushChain("foreign"), DeleteSet("foreign"), DeleteChain("foreign"))


def test_another_policy_is_set_without_touching_the_rules():
    strict = replace(BASE, hook=replace(HOOK, policy_drop=True))
    assert now(replace(TABLE, chains=(INNER, strict))) == (AddChain(strict),)


@pytest.mark.parametrize(
    "hook", [Hook("filter", "prerouting", 1), Hook("filter", "input", 0), Hook("nat", "prerouting", 0), None]
)
def test_a_chain_with_another_hook_is_made_anew(hook):
    moved = replace(BASE, hook=hook)
    assert now(replace(TABLE, chains=(INNER, moved))) == (
        FlushChain("base"),
        DeleteChain("base"),
        AddChain(moved),
        AddRule("base", BASE.rules[0]),
    )


def late_case(elements):
    before = Table("t", "ip", (), (ENDPOINTS,), {"endpoints": {A: b"123456", B: b"654321"}})
    return difference(replace(before, elements={"endpoints": elements}), as_found(before), late={"endpoints"})


def test_vanished_elements_of_late_maps_go_later():
    plan = late_case({A: b"123456"})
    assert not plan.now
    assert plan.later.operations == (DeleteElements(ENDPOINTS, [B]),)
    assert plan


def test_changed_elements_of_late_maps_change_now():
    plan = late_case({A: b"999999"})
    assert plan.now.operations == (DeleteElements(ENDPOINTS, [A]), AddElements(ENDPOINTS, {A: b"999999"}))
    assert plan.later.operations == (DeleteElements(ENDPOINTS, [B]),)


def test_a_verdict_map_cannot_be_late():
    with pytest.raises(ValueError, match="late"):
        difference(TABLE, None, late={"leads"})
