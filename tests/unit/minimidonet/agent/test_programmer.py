import random

import pytest

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.linux.kernel import Flow
from midonet_kubernetes.linux.nftables.transaction import DeleteTable, Transaction
from midonet_kubernetes.linux.twin.kernel import TwinKernel
from midonet_kubernetes.minimidonet.agent.datapath import Datapath, open_namespace
from midonet_kubernetes.minimidonet.agent.programmer import NETWORK, RULES, Programmer
from midonet_kubernetes.minimidonet.agent.stream import Commit, Position
from midonet_kubernetes.model.names import NODE_PORT_INTERFACE, interface_for
from midonet_kubernetes.testing.cluster_topology import UDP, Node, endpoints_rule, global_objects, gone, service
from midonet_kubernetes.topology.host_network import Address, Link, Route

PATH = "/run/netns/midonet"
ONE, TWO = Node(1), Node(2)
VIP = "10.96.0.10"
PODS = (3, 4)


def view(*more):
    own = [*ONE.objects(), *(change for number in PODS for change in ONE.pod(number)), ONE.home()]
    remote = [
        c for c in TWO.objects() if c.kind not in {"MacPort", "Ip4Mac"} and not (c.kind == "Port" and c.object.get("hostId"))
    ]
    return (*global_objects(), *own, *remote, TWO.home(), *more)


class Site:
    """A kernel with the ports that a node daemon has made."""

    def __init__(self):
        self.kernel = TwinKernel()
        self.namespace = open_namespace(self.kernel, PATH)
        self.own = self.kernel.own_namespace()
        with_sockets = self.kernel.routing(self.own)
        with_sockets.add_veth(Link("eth0", mtu=1400), Link("peer"))
        with_sockets.replace_address(Address("eth0", "192.0.2.1/24"))
        self.routing = self.kernel.routing(self.namespace)
        for number in PODS:
            self.wire(interface_for(f"n1/p{number}"))
        self.wire(NODE_PORT_INTERFACE)
        self.revision, self.now = 0, 0.0
        self.restart()

    def wire(self, name):
        self.routing.add_veth(Link(name, mac=ONE.router_mac, mtu=1350), Link(f"p{name[4:]}", mtu=1350), self.own)
        self.routing.set_proxy_delay(name, 0)

    def restart(self):
        self.datapath = Datapath(self.kernel, self.kernel.open_namespace(PATH), self.kernel.own_namespace())
        self.programmer = Programmer("h1", self.datapath, lambda: self.now)

    def take(self, *changes, snapshot=False):
        self.revision += 1
        return self.programmer.take(Commit(changes, Position("S", self.revision), snapshot))

    def finish(self, after=0.1):
        self.now += after
        assert self.programmer.finish().refused == ()

    def load(self, *more):
        report = self.take(*view(*more), snapshot=True)
        assert report.refused == ()
        return report

    def dump(self):
        """All that is there; endpoints without their slots, which depend on what was before."""
        found = self.datapath.found()
        table = self.datapath.rule_sets.dump("midonet")
        elements = {name: dict(held) for name, held in table.elements.items() if held}
        for name in [name for name in elements if name.startswith("eps_")]:
            elements[name] = sorted((key[:3], endpoint) for key, endpoint in elements[name].items())
        known = {"", "lo", *self.programmer.wanted.links}  # what hangs on other ports is the node daemon's
        entries = {entry for entry in found.entries if entry.link in known}
        return found.links, found.delays, found.merges, entries, table.chains, table.sets, elements


@pytest.fixture
def site():
    made = Site()
    yield made
    made.datapath.close()


def test_a_second_start_writes_nothing(site):
    assert site.load(*service("web", VIP, 80, [("10.244.2.3", 80), ("10.244.1.3", 80)])).operations > 0
    site.datapath.close()
    site.restart()
    assert site.load(*service("web", VIP, 80, [("10.244.1.3", 80), ("10.244.2.3", 80)])).operations == 0


