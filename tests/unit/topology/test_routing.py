"""Routers on hosts that are compiled one by one, against MidoNet's packet simulation of the whole network.

``ROUTING_NETWORKS`` (50) and ``ROUTING_SEED`` (0) say how many random networks are tried and where to begin.
"""

import os
import random
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network

import msgspec
import pytest

from midonet_kubernetes.model.midonet import KINDS
from midonet_kubernetes.simulate import Fate, Topology, simulate
from midonet_kubernetes.simulate.packets import tcp
from midonet_kubernetes.testing.cluster_topology import gone, put
from midonet_kubernetes.testing.random_routers import random_routers, router_mac
from midonet_kubernetes.testing.rule_set_machine import RuleSetMachine
from midonet_kubernetes.topology.compiler import Compiler
from midonet_kubernetes.topology.host_state import TUNNEL_LINK
from midonet_kubernetes.topology.rule_set import Field
from midonet_kubernetes.topology.view import Views

UNDERLAY = {"h1": "192.0.2.1", "h2": "192.0.2.2", "h3": "192.0.2.3"}
FIRST, NETWORKS = int(os.environ.get("ROUTING_SEED", "0")), int(os.environ.get("ROUTING_NETWORKS", "50"))
PROTOCOL, PORTS = 6, (10000, 80)


@dataclass(frozen=True)
class Pod:
    bridge: int
    number: int
    host: str

    @property
    def name(self):
        return f"p{self.bridge}-{self.number}"

    @property
    def address(self):
        return f"10.244.{self.bridge}.{self.number}"

    @property
    def mac(self):
        return f"02:00:00:00:0{self.bridge}:0{self.number}"


def chance_of_filters(chance):
    def filters(probability):
        ways = [way for way in ("inboundFilterId", "outboundFilterId") if chance.random() < probability]
        return {way: chance.choice(("no3", "no4", "none")) for way in ways}

    return filters


def network(chance, hosts):
    """Two bridges with two pods each, on hosts that ``hosts`` says, and anything between them."""
    pods = [Pod(bridge, number, hosts(bridge, number)) for bridge in (1, 2) for number in (3, 4)]
    changes = [put("Host", host) for host in UNDERLAY]
    changes += [put("TunnelZoneHost", f"z/{h}", tunnelZoneId="z", hostId=h, ipAddress=ip) for h, ip in UNDERLAY.items()]
    changes += random_routers(chance, chance_of_filters(chance))
    changes += [put("Bridge", f"b{bridge}") for bridge in (1, 2)]
    for chain, number in (("no3", 3), ("no4", 4), ("none", 9)):
        for last in (1, 2):
            to = {"nwDstAddress": f"10.244.{last}.{number}", "nwDstLength": 32}
            changes += [put("Chain", chain), put("Rule", f"{chain}-{last}", chainId=chain, rank=last, type="drop", **to)]
    for pod in pods:
        bridge = f"b{pod.bridge}"
        changes += [
            put("Port", pod.name, type="Bridge", deviceId=bridge, hostId=pod.host, interfaceName=f"if-{pod.name}"),
            put("MacPort", f"{bridge}/0/{pod.mac}/{pod.name}", bridgeId=bridge, macAddr=pod.mac, portId=pod.name),
            put("Ip4Mac", f"{bridge}/{pod.address}/{pod.mac}", bridgeId=bridge, ip=pod.address, mac=pod.mac),
        ]
    return pods, changes


def compiled(changes):
    views = Views()
    views.apply(changes)
    made = {}
    for host in UNDERLAY:
        made[host] = Compiler(host)
        made[host].apply(views.snapshot(host))
    return {host: compiler.state() for host, compiler in made.items()}


def route_of(state, address):
    """The route that the kernel takes."""
    fitting = [route for route in state.routes.values() if IPv4Address(address) in IPv4Network(route.destination)]
    best = min(fitting, key=lambda r: (-IPv4Network(r.destination).prefixlen, r.metric), default=None)
    return best if best is not None and best.kind == "unicast" else None


def delivered(states, pod, to):
    """The interfaces at which a pod's packet may arrive, over tunnels too, by whatever gateway."""
    return {interface for hop in range(6) for interface in arrives(states, pod, to, hop)}


