"""Real packets through random topologies: who gets them is what MidoNet's simulation says."""

import os
import select
import socket
import sys
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, event, given, note, settings
from hypothesis import strategies as st
from machines import KERNEL, Machine

from midonet_kubernetes.linux import namespaces
from midonet_kubernetes.minimidonet.agent.datapath import Datapath
from midonet_kubernetes.minimidonet.agent.programmer import Programmer
from midonet_kubernetes.minimidonet.agent.stream import Commit, Position
from midonet_kubernetes.testing.cluster_topology import put
from midonet_kubernetes.topology.host_network import Address, Link, Neighbour, Route

sys.path.insert(0, str(Path(__file__).parents[2] / "unit" / "topology"))
import test_against_simulation_of_rules as rules_of
from three_pods import HOST

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

PATIENCE = 0.02  # seconds until a packet counts as lost that shall be; one that arrives takes a tenth of a millisecond
SOURCE_PORTS = count(20000)
UDP = 17
EXAMPLES = int(os.environ.get("MIDONETKUBE_TEST_EXAMPLES", "40"))
UNHURRIED = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


class Site:
    """Three pods on one host, as in the test of the rules."""

    def __init__(self):
        self.outside, self.inside = namespaces.create_unnamed(), namespaces.create_unnamed()
        self.datapath = Datapath(KERNEL, KERNEL.adopt_namespace(os.dup(self.inside.fileno())), self.outside)
        self.datapath.prepare()
        self.programmer, self.revision = Programmer(HOST, self.datapath), 0
        self.machines, self.listening = {}, {}
        with_links = KERNEL.routing(self.inside)
        for pod in rules_of.PODS:
            machine = self.machines[pod.name] = Machine(namespaces.create_unnamed())
            gateway, mac = rules_of.GATEWAYS[pod.bridge]
            with_links.add_veth(Link(f"if-{pod.name}", mac=mac), Link("eth0", mac=pod.mac), machine.namespace)
            machine.routing.set_link(Link("eth0"))
            machine.routing.replace_address(Address("eth0", f"{pod.address}/24"))
            machine.routing.replace_neighbour(Neighbour("eth0", gateway, mac))
            machine.routing.replace_route(Route("0.0.0.0/0", link="eth0", via=gateway))
            for port in (1, 79, 80, 81, 8080):
                served = machine.open(socket.SOCK_DGRAM)
                served.bind(("", port))
                self.listening[served] = f"if-{pod.name}", port, pod.address
        with_links.close()

    def program(self, changes):
        self.revision += 1
        report = self.programmer.take(Commit(tuple(changes), Position("s", self.revision), snapshot=True))
        assert report.refused == ()
        self.programmer.finish()
        assume(not self.programmer.unsupported)

    def send(self, packet, patience):
        """Where a datagram arrives within ``patience`` seconds: interface, source, destination and port."""
        sender, to, _, source_port, port, tos = packet
        with self.machines[sender.name].open(socket.SOCK_DGRAM) as sending:
            sending.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, tos)
            sending.bind(("", source_port))
            sending.sendto(str(packet).encode(), (to, port))
            while ready := select.select(self.listening, (), (), patience)[0]:
                data, peer = ready[0].recvfrom(1000)
                if data == str(packet).encode():  # not one that came too late
                    interface, at, address = self.listening[ready[0]]
                    return interface, peer[0], address, at
        return "lost"

    def close(self):
        for served in self.listening:
            served.close()
        for machine in self.machines.values():
            machine.close()
        self.datapath.close()
        self.inside.close()


@pytest.fixture(scope="module")
def site():
    made = Site()
    yield made
    made.close()


PACKETS = st.lists(
    st.tuples(st.sampled_from(rules_of.PODS), rules_of.ADDRESSES, rules_of.PORTS, st.sampled_from([0, 8])), max_size=6
)


def check(site, changes, packets):
    site.program(changes)
    for sender, to, port, tos in packets:
        if sender.address == to:
            continue
        packet = sender, to, UDP, next(SOURCE_PORTS), port, tos
        # A host takes no packet that comes from itself (simulation 4.10).
        expected = {"lost" if fate[1] == fate[2] else fate for fate in rules_of.simulated(changes, packet)}
        found = site.send(packet, PATIENCE if "lost" in expected else 1)
        event("lost" if found == "lost" else "delivered")
        note(f"{packet}: {expected}")
        assert found in expected


GROUP = put("IpAddrGroup", "g", addrs=["10.1.1.5", "2001:db8::1"])


@UNHURRIED
@given(rules_of.chains(), rules_of.FILTERS, PACKETS)
def test_filters(site, rules, filters, packets):
    check(site, [*rules_of.network(filters), *rules, GROUP], packets)


@UNHURRIED
@given(rules_of.services(), PACKETS)
def test_services(site, rules, packets):
    filters = {("b1", "inbound"): "main", ("b2", "inbound"): "main"}
    check(site, [*rules_of.network(filters), *rules, GROUP], packets)


TRANSLATIONS = st.tuples(
    rules_of.chains(), rules_of.nat_rule("nat", "c0", 1.5), rules_of.source_nat_rule("snat", "c1", 0.5), st.sampled_from("abc")
)


@UNHURRIED
@given(TRANSLATIONS, PACKETS)
def test_translations_among_filters(site, translations, packets):
    rules, nat, source_nat, port = translations
    filters = {("b1", "inbound"): "c0", (port, "outbound"): "c1"}
    rules = [rule for rule in rules if not (rule.kind == "Rule" and rule.object.get("jumpChainId") == "c1")]
    check(site, [*rules_of.network(filters), *rules, nat, source_nat, GROUP], packets)