def test_a_start_with_endpoints_on_their_way_out_only_deletes_those(site):
    site.load(*service("web", VIP, 80, [("10.244.2.3", 80), ("10.244.1.3", 80), ("10.244.1.4", 80)]))
    site.take(endpoints_rule("web", [("10.244.1.3", 80), ("10.244.1.4", 80)]))
    site.datapath.close()
    site.restart()
    assert site.load(*service("web", VIP, 80, [("10.244.1.3", 80), ("10.244.1.4", 80)])).operations == 1
    site.finish()
    assert len(site.datapath.rule_sets.dump("midonet").elements["eps_services"]) == 2


def test_the_tunnel_leaves_room_on_the_link_that_it_uses(site):
    site.load()
    assert site.datapath.links()["mvx"].mtu == 1350


def test_the_tunnel_merges_nothing_also_after_somebody_has_let_it(site):
    site.load()
    assert not site.routing.merges("mvx")
    site.routing.set_merging("mvx", merges=True)
    assert [operation.verb for operation in site.programmer.compare().network] == ["merge nothing"]
    assert not site.routing.merges("mvx")
    assert site.programmer.compare().operations == 0


def test_a_removed_endpoint_goes_after_what_led_to_it(site):
    site.load(*service("web", VIP, 80, [("10.244.2.3", 80), ("10.244.1.3", 80)]))
    site.take(endpoints_rule("web", [("10.244.2.3", 80)]))
    assert len(site.datapath.rule_sets.dump("midonet").elements["eps_services"]) == 2
    assert site.programmer.has_late_work
    site.finish()
    assert len(site.datapath.rule_sets.dump("midonet").elements["eps_services"]) == 1
    assert not site.programmer.has_late_work


def test_an_endpoint_that_went_just_now_stays_when_an_earlier_one_is_due(site):
    site.load(*service("web", VIP, 80, [("10.244.2.3", 80), ("10.244.2.4", 80), ("10.244.2.5", 80)]))
    left = []
    for endpoints, after in (([("10.244.2.3", 80), ("10.244.2.4", 80)], 0.04), ([("10.244.2.3", 80)], 0.02), (None, 0.04)):
        if endpoints:
            site.take(endpoints_rule("web", endpoints))
        site.finish(after)
        left.append(len(site.datapath.rule_sets.dump("midonet").elements["eps_services"]))
    assert left == [3, 2, 1]


def test_an_endpoint_that_comes_back_in_time_is_not_deleted(site):
    both = [("10.244.2.3", 80), ("10.244.1.3", 80)]
    site.load(*service("web", VIP, 80, both))
    before = site.dump()
    for _ in range(3):
        site.take(endpoints_rule("web", both[:1]))
        site.take(endpoints_rule("web", [both[0], ("10.244.9.9", 80)]))
        site.take(endpoints_rule("web", both))
    site.finish()
    assert site.dump() == before


def test_udp_flows_to_a_removed_endpoint_are_forgotten_and_no_others(site):
    site.load(*service("dns", VIP, 53, [("10.244.2.3", 53), ("10.244.1.3", 53)], protocol=UDP))
    gone_flow, staying = Flow(VIP, 53, "10.244.1.3", 53), Flow(VIP, 53, "10.244.2.3", 53)
    for flow in (gone_flow, staying):
        site.kernel.track(site.namespace, flow)
    site.take(endpoints_rule("dns", [("10.244.2.3", 53)]))
    assert site.datapath.conntrack.usage().entries == 1


def test_udp_flows_to_an_endpoint_removed_while_the_agent_was_away_are_forgotten(site):
    site.load(*service("dns", VIP, 53, [("10.244.2.3", 53), ("10.244.1.3", 53)], protocol=UDP))
    site.kernel.track(site.namespace, Flow(VIP, 53, "10.244.1.3", 53))
    site.datapath.close()
    site.restart()
    site.load(*service("dns", VIP, 53, [("10.244.2.3", 53)], protocol=UDP))
    assert site.datapath.conntrack.usage().entries == 0


