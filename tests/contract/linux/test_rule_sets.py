from __future__ import annotations

import errno
import socket

import pytest

from midonet_kubernetes.linux.nftables.difference import difference
from midonet_kubernetes.linux.nftables.transaction import (
    AddChain,
    AddElements,
    AddRule,
    AddSet,
    AddTable,
    DeleteChain,
    DeleteElements,
    DeleteSet,
    DeleteTable,
    FlushChain,
    Transaction,
)
from midonet_kubernetes.topology.rule_set import (
    Between,
    Chain,
    Compare,
    Counter,
    Data,
    Field,
    Hook,
    InSet,
    MarkRandom,
    Nat,
    NatByMap,
    NoTrack,
    Reject,
    Rule,
    Set,
    SetMark,
    Table,
    Verdict,
    VerdictMap,
)

ip = socket.inet_aton
TCP, UDP, HTTP = b"\6", b"\x11", b"\0\x50"
FRONTEND = (Field.IP_DADDR, Field.L4PROTO, Field.TH_DPORT)
SERVICES = Set("services", FRONTEND, Data.VERDICT)
ENDPOINTS = Set("eps", (*FRONTEND, Field.MARK), Data.ADDRESS_AND_PORT)
PORTS = Set("ports", (Field.IIFNAME,), Data.VERDICT)
HAIRPIN = Set("hairpin", (Field.IIFNAME, Field.OIFNAME))
NETWORKS = Set("networks", (Field.IP_SADDR,), intervals=True)
NETWORK_VERDICTS = Set("network_verdicts", (Field.TH_DPORT,), Data.VERDICT, intervals=True)
MARKS = Set("marks", (Field.IP_SADDR,), Data.MARK)
SETS = (SERVICES, ENDPOINTS, PORTS, HAIRPIN, NETWORKS, NETWORK_VERDICTS, MARKS)
ELEMENTS = {
    "services": {(ip("10.96.0.1"), TCP, HTTP): Verdict("goto", "plain"), (ip("10.96.0.2"), UDP, HTTP): Verdict("drop")},
    "eps": {(ip("10.96.0.1"), TCP, HTTP, b"\0\0\0\1"): ip("10.1.0.5") + HTTP},
    "ports": {(b"mido0123",): Verdict("jump", "plain"), (b"a-name-of-15-ch",): Verdict("accept")},
    "hairpin": {(b"mido0", b"mido0"): None},
    "networks": {
        (ip("0.0.0.0"), ip("0.0.0.0")): None,
        (ip("10.0.0.0"), ip("10.0.0.255")): None,
        (ip("10.0.1.0"), ip("10.0.1.255")): None,
        (ip("240.0.0.0"), ip("255.255.255.255")): None,
    },
    "network_verdicts": {(b"\0\0", b"\0\x10"): Verdict("accept"), (b"\0\x11", b"\xff\xff"): Verdict("goto", "plain")},
    "marks": {(ip("10.0.0.1"),): b"\1\2\3\4"},
}
STATEMENTS = [
    Compare(Field.IIFNAME, b"mido0"),
    Compare(Field.OIFNAME, b"mido0", invert=True),
    Compare(Field.ETHERTYPE, b"\x08\x00"),
    Compare(Field.L4PROTO, TCP),
    Compare(Field.IP_PROTOCOL, TCP),
    Compare(Field.IP_SADDR, ip("10.0.0.0"), ip("255.0.0.0")),
    Compare(Field.IP_TOS, b"\x10"),
    Compare(Field.IP_FRAGMENT, b"\0\0", b"\x1f\xff"),
    Compare(Field.ICMP_TYPE, b"\x08"),
    Compare(Field.ICMP_CODE, b"\0"),
    Compare(Field.ETHER_SADDR, b"\2\0\0\0\0\1", b"\xff\xff\xff\0\0\0"),
    Compare(Field.ETHER_DADDR, b"\2\0\0\0\0\1"),
    Compare(Field.MARK, b"\0\0\0\1", b"\0\0\0\1"),
    Compare(Field.CT_DIRECTION, b"\1"),
    Compare(Field.CT_STATUS, b"\0\0\0\x20", b"\0\0\0\x20"),
    Compare(Field.CT_MARK, b"\0\0\0\1"),
    Between(Field.TH_DPORT, b"\0\1", b"\0\xff"),
    Between(Field.TH_SPORT, b"\0\1", b"\0\xff", invert=True),
    InSet((Field.IP_SADDR,), "networks", invert=True),
    InSet((Field.IIFNAME, Field.OIFNAME), "hairpin"),
    VerdictMap(FRONTEND, "services"),
    VerdictMap((Field.TH_DPORT,), "network_verdicts"),
    MarkRandom(3, 1),
    SetMark(7),
    NoTrack(),
    Counter(),
    Reject(),
    Reject(tcp_reset=True),
    Reject(code=13),
    Verdict("accept"),
    Verdict("drop"),
    Verdict("return"),
    Verdict("continue"),
    Verdict("jump", "plain"),
    Verdict("goto", "plain"),
]
FILTER, NAT_IN, NAT_OUT = Hook("filter", "prerouting", -160), Hook("nat", "prerouting", -100), Hook("nat", "postrouting", 100)
PLAIN = Chain("plain", (Rule((Counter(),)),))
DNAT = Nat("dnat", ip("10.1.0.5"), ip("10.1.0.6"), 80, 90)
SNAT = Nat("snat", ip("10.1.0.1"), ip("10.1.0.1"))


