from __future__ import annotations

import errno
import shutil
import subprocess

import pytest

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Notice
from midonet_kubernetes.linux.nftables import reading
from midonet_kubernetes.linux.nftables.difference import difference
from midonet_kubernetes.linux.nftables.transaction import AddRule, Transaction
from midonet_kubernetes.topology.rule_set import Chain, Compare, Counter, Data, Field, Hook, Rule, Set, Table, Verdict, VerdictMap

pytestmark = pytest.mark.kernel

FRONTEND = (Field.IP_DADDR, Field.L4PROTO, Field.TH_DPORT)
SERVICES = Set("services", FRONTEND, Data.VERDICT)
ENDPOINTS = Set("eps", (*FRONTEND, Field.MARK), Data.ADDRESS_AND_PORT)
PORTS = Set("ports", (Field.IIFNAME,), Data.VERDICT)
COUNT = Rule((Counter(),), "count")


@pytest.fixture
def namespace(unnamed):
    return unnamed()


@pytest.fixture
def rule_sets(kernel, namespace):
    rule_sets = kernel.rule_sets(namespace)
    yield rule_sets
    rule_sets.close()


def large(services, endpoints):
    elements = {"services": {}, "eps": {}}
    for i in range(services):
        frontend = bytes((10, 96, i >> 8, i & 255)), b"\6", b"\0\x50"
        elements["services"][frontend] = Verdict("goto", f"lb_{endpoints}")
        for slot in range(endpoints):
            elements["eps"][(*frontend, bytes((0, 0, 0, slot)))] = bytes((10, i >> 8, i & 255, slot, 31, 144))
    chains = (
        Chain(f"lb_{endpoints}", (COUNT,)),
        Chain("dnat", (Rule((VerdictMap(FRONTEND, "services"),)),), Hook("nat", "prerouting", -100)),
    )
    return Table("midonet", "ip", chains, (SERVICES, ENDPOINTS), elements)


@pytest.mark.slow
def test_a_hundred_thousand_elements_are_read_as_they_were_written_and_replaced(rule_sets):
    for wanted in (large(10_000, 10), large(9_000, 11), large(10, 1), large(10_000, 10)):
        rule_sets.apply(difference(wanted, rule_sets.dump("midonet")).now)
        found = rule_sets.dump("midonet")
        assert found.elements == wanted.elements
        assert not difference(wanted, found)


nft = pytest.mark.skipif(not shutil.which("nft"), reason="the judge nft is not installed")


def judge(namespace, *words):
    with namespace.entered():
        return subprocess.run(["nft", *words], check=True, capture_output=True, text=True).stdout


TABLE = Table(
    "midonet",
    "ip",
    (
        Chain("inner", (COUNT,)),
        Chain(
            "base",
            (Rule((VerdictMap((Field.IIFNAME,), "ports"),)), Rule((Compare(Field.MARK, b"\0\0\0\5"), Verdict("drop")))),
            Hook("filter", "prerouting", -160),
        ),
    ),
    (PORTS, ENDPOINTS),
    {
        "ports": {(b"mido0123",): Verdict("jump", "inner")},
        "eps": {(b"\x0a\x60\0\1", b"\6", b"\0\x50", b"\0\0\0\1"): b"\x0a\xf4\1\5\x1f\x90"},
    },
)


@nft
def test_nft_prints_what_we_wrote(rule_sets, namespace):
    rule_sets.apply(difference(TABLE, None).now)
    printed = " ".join(judge(namespace, "list", "ruleset").split())
    for expected in (
        'elements = { "mido0123" : jump inner }',
        "elements = { 10.96.0.1 . tcp . 80 . 0x00000001 : 10.244.1.5 . 8080 }",
        'counter packets 0 bytes 0 comment "count"',
        "iifname vmap @ports meta mark 0x00000005 drop",
        "type filter hook prerouting priority mangle - 10; policy accept;",
    ):
        assert expected in printed


@nft
@pytest.mark.parametrize(
    "command",
    [
        "flush table ip midonet",
        "delete table ip midonet",
        "add rule ip midonet inner accept",
        "insert rule ip midonet base counter",
        "flush chain ip midonet inner",
        "add chain ip midonet foreign { type filter hook input priority 0; }",
        "add rule ip midonet inner ip saddr { 10.0.0.1, 10.0.0.2 } drop",
        "add chain ip midonet base { policy drop; }",
        "add set ip midonet foreign { type ipv4_addr; elements = { 10.0.0.1 } }",
        "flush map ip midonet ports",
        'add element ip midonet ports { "other" : drop }',
        'delete element ip midonet ports { "mido0123" : jump inner }',
        "delete element ip midonet eps { 10.96.0.1 . tcp . 80 . 1 : 10.244.1.5 . 8080 }",
    ],
)
def test_what_somebody_else_does_is_heard_and_put_right(kernel, rule_sets, namespace, command):
    rule_sets.apply(difference(TABLE, None).now)
    watch = kernel.watch_rule_sets(namespace)
    watch.ignore(rule_sets.port)
    judge(namespace, *command.split(" "))
    assert watch.read() == [Notice("rule set")]
    plan = difference(TABLE, rule_sets.dump("midonet"))
    assert plan
    rule_sets.apply(plan.now)
    assert not difference(TABLE, rule_sets.dump("midonet"))
    assert watch.read() == []
    watch.close()


def test_a_transaction_longer_than_the_send_buffer_is_applied_in_pieces(rule_sets):
    rule_sets._longest = 150_000
    for wanted in (large(500, 10), large(400, 11), large(5, 1)):
        rule_sets.apply(difference(wanted, rule_sets.dump("midonet")).now)
        assert not difference(wanted, rule_sets.dump("midonet"))


def test_more_refusals_than_there_is_room_for_are_one_refusal(rule_sets):
    rule_sets.apply(difference(TABLE, None).now)
    wrong = tuple(AddRule(f"chain{i}", COUNT) for i in range(20_000))
    with pytest.raises(KernelError) as refused:
        rule_sets.apply(Transaction("midonet", "ip", wrong))
    assert refused.value.code == errno.ENOENT
    assert "chain0 of" in refused.value.operation
    assert not difference(TABLE, rule_sets.dump("midonet"))


def test_a_kernel_that_does_not_count_elements_is_read_until_two_readings_agree(rule_sets, monkeypatch):
    monkeypatch.setattr(reading, "_SET_COUNT", 0x3FFF)  # an attribute that no kernel sends
    for wanted in (large(1000, 10), large(10, 1), large(900, 11)):
        rule_sets.apply(difference(wanted, rule_sets.dump("midonet")).now)
        assert rule_sets.dump("midonet").elements == wanted.elements
