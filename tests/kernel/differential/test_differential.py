"""The real kernel, programmed by the compiler, against the simulator: the same random rules and packets.

``DIFFERENTIAL_TOPOLOGIES`` (100) and ``DIFFERENTIAL_SEED`` (0) say how many rule sets are tried and where to begin.
"""

import os
from collections import Counter
from dataclasses import dataclass, field, replace
from random import Random

import msgspec
import pytest
from known_differences import DIFFERENCES, Case
from random_rules import POD_NUMBERS, address_of, as_framed_by_a_host, mac_of, network, packets, port_of

from midonet_kubernetes.model.midonet import KINDS
from midonet_kubernetes.simulate import Binding, Fate, Topology, simulate
from midonet_kubernetes.simulate.packets import answer_to
from midonet_kubernetes.testing.random_routers import router_mac

pytestmark = pytest.mark.kernel

TOPOLOGIES = int(os.environ.get("DIFFERENTIAL_TOPOLOGIES", "100"))
FIRST = int(os.environ.get("DIFFERENTIAL_SEED", "0"))
PACKETS = 20
PODS = {port_of(pod): pod for pod in POD_NUMBERS}


def programmed(wire, changes):
    """Program what the kernel can express: rules that its report names are taken out of the network.

    Returns:
        None when it names a router: the kernel has one table for all.
    """
    while left_out := {(each.kind, each.id) for each in wire.program(changes)}:
        if ("Router", "r1") in left_out or ("Router", "r2") in left_out or ("Router", "r3") in left_out:
            return None
        assert {kind for kind, _ in left_out} == {"Rule"}, left_out
        changes = [change for change in changes if (change.kind, change.id) not in left_out]
    return Topology(msgspec.convert(change.object, KINDS[change.kind]) for change in changes)


def seen(port, packet):
    """What of a packet is compared: its TTL is not, the kernel counts one more hop on one bridge."""
    return port, packet.nw_src, packet.nw_dst, packet.nw_proto, packet.nw_tos, packet.tp_src, packet.tp_dst, packet.icmp_id


def told(outcome):
    return {seen(delivery.port, delivery.packet) for delivery in outcome.deliveries}


def as_the_kernel(arrived):
    """Chooses the source port that the kernel chose, out of the thousands that the rule leaves open."""

    def chooser(choice):
        made = [Binding(packet.nw_src, packet.tp_src) for _, packet in arrived]
        return next((each for each in made if choice.what == "snat" and any(c.holds(each) for c in choice.candidates)), None)

    return chooser


@dataclass
class Comparison:
    """What has been compared."""

    topologies: Counter = field(default_factory=Counter)
    fates: Counter = field(default_factory=Counter)
    explained: Counter = field(default_factory=Counter)
    wrong: list = field(default_factory=list)

    def round(self, seed, wire, topology, sent, states):
        """Send packets, compare each, and return the outcome of each that arrived as told.

        Args:
            seed: of the topology.
            wire: the kernel.
            topology: the simulator's.
            sent: pod and packet by number.
            states: of the packet that each answers: the outcome (none for a first packet).
        """

        def simulated(number, arrived=()):
            pod, packet = sent[number]
            state = states[number].state if number in states else None
            framed = as_framed_by_a_host(pod, packet)
            return simulate(topology, framed, port_of(pod), state, chooser=as_the_kernel(arrived))

        expected = [number for number in sent if all(way.deliveries for way in simulated(number))]
        arrived = wire.exchange(sent, expected, answers=bool(states))
        agreed = {}
        for number, (pod, packet) in sent.items():
            ways = simulated(number, arrived.get(number, ()))
            self.fates.update(way.fate for way in ways)
            got = {seen(port_of(where), what) for where, what in arrived.get(number, ())}
            way = next((way for way in ways if told(way) == got), None)
            if way is not None:
                agreed[number] = way
                continue
            case = Case(packet, topology, ways, states.get(number))
            names = [difference.__name__ for difference in DIFFERENCES if difference(case)]
            self.explained.update(names)
            if not names:
                told_ways = [(way.fate.value, way.reason, told(way)) for way in ways]
                self.wrong.append((f"seed {seed}", number, port_of(pod), str(packet), got, told_ways))
        return agreed


def answers(agreed, first):
    """The answers to what was delivered once, by number, and what each answers. No host sends frames to itself."""
    sent, before = {}, {}
    for number, way in agreed.items():
        if len(way.deliveries) != 1:
            continue
        (delivery,) = way.deliveries
        pod = PODS[delivery.port]
        if str(delivery.packet.nw_src) not in {address_of(pod), str(delivery.packet.nw_dst)}:
            sent[first + number] = pod, replace(answer_to(delivery.packet), eth_src=mac_of(pod), eth_dst=router_mac(pod[0]))
            before[first + number] = way
    return sent, before


def test_the_kernel_ends_every_packet_in_one_of_the_simulators_ways(wire):
    compared, replies = Comparison(), Comparison()
    for seed in range(FIRST, FIRST + TOPOLOGIES):
        random = Random(seed)
        topology = programmed(wire, network(random))
        compared.topologies["skipped" if topology is None else "tried"] += 1
        if topology is None:
            continue
        sent = packets(random, seed * PACKETS, PACKETS)
        agreed = compared.round(seed, wire, topology, sent, {})
        replies.round(seed, wire, topology, *answers(agreed, 1 << 24))
    for name, made in (("packets", compared), ("replies", replies)):
        counts = (dict(compared.topologies), dict(made.fates), "explained", dict(made.explained), "wrong", len(made.wrong))
        print(name, *counts)  # noqa: T201
    assert not compared.wrong, compared.wrong[:5]
    assert not replies.wrong, replies.wrong[:5]
    assert compared.fates[Fate.DELIVERED] > TOPOLOGIES
    assert compared.fates[Fate.DROP] > TOPOLOGIES
    assert replies.fates[Fate.DELIVERED] > TOPOLOGIES


def test_what_the_simulator_stops_is_stopped_whatever_the_kernel_cannot_test(wire):
    tried, opened = Counter(), []
    for seed in range(FIRST, FIRST + TOPOLOGIES):
        random = Random(seed)
        changes = network(random)
        reported = {each.kind for each in wire.program(changes)}
        if reported != {"Rule"}:
            continue
        topology = Topology(msgspec.convert(change.object, KINDS[change.kind]) for change in changes)
        stopped = {}
        for number, (pod, packet) in packets(random, seed * PACKETS, PACKETS).items():
            ways = simulate(topology, as_framed_by_a_host(pod, packet), port_of(pod))
            if packet.is_tracked and not any(way.deliveries for way in ways):
                stopped[number] = pod, packet
        arrived = wire.exchange(stopped, [], answers=False)
        tried.update(topologies=1, packets=len(stopped))
        opened += [(f"seed {seed}", number, str(stopped[number][1]), where) for number, where in arrived.items()]
    print(*tried.items(), "opened", len(opened))  # noqa: T201
    assert not opened, opened[:5]
    assert tried["packets"] > TOPOLOGIES