def change(*operations):
    return Transaction("t", "ip", operations)


def write(rule_sets, *chains, sets=(), elements=None):
    wanted = Table("t", "ip", chains, sets, elements or {})
    rule_sets.apply(difference(wanted, rule_sets.dump("t")).now)
    return wanted


def settled(rule_sets, wanted):
    found = rule_sets.dump("t")
    assert found.elements == {value.name: wanted.elements.get(value.name, {}) for value in wanted.sets}
    return not difference(wanted, found)


@pytest.fixture
def full(rule_sets):
    return write(rule_sets, PLAIN, sets=SETS, elements=ELEMENTS)


def test_a_table_that_is_not_there_is_none(rule_sets):
    assert rule_sets.dump("t") is None
    assert rule_sets.tables() == []


@pytest.fixture
def another(kernel, here):
    another = kernel.rule_sets(here)
    yield another
    another.close()


def test_an_owned_table_is_changed_by_its_owner_only_and_stays_for_the_next(rule_sets, another, refused):
    if not rule_sets.own("t"):
        pytest.skip("the kernel is older than Linux 6.9")
    assert rule_sets.own("t")
    wanted = write(rule_sets, PLAIN)
    refused(errno.EPERM, another.apply, change(AddChain(Chain("strange"))))
    refused(errno.EPERM, another.apply, change(DeleteTable()))
    assert not another.own("t")
    assert settled(another, wanted)
    rule_sets.close()
    assert settled(another, wanted)
    another.apply(change(AddChain(Chain("strange"))))
    assert another.own("t")
    another.apply(change(DeleteTable()))
    assert another.dump("t") is None


def test_a_table_that_was_not_made_to_be_owned_is_not(rule_sets, another):
    write(rule_sets, PLAIN)
    assert not rule_sets.own("t")
    another.apply(change(DeleteTable()))
    assert rule_sets.dump("t") is None


def test_an_empty_transaction_does_nothing(rule_sets):
    rule_sets.apply(change())
    assert rule_sets.tables() == []


def test_a_table_is_listed_and_deleted(rule_sets):
    rule_sets.apply(change(AddTable()))
    rule_sets.apply(change(AddTable()))
    assert rule_sets.tables() == [("ip", "t")]
    rule_sets.apply(change(DeleteTable()))
    assert rule_sets.dump("t") is None


def test_sets_and_elements_are_read_as_they_were_written(rule_sets, full):
    assert rule_sets.dump("t").sets == {value.name: value for value in SETS}
    assert settled(rule_sets, full)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("statement", STATEMENTS, ids=repr)
def test_a_statement_is_accepted_and_known_again(rule_sets, statement):
    wanted = write(rule_sets, PLAIN, Chain("c", (Rule((statement,), "a rule"),), FILTER), sets=SETS, elements=ELEMENTS)
    assert settled(rule_sets, wanted)
    assert rule_sets.dump("t").chains["c"].rules[0].origin == "a rule"


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(("statement", "hook"), [(DNAT, NAT_IN), (SNAT, NAT_OUT), (NatByMap(ENDPOINTS.key, "eps"), NAT_IN)])
def test_nat_is_accepted_behind_its_hook(rule_sets, statement, hook):
    nat = Chain("n", (Rule((Compare(Field.L4PROTO, TCP), statement)),))
    wanted = write(rule_sets, PLAIN, nat, Chain("c", (Rule((Verdict("jump", "n"),)),), hook), sets=SETS, elements=ELEMENTS)
    assert settled(rule_sets, wanted)