def arrives(states, pod, to, hop, entered=None):
    """The same for the gateway with this number where several share a route."""
    host, interface = entered or (pod.host, f"if-{pod.name}")
    state = states[host]

    def link_of(address):
        route = route_of(state, address)
        hops = route.hops if route else ()
        return hops[min(hop, len(hops) - 1)].link if hops else route.link if route else ""

    headers = {
        Field.IIFNAME: interface.encode(),
        Field.L4PROTO: bytes([PROTOCOL]),
        Field.IP_SADDR: IPv4Address(pod.address).packed,
        Field.IP_DADDR: IPv4Address(to).packed,
        Field.TH_SPORT: PORTS[0].to_bytes(2, "big"),
        Field.TH_DPORT: PORTS[1].to_bytes(2, "big"),
    }
    found = set()
    for fate in RuleSetMachine(state.table, link_of).fates(headers):
        if fate.verdict != "accept":
            continue
        if fate.interface != TUNNEL_LINK:
            found.add(fate.interface)
            continue
        mac = state.neighbours[TUNNEL_LINK, route_of(state, to).via or to].mac
        end = state.forwarding[TUNNEL_LINK, mac].address
        other = next(name for name, address in UNDERLAY.items() if address == end)
        assert other != host
        found |= arrives(states, pod, to, hop, (other, TUNNEL_LINK))
    return found


def told(topology, pod, to, neighbours):
    near = neighbours.get((pod.bridge, to))
    sent = tcp((pod.mac, near or router_mac(pod.bridge)), pod.address, PORTS[0], to, PORTS[1])
    outcomes = simulate(topology, sent, pod.name)
    return {f"if-{d.port}" for outcome in outcomes if outcome.fate is Fate.DELIVERED for d in outcome.deliveries}


def on_one_host(_bridge, _number):
    return "h1"


def on_a_host_each(bridge, _number):
    return f"h{bridge}"


def on_both_hosts(_bridge, number):
    return f"h{number - 2}"


def one_on_both_hosts(bridge, number):
    return f"h{number - 2}" if bridge == 1 else "h3"


def disagreements(seed, hosts):
    """What the kernels of all hosts do otherwise than the simulator, of what no report names."""
    pods, changes = network(random.Random(seed), hosts)
    states = compiled(changes)
    named = [item for state in states.values() for item in state.unsupported.values() if "Services" not in item.reason]
    if named:
        return None
    known = {"Host", "BridgeHome"}
    topology = Topology(msgspec.convert(c.object, KINDS[c.kind]) for c in changes if c.kind not in known)
    neighbours = {(pod.bridge, pod.address): pod.mac for pod in pods}
    destinations = [*(pod.address for pod in pods), "10.244.1.9", "10.9.1.1", "203.0.113.1"]
    pairs = [(pod, to) for pod in pods for to in destinations if to != pod.address]
    return [(pod.name, to) for pod, to in pairs if delivered(states, pod, to) != told(topology, pod, to, neighbours)]


@pytest.mark.parametrize("hosts", [on_one_host, on_a_host_each, on_both_hosts, one_on_both_hosts])
def test_packets_go_where_midonets_routers_send_them(hosts):
    found = {seed: disagreements(seed, hosts) for seed in range(FIRST, FIRST + NETWORKS)}
    assert {seed: each for seed, each in found.items() if each} == {}
    assert sum(each is not None for each in found.values()) > NETWORKS / 3


def kernel_of(compiler):
    state = compiler.state()
    return state.links, state.addresses, state.routes, state.neighbours, state.forwarding, state.table, state.unsupported


@pytest.mark.parametrize("seed", range(4))
def test_one_network_after_another_leaves_no_trace(seed):
    chance = random.Random(seed)
    views, compilers, there = Views(), {host: Compiler(host) for host in UNDERLAY}, {}
    for host in UNDERLAY:
        views.apply([put("Host", host)])
    for _ in range(6):
        _, changes = network(chance, chance.choice((on_one_host, on_a_host_each, on_both_hosts, one_on_both_hosts)))
        wanted = {(change.kind, change.id): change for change in changes}
        news = [*wanted.values(), *(gone(*key) for key in there.keys() - wanted.keys())]
        chance.shuffle(news)
        there = wanted
        for begin in range(0, len(news), 7):
            for host, told in views.apply(news[begin : begin + 7]).items():
                compilers[host].apply(told)
        for host, compiler in compilers.items():
            fresh = Compiler(host)
            fresh.apply(views.snapshot(host))
            assert kernel_of(compiler) == kernel_of(fresh)