def test_a_port_that_comes_late_gets_its_route_at_the_next_comparison(site):
    site.load(*ONE.pod(9))
    assert not any(isinstance(entry, Route) and entry.destination == "10.244.1.9/32" for entry in site.datapath.found().entries)
    site.wire(interface_for("n1/p9"))
    report = site.programmer.compare({NETWORK})
    assert report.rules == 0
    assert any(isinstance(entry, Route) and entry.destination == "10.244.1.9/32" for entry in site.datapath.found().entries)


def test_after_a_refusal_the_kernel_is_looked_at_again(site):
    site.load()
    site.datapath.rule_sets.apply(Transaction("midonet", operations=(DeleteTable(),)))  # behind the agent's back
    report = site.take(*service("web", VIP, 80, [("10.244.2.3", 80)]))
    assert report.refused
    report = site.take(*service("api", VIP, 443, []))
    assert report.refused == ()
    fresh = Site()
    fresh.load(*service("web", VIP, 80, [("10.244.2.3", 80)]), *service("api", VIP, 443, []))
    assert site.dump()[3:] == fresh.dump()[3:]
    fresh.datapath.close()


def test_removing_leaves_the_ports_and_a_dry_run_tells_the_rest(site):
    site.load()
    assert site.programmer.differences(Commit(view(), Position("S", 1), snapshot=True)) == []
    removed = site.programmer.remove()
    assert "table midonet" in removed
    assert set(site.datapath.links()) == {"lo", NODE_PORT_INTERFACE, *(interface_for(f"n1/p{number}") for number in PODS)}
    assert site.programmer.remove() == []
    assert site.programmer.differences(Commit(view(), Position("S", 1), snapshot=True))


def test_what_an_agent_that_runs_has_made_is_not_removed(site):
    site.load()
    running = site.datapath
    site.restart()
    with pytest.raises(UserError, match="stop it first"):
        site.programmer.remove()
    assert {name for _, name in site.datapath.rule_sets.tables()} == {"midonet", "midonet_guard"}
    running.close()
    assert "table midonet_guard" in site.programmer.remove()


STATES = [
    view(),
    view(*service("web", VIP, 80, [("10.244.2.3", 80), ("10.244.1.3", 80), ("10.244.1.4", 80)])),
    view(*service("web", VIP, 80, [("10.244.2.3", 80)]), *service("dns", VIP, 53, [("10.244.1.4", 53)], protocol=UDP)),
    view(*service("web", VIP, 80, [])),
    global_objects(),
    view(*ONE.pod(9)),
    (),
]


@pytest.mark.parametrize("seed", range(25))
def test_the_way_to_a_state_leaves_no_trace_in_the_kernel(seed, site):
    chance, there = random.Random(seed), {}
    for wanted in chance.sample(STATES, len(STATES)):
        fate = {(change.kind, change.id): change for change in wanted}
        changes = [gone(*key) for key in there if key not in fate] + list(fate.values())
        chance.shuffle(changes)
        there = fate
        if chance.random() < 0.3:  # the agent restarts, or its stream does
            if chance.random() < 0.5:
                site.datapath.close()
                site.restart()
            changes, snapshot = list(wanted), True
        else:
            snapshot = site.revision == 0
            changes = list(wanted) if snapshot else changes
        while changes or snapshot:
            size = len(changes) if snapshot else chance.randint(1, 60)
            assert site.take(*changes[:size], snapshot=snapshot).refused == ()
            changes, snapshot = changes[size:], False
            if chance.random() < 0.3:
                site.finish()
        site.finish()
        fresh = Site()
        fresh.take(*wanted, snapshot=True)
        assert site.dump() == fresh.dump()
        fresh.datapath.close()
        assert site.programmer.compare({NETWORK, RULES}).operations == 0