@pytest.mark.parametrize(
    ("statement", "hook"),
    [(DNAT, FILTER), (DNAT, NAT_OUT), (SNAT, NAT_IN), (Reject(), Hook("filter", "postrouting", 0))],
    ids=repr,
)
def test_a_statement_out_of_its_place_is_refused_and_nothing_is_done(rule_sets, full, refused, statement, hook):
    inner = Chain("n", (Rule((Compare(Field.L4PROTO, TCP), statement)),))
    for chains in ([inner, Chain("c", (Rule((Verdict("jump", "n"),)),), hook)], [Chain("c", inner.rules, hook)]):
        wanted = Table("t", "ip", (PLAIN, *chains), SETS, ELEMENTS)
        refused(errno.EOPNOTSUPP, rule_sets.apply, difference(wanted, rule_sets.dump("t")).now)
        assert settled(rule_sets, full)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("hook", [Hook("nat", "forward", 0), Hook("nat", "prerouting", -200)], ids=repr)
def test_a_nat_chain_where_there_is_no_nat_is_refused(rule_sets, refused, hook):
    refused(errno.EOPNOTSUPP, rule_sets.apply, change(AddChain(Chain("c", (), hook))))


def test_chains_know_hook_and_policy(rule_sets):
    hook = Hook("filter", "forward", 5, policy_drop=True)
    wanted = write(rule_sets, Chain("c", (), hook))
    assert rule_sets.dump("t").chains["c"].hook == hook
    assert settled(rule_sets, wanted)


@pytest.mark.parametrize(
    "hook",
    [Hook("filter", "forward", 5, policy_drop=True), Hook("filter", "forward", 6), Hook("filter", "input", 5), NAT_OUT, None],
)
def test_a_chain_changes_policy_hook_and_kind(rule_sets, hook):
    rules = (Rule((Counter(), Verdict("accept"))),)
    write(rule_sets, Chain("c", rules, Hook("filter", "forward", 5)))
    wanted = write(rule_sets, Chain("c", rules, hook))
    assert settled(rule_sets, wanted)
    back = write(rule_sets, Chain("c", rules, Hook("filter", "forward", 5)))
    assert settled(rule_sets, back)


def nested(depth, hook):
    inner = [Chain(f"c{i}", (Rule((Verdict("jump", f"c{i - 1}"),)),) if i else ()) for i in range(depth)]
    return [*inner, Chain("base", (Rule((Verdict("jump", f"c{depth - 1}"),)),), hook)]


def test_fifteen_nested_jumps_are_the_most(rule_sets, refused):
    wanted = write(rule_sets, *nested(15, FILTER))
    assert settled(rule_sets, wanted)
    deeper = Table("t", "ip", tuple(nested(16, FILTER)))
    refused(errno.EMLINK, rule_sets.apply, difference(deeper, rule_sets.dump("t")).now)
    assert settled(rule_sets, wanted)


def test_a_loop_is_refused(rule_sets, refused):
    chains = [Chain("a", (Rule((Verdict("jump", "b"),)),)), Chain("b", (Rule((Verdict("jump", "a"),)),))]
    base = Chain("base", (Rule((Verdict("jump", "a"),)),), FILTER)
    older_and_newer = errno.ELOOP, errno.EMLINK  # kernels look for loops, or only limit the depth
    refused(older_and_newer, rule_sets.apply, difference(Table("t", "ip", (*chains, base)), None).now)


MISSING = [
    AddRule("nochain", Rule((Counter(),))),
    AddRule("plain", Rule((Verdict("jump", "nochain"),))),
    AddRule("plain", Rule((InSet((Field.IP_SADDR,), "noset"),))),
    FlushChain("nochain"),
    DeleteChain("nochain"),
    DeleteSet("noset"),
    AddElements(Set("noset", (Field.IP_SADDR,)), {(ip("10.0.0.1"),): None}),
    AddElements(SERVICES, {(ip("10.96.0.9"), TCP, HTTP): Verdict("goto", "nochain")}),
    DeleteElements(SERVICES, [(ip("10.96.0.9"), TCP, HTTP)]),
    DeleteElements(NETWORKS, [(ip("10.0.2.0"), ip("10.0.2.255"))]),
]


@pytest.mark.parametrize("operation", MISSING, ids=repr)
def test_what_is_not_there_cannot_be_meant(rule_sets, full, refused, operation):
    marker = AddChain(Chain("marker"))
    refused(errno.ENOENT, rule_sets.apply, change(marker, operation))
    assert settled(rule_sets, full)


@pytest.mark.parametrize("operation", [DeleteTable(), AddChain(PLAIN), FlushChain("plain"), AddSet(SERVICES)], ids=repr)
def test_nothing_is_done_in_a_table_that_is_not_there(rule_sets, refused, operation):
    refused(errno.ENOENT, rule_sets.apply, change(operation))


