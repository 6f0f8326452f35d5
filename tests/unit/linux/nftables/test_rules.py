from __future__ import annotations

import itertools

import pytest

from midonet_kubernetes.linux.netlink.attributes import walk
from midonet_kubernetes.linux.nftables import rules
from midonet_kubernetes.topology.rule_set import (
    Between,
    Compare,
    Counter,
    Field,
    InSet,
    MarkRandom,
    Nat,
    NatByMap,
    NoTrack,
    Reject,
    Rule,
    SetMark,
    Verdict,
    VerdictMap,
)

A, B = b"\x0a\0\0\1", b"\x0a\0\0\2"
STATEMENTS = [
    Compare(Field.IP_SADDR, A),
    Compare(Field.IP_DADDR, A),
    Compare(Field.IP_SADDR, B),
    Compare(Field.IP_SADDR, A, invert=True),
    Compare(Field.IP_SADDR, A, b"\xff\0\0\0"),
    Compare(Field.MARK, A),
    Compare(Field.CT_MARK, A),
    Between(Field.IP_SADDR, A, B),
    Between(Field.IP_SADDR, A, B, invert=True),
    InSet((Field.IP_SADDR,), "s"),
    InSet((Field.IP_SADDR,), "s", invert=True),
    InSet((Field.IP_SADDR,), "t"),
    VerdictMap((Field.IP_SADDR,), "s"),
    Verdict("accept"),
    Verdict("drop"),
    Verdict("return"),
    Verdict("jump", "a"),
    Verdict("goto", "a"),
    Verdict("jump", "b"),
    MarkRandom(2),
    MarkRandom(3),
    MarkRandom(3, 1),
    SetMark(2),
    Nat("dnat", A, A),
    Nat("snat", A, A),
    Nat("dnat", A, B),
    Nat("dnat", A, A, 80, 80),
    Nat("dnat", A, A, 80, 90),
    NatByMap((Field.IP_SADDR,), "s"),
    NatByMap((Field.IP_SADDR,), "s", "snat"),
    Reject(),
    Reject(code=13),
    Reject(tcp_reset=True),
    NoTrack(),
    Counter(),
]


def expressions(rule):
    return sum(1 for _ in walk(rules.encode(rule)[0]))


def test_rules_that_say_different_things_have_different_digests():
    digests = {rules.digest(Rule((statement,))) for statement in STATEMENTS}
    digests |= {rules.digest(Rule(pair)) for pair in itertools.permutations(STATEMENTS, 2)}
    assert len(digests) == len(STATEMENTS) ** 2


def test_the_origin_is_part_of_the_digest():
    assert rules.digest(Rule((Counter(),), "a")) != rules.digest(Rule((Counter(),), "b"))


@pytest.mark.parametrize("statement", STATEMENTS, ids=repr)
def test_a_rule_is_known_again_by_what_is_kept_with_it(statement):
    rule = Rule((Counter(), statement), "chain 1, rule 2")
    found = rules.installed(expressions(rule), rules.encode(rule)[1])
    assert found == rules.as_installed(rule)
    assert found.origin == "chain 1, rule 2"


def test_a_rule_with_another_number_of_expressions_is_not_ours():
    rule = Rule((Counter(), Verdict("accept")), "ours")
    assert rules.installed(expressions(rule) + 1, rules.encode(rule)[1]).digest == b""


@pytest.mark.parametrize("kept", [b"", b"\0\5ours\0", b"\x6d\1x", b"\x6d\xff", b"\0"])
def test_a_rule_without_our_mark_is_not_ours(kept):
    assert rules.installed(1, kept).digest == b""


def test_a_long_origin_is_cut_but_still_told_apart():
    one, other = Rule((Counter(),), "é" * 300), Rule((Counter(),), "é" * 301)
    assert len(rules.encode(one)[1]) < 256
    assert rules.as_installed(one).origin == "é" * 60
    assert rules.digest(one) != rules.digest(other)


@pytest.mark.parametrize(
    "statement",
    [
        Compare(Field.IP_SADDR, b"\1"),
        Compare(Field.IP_SADDR, A, b"\xff"),
        Compare(Field.IIFNAME, b"a-name-that-is-too-long"),
        Between(Field.MARK, A, B),
        Between(Field.IIFNAME, b"a", b"b"),
        InSet((Field.IIFNAME,) * 5, "s"),
    ],
    ids=repr,
)
def test_a_statement_that_cannot_be_encoded_is_named(statement):
    with pytest.raises(ValueError, match=r"bytes|order"):
        rules.encode(Rule((statement,)))
