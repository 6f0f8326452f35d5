from __future__ import annotations

import errno
from contextlib import ExitStack

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux import namespaces
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
from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.linux.twin.kernel import TwinKernel
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route, Vxlan
from midonet_kubernetes.topology.rule_set import (
    Chain,
    Compare,
    Counter,
    Data,
    Field,
    Hook,
    InSet,
    Nat,
    NatByMap,
    Reject,
    Rule,
    Set,
    Verdict,
    VerdictMap,
)

pytestmark = pytest.mark.kernel


@pytest.fixture(scope="module", autouse=True)
def _privileges():
    try:
        namespaces.create_unnamed().close()
    except KernelError as refused:
        pytest.skip(f"{refused}: needs root or a user namespace")


def code_of(call, *arguments):
    """The name of the error, "" for none."""
    try:
        call(*arguments)
    except KernelError as refused:
        # Kernels look for loops, or only limit the depth of jumps.
        return "EMLINK" if refused.code == errno.ELOOP else errno.errorcode[refused.code]
    return ""


# links, addresses, routes, neighbours

SIDES = ["here", "there"]
NAMES = ["a", "b", "br"]
MACS = ["02:00:00:00:00:01", "02:00:00:00:00:02"]
links = st.builds(
    Link,
    st.sampled_from([*NAMES, "v", "none"]),
    mac=st.sampled_from(["", *MACS]),
    mtu=st.sampled_from([0, 1300, 1400]),
    up=st.booleans(),
)
loopbacks = st.builds(Link, st.just("lo"), up=st.booleans())
new_links = st.builds(Link, st.sampled_from(NAMES), mac=st.sampled_from(MACS), mtu=st.just(1400), up=st.booleans())
tunnels = st.builds(
    Link,
    st.sampled_from(["a", "v"]),
    mac=st.sampled_from(MACS),
    mtu=st.just(1400),
    up=st.booleans(),
    vxlan=st.builds(Vxlan, st.sampled_from([5, 6]), st.just(6677), st.just("192.0.2.1")),
)
link_names = st.sampled_from([*NAMES, "lo", "v", "none"])
hosts = ["10.0.0.1", "10.0.0.2", "10.1.0.1"]
addresses = st.builds(Address, link_names, st.sampled_from(["10.0.0.1/24", "10.0.0.1/32", "10.0.0.2/24", "10.1.0.1/32"]))
routes = st.builds(
    Route,
    st.sampled_from(["10.5.0.0/24", "10.1.0.1/32", "10.1.0.0/24", "0.0.0.0/0"]),
    link=st.sampled_from(["", *NAMES, "none"]),
    via=st.sampled_from(["", "", "10.0.0.9", "10.1.0.1"]),
    source=st.sampled_from(["", "", *hosts]),
    metric=st.sampled_from([0, 5]),
    onlink=st.just(value=False),
)
sinks = st.builds(Route, st.sampled_from(["10.5.0.0/24", "10.1.0.0/24"]), kind=st.sampled_from(["blackhole", "unreachable"]))
neighbours = st.builds(Neighbour, st.sampled_from([*NAMES, "none"]), st.sampled_from(hosts), st.sampled_from(MACS))
entries = st.builds(
    ForwardingEntry, st.sampled_from(["v", "none"]), st.sampled_from(MACS), st.sampled_from(["192.0.2.2", "192.0.2.3"])
)
network_changes = st.one_of(
    st.tuples(st.just("add_veth"), new_links, new_links),
    st.tuples(st.just("add_vxlan"), tunnels),
    st.tuples(st.just("add_bridge"), st.builds(Link, st.sampled_from(["br", "a"]), mac=st.sampled_from(MACS), mtu=st.just(1400))),
    st.tuples(st.just("set_link"), links | loopbacks),
    st.tuples(st.just("delete_link"), link_names),
    st.tuples(st.just("move_link"), st.sampled_from([*NAMES, "lo", "v"])),
    st.tuples(st.sampled_from(["replace_address", "delete_address"]), addresses),
    st.tuples(st.sampled_from(["replace_route", "delete_route"]), routes | sinks),
    st.tuples(st.sampled_from(["replace_neighbour", "delete_neighbour"]), neighbours),
    st.tuples(st.sampled_from(["replace_forwarding", "delete_forwarding"]), entries),
)