@pytest.mark.parametrize(
    "operation",
    [
        AddSet(SERVICES),
        AddElements(SERVICES, {(ip("10.96.0.2"), UDP, HTTP): Verdict("accept")}),
        AddElements(ENDPOINTS, {(ip("10.96.0.1"), TCP, HTTP, b"\0\0\0\1"): ip("10.1.0.6") + HTTP}),
        AddElements(NETWORKS, {(ip("10.0.0.128"), ip("10.0.0.200")): None}),
        AddElements(NETWORKS, {(ip("10.0.0.128"), ip("10.0.3.0")): None}),
    ],
    ids=repr,
)
def test_what_is_there_in_another_form_is_not_made_again(rule_sets, full, refused, operation):
    refused(errno.EEXIST, rule_sets.apply, change(operation))
    assert settled(rule_sets, full)


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize("hook", [FILTER, Hook("filter", "input", 0), NAT_IN], ids=repr)
def test_a_chain_cannot_be_moved_to_another_hook_under_its_name(rule_sets, refused, hook):
    rule_sets.apply(change(AddChain(Chain("base", (), Hook("filter", "prerouting", 0)))))
    for name in ("plain", "base"):
        refused((errno.EOPNOTSUPP, errno.EEXIST), rule_sets.apply, change(AddChain(Chain(name, (), hook))))


@pytest.mark.parametrize(
    "operation",
    [AddChain(PLAIN), AddElements(SERVICES, ELEMENTS["services"]), AddElements(NETWORKS, ELEMENTS["networks"])],
    ids=repr,
)
def test_what_is_there_in_the_same_form_is_made_again_without_effect(rule_sets, full, operation):
    rule_sets.apply(change(operation))
    assert settled(rule_sets, full)


def test_what_is_referred_to_cannot_be_deleted(rule_sets, refused):
    target = Chain("target", (Rule((InSet(FRONTEND, "services"),)),))
    chains = [target, PLAIN, Chain("c", (Rule((Verdict("jump", "target"),)),))]
    wanted = write(rule_sets, *chains, sets=SETS, elements=ELEMENTS)
    for operation in (DeleteChain("target"), DeleteChain("plain"), DeleteSet("services")):
        refused(errno.EBUSY, rule_sets.apply, change(operation))
    assert settled(rule_sets, wanted)
    rule_sets.apply(change(DeleteChain("c"), DeleteChain("target"), DeleteSet("services")))


@pytest.mark.usefixtures("full")
def test_a_base_chain_is_no_target(rule_sets, refused):
    base = AddChain(Chain("base", (), FILTER))
    refused(errno.EOPNOTSUPP, rule_sets.apply, change(base, AddRule("plain", Rule((Verdict("jump", "base"),)))))


@pytest.mark.usefixtures("full")
@pytest.mark.parametrize(
    "statement",
    [VerdictMap((Field.IP_SADDR,), "networks"), NatByMap(FRONTEND, "services")],
    ids=repr,
)
def test_a_look_up_that_does_not_fit_its_set_is_refused(rule_sets, refused, statement):
    refused(errno.EINVAL, rule_sets.apply, change(AddRule("plain", Rule((statement,)))))


@pytest.mark.usefixtures("full")
def test_an_element_is_replaced_in_one_transaction(rule_sets):
    key = (ip("10.96.0.1"), TCP, HTTP, b"\0\0\0\1")
    rule_sets.apply(change(DeleteElements(ENDPOINTS, [key]), AddElements(ENDPOINTS, {key: ip("10.1.0.9") + HTTP})))
    assert rule_sets.dump("t").elements["eps"] == {key: ip("10.1.0.9") + HTTP}


def test_only_the_table_of_a_transaction_is_changed(rule_sets, full):
    rule_sets.apply(Transaction("u", "ip", (AddTable(), AddChain(PLAIN))))
    rule_sets.apply(Transaction("t", "inet", (AddTable(), AddChain(Chain("inet_chain")))))
    assert settled(rule_sets, full)
    assert set(rule_sets.dump("u").chains) == {"plain"}
    assert set(rule_sets.dump("t", "inet").chains) == {"inet_chain"}


def test_a_table_of_ten_thousand_elements_is_read_as_it_was_written(rule_sets):
    elements = {
        (bytes((10, 96, i >> 8, i & 255)), TCP, HTTP, bytes((0, 0, 0, j))): bytes((10, 1, i & 255, j)) + HTTP
        for i in range(1000)
        for j in range(10)
    }
    wanted = write(rule_sets, sets=(ENDPOINTS,), elements={"eps": elements})
    assert settled(rule_sets, wanted)