class Networks:
    """Two namespaces of one kernel."""

    def __init__(self, kernel, namespaces):
        self.namespaces = dict(zip(SIDES, namespaces, strict=True))
        self.routing = {side: kernel.routing(namespace) for side, namespace in self.namespaces.items()}

    def do(self, side, change):
        verb, *arguments = change
        if verb in {"add_veth", "add_vxlan", "move_link"}:
            arguments.append(self.namespaces["there" if side == "here" else "here"])
        return code_of(getattr(self.routing[side], verb), *arguments)

    def state(self):
        return {
            side: tuple(
                sorted(map(repr, found))
                for found in (
                    [(link.name, link.kind, link.mac, link.mtu, link.up, link.bridge, link.vxlan) for link in routing.links()],
                    routing.addresses(),
                    routing.routes(),
                    routing.neighbours(),
                    routing.forwarding(),
                )
            )
            for side, routing in self.routing.items()
        }


@given(st.lists(st.tuples(st.sampled_from(SIDES), network_changes), min_size=1, max_size=30))
@settings(max_examples=60, deadline=None)
def test_the_twins_network_does_what_the_kernels_does(changes):
    with ExitStack() as stack:
        twin_kernel, real_kernel = TwinKernel(), LinuxKernel()
        twin = Networks(twin_kernel, [twin_kernel.create_namespace(f"/run/netns/{side}") for side in SIDES])
        real = Networks(real_kernel, [namespaces.create_unnamed() for _ in SIDES])
        for each in (*twin.routing.values(), *real.routing.values(), *twin.namespaces.values(), *real.namespaces.values()):
            stack.callback(each.close)
        for side, change in changes:
            assert twin.do(side, change) == real.do(side, change), (side, change)
            assert twin.state() == real.state(), (side, change)


# rule sets

ADDRESS = (b"\x0a\0\0\1",)
SETS = [
    Set("s", (Field.IP_SADDR,)),
    Set("v", (Field.IP_SADDR,), Data.VERDICT),
    Set("e", (Field.IP_SADDR,), Data.ADDRESS_AND_PORT),
]
HOOKS = [None, Hook("filter", "prerouting", 0), Hook("nat", "prerouting", -100), Hook("filter", "postrouting", 0)]
chain_names = st.sampled_from(["c", "d", "e", "none"])
statements = st.sampled_from(
    [
        Counter(),
        Compare(Field.L4PROTO, b"\6"),
        InSet((Field.IP_SADDR,), "s"),
        VerdictMap((Field.IP_SADDR,), "v"),
        NatByMap((Field.IP_SADDR,), "e"),
        Nat("dnat", b"\x0a\0\0\1", b"\x0a\0\0\1"),
        Reject(),
        Verdict("accept"),
        Verdict("jump", "c"),
        Verdict("jump", "d"),
        Verdict("goto", "e"),
    ]
)
verdicts = st.sampled_from([Verdict("accept"), Verdict("jump", "c"), Verdict("goto", "d")])
operations = st.one_of(
    st.builds(AddTable),
    st.builds(AddChain, st.builds(Chain, chain_names, st.just(()), st.sampled_from(HOOKS))),
    st.builds(FlushChain, chain_names),
    st.builds(DeleteChain, chain_names),
    st.builds(AddRule, chain_names, st.builds(Rule, st.lists(statements, min_size=1, max_size=2).map(tuple))),
    st.builds(AddSet, st.sampled_from(SETS)),
    st.builds(DeleteSet, st.sampled_from(["s", "v", "e"])),
    st.builds(AddElements, st.just(SETS[0]), st.just({ADDRESS: None})),
    st.builds(AddElements, st.just(SETS[1]), verdicts.map(lambda verdict: {ADDRESS: verdict})),
    st.builds(AddElements, st.just(SETS[2]), st.sampled_from([{ADDRESS: b"123456"}, {ADDRESS: b"654321"}])),
    st.builds(DeleteElements, st.sampled_from(SETS), st.just([ADDRESS])),
    st.builds(DeleteTable),
)


@given(st.lists(st.lists(operations, min_size=1, max_size=6), min_size=1, max_size=12))
@example([[AddRule("d", Rule((Verdict("jump", "d"),))), DeleteChain("d")]])
@settings(max_examples=60, deadline=None)
def test_the_twins_rule_sets_do_what_the_kernels_do(transactions):
    twin_kernel, namespace = TwinKernel(), namespaces.create_unnamed()
    twin = twin_kernel.rule_sets(twin_kernel.create_namespace("/run/netns/here"))
    real = LinuxKernel().rule_sets(namespace)
    with ExitStack() as stack:
        for each in (twin, real, namespace):
            stack.callback(each.close)
        begin = Transaction("t", "ip", (AddTable(), AddChain(Chain("c")), AddChain(Chain("d")), *map(AddSet, SETS)))
        twin.apply(begin)
        real.apply(begin)
        for steps in transactions:
            transaction = Transaction("t", "ip", tuple(steps))
            assert code_of(twin.apply, transaction) == code_of(real.apply, transaction), steps
            assert twin.dump("t") == real.dump("t"), steps
