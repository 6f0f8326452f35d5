import random
import sys
from dataclasses import replace
from ipaddress import IPv4Address
from itertools import chain

import pytest

from midonet_kubernetes.model.names import interface_for
from midonet_kubernetes.testing.cluster_topology import (
    UDP,
    Node,
    endpoints_rule,
    global_objects,
    gone,
    put,
    service,
)
from midonet_kubernetes.topology.change import Change
from midonet_kubernetes.topology.compiler import Compiler
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route, Vxlan
from midonet_kubernetes.topology.host_state import MEMBER, host_state
from midonet_kubernetes.topology.network import tunnel_mac
from midonet_kubernetes.topology.rule_set import Compare, Field, Nat, Verdict

ONE, TWO, THREE = Node(1), Node(2), Node(3)
POD = interface_for("n1/p3")
MAP, EPS, ADDRESSES = "services_services", "eps_services", "addresses_services"


def cluster(*more):
    """The view of host h1: three nodes, two pods here."""
    own = [*ONE.objects(), *ONE.pod(3), *ONE.pod(4)]
    others = [change for node in (TWO, THREE) for change in node.objects() if change.kind not in {"MacPort", "Ip4Mac"}]
    others = [change for change in others if not (change.object.get("hostId") and change.kind == "Port")]
    return [*global_objects(), *own, *others, *(node.home() for node in (ONE, TWO, THREE)), *more]


def compiled(*more):
    compiler = Compiler("h1")
    compiler.apply(cluster(*more))
    return compiler


def key(address, port, protocol=6):
    return IPv4Address(address).packed, bytes([protocol]), port.to_bytes(2, "big")


def endpoint(address, port):
    return IPv4Address(address).packed + port.to_bytes(2, "big")


def slots(state, at, name=EPS):
    found = {place[3]: value for place, value in state.table.elements.get(name, {}).items() if place[:3] == at}
    return [found[slot.to_bytes(4, "big")] for slot in range(len(found))]


def test_a_pod_here_is_a_routed_port():
    state = compiled().state()
    assert state.links[POD] == Link(POD, kind="veth", mac=ONE.router_mac)
    assert state.routes["10.244.1.3/32", 0] == Route("10.244.1.3/32", link=POD, source="10.244.1.1")
    assert state.neighbours[POD, "10.244.1.3"].mac.startswith("ac:ca:ba:")
    assert state.addresses == {("lo", "10.244.1.1/32"): Address("lo", "10.244.1.1/32")}


def test_addresses_that_no_pod_has_are_unreachable():
    route = compiled().state().routes["10.244.1.0/24", 4096]
    assert route == Route("10.244.1.0/24", kind="unreachable", metric=4096)


def test_another_node_is_reached_through_the_tunnel():
    state = compiled().state()
    mac = tunnel_mac("h2")
    assert state.routes["10.244.2.0/24", 0] == Route(
        "10.244.2.0/24", link="mvx", via="10.244.2.1", source="10.244.1.1", onlink=True
    )
    assert state.neighbours["mvx", "10.244.2.1"] == Neighbour("mvx", "10.244.2.1", mac)
    assert state.forwarding["mvx", mac] == ForwardingEntry("mvx", mac, "192.0.2.2")
    assert state.routes["192.0.2.2/32", 0].via == "10.244.2.1"


def test_the_nodes_own_address_is_reached_through_its_port():
    assert compiled().state().routes["192.0.2.1/32", 0] == Route("192.0.2.1/32", link="midokube-mido", via="10.244.1.2")


def test_the_tunnel_link_has_the_hosts_own_mac_and_room_for_its_headers():
    assert compiled().state().links["mvx"] == Link(
        "mvx", kind="vxlan", mac=tunnel_mac("h1"), mtu=1450, vxlan=Vxlan(5, 6677, "192.0.2.1")
    )


def test_another_mtu_of_the_underlay_changes_the_tunnel_link_only():
    step = compiled().set_mtu(9000)
    assert step.after.links["mvx"].mtu == 8950
    assert list(step.after.links) == ["mvx"]
    assert not step.after.routes


def test_a_node_whose_home_is_not_known_is_unreachable():
    compiler = compiled()
    compiler.apply([gone("BridgeHome", "n2")])
    state = compiler.state()
    assert state.routes["10.244.2.0/24", 4096].kind == "unreachable"
    assert ("mvx", "10.244.2.1") not in state.neighbours


def test_a_kubernetes_cluster_is_supported_in_full():
    assert compiled(*service("web", "10.96.0.10", 80, [("10.244.2.3", 8080)])).state().unsupported == {}


def test_a_port_that_is_down_has_no_route():
    compiler = compiled()
    port = next(change for change in ONE.pod(3) if change.kind == "Port")
    compiler.apply([Change("Port", port.id, port.object | {"adminStateUp": False})])
    assert not compiler.state().links[POD].up
    assert ("10.244.1.3/32", 0) not in compiler.state().routes


def test_a_service_is_elements_and_one_chain_for_its_number_of_endpoints():
    state = compiled(*service("web", "10.96.0.10", 80, [("10.244.2.3", 8080), ("10.244.1.3", 8080)])).state()
    at = key("10.96.0.10", 80)
    assert state.table.elements[MAP] == {at: Verdict("goto", "lb_services_2")}
    assert slots(state, at) == [endpoint("10.244.1.3", 8080), endpoint("10.244.2.3", 8080)]
    assert state.table.elements[ADDRESSES] == {at[:1]: None}
    assert "lb_services_2" in {chain.name for chain in state.table.chains}


def test_kubernetes_chains_cost_two_look_ups_and_no_filter():
    state = compiled(*service("web", "10.96.0.10", 80, [("10.244.2.3", 8080)])).state()
    names = {chain.name for chain in state.table.chains}
    snat = "s70_snat_10.244.1.1_10.244.1.1_30000_60000"
    assert names == {"s25_dnat", "dn_services", "lb_services_1", "s26_unserved", "un_services", "refuse", snat}
    assert state.table.elements["bridge_dnat"][POD.encode(),] == Verdict("jump", "dn_services")


def test_a_service_without_endpoints_is_refused_by_its_address():
    state = compiled(*service("web", "10.96.0.10", 80, [])).state()
    assert state.table.elements[ADDRESSES] == {(IPv4Address("10.96.0.10").packed,): None}
    assert EPS not in state.table.elements


def test_an_address_is_served_until_its_last_port_goes():
    web, dns = service("web", "10.96.0.10", 80, []), service("dns", "10.96.0.10", 53, [("10.244.1.3", 53)], protocol=UDP)
    compiler = compiled(*web, *dns)
    compiler.apply([gone(change.kind, change.id) for change in web])
    assert compiler.state().table.elements[ADDRESSES]
    compiler.apply([gone(change.kind, change.id) for change in dns])
    assert ADDRESSES not in compiler.state().table.elements


def test_hairpin_connections_come_from_the_gateway():
    state = compiled().state()
    name = "10.244.1.1_10.244.1.1_30000_60000"
    chain = next(chain for chain in state.table.chains if chain.name == f"s70_snat_{name}")
    gateway = IPv4Address("10.244.1.1").packed
    assert [rule.statements[-1] for rule in chain.rules] == [
        Nat("snat", gateway, gateway),  # ICMP
        Nat("snat", gateway, gateway, 30000, 60000),
    ]
    elements = state.table.elements[f"sources_{name}"]
    assert (POD.encode(), IPv4Address("10.244.1.3").packed, b"\x06") in elements
    assert (b"midokube-mido", IPv4Address("10.244.1.2").packed, b"\x11") in elements


def test_the_newer_of_two_endpoint_rules_counts():
    compiler = compiled(*service("web", "10.96.0.10", 80, [("10.244.2.3", 8080)]))
    step = compiler.apply([endpoints_rule("web", [("10.244.3.3", 8080)], version=1)])
    assert step.after.table.elements == {EPS: {(*key("10.96.0.10", 80), bytes(4)): endpoint("10.244.3.3", 8080)}}
    assert not compiler.apply([gone("Rule", "eps-web-0")])


def test_endpoints_that_stay_keep_their_slots():
    many = [(f"10.244.2.{n}", 8080) for n in range(10, 15)]
    compiler = compiled(*service("web", "10.96.0.10", 80, many))
    before = slots(compiler.state(), key("10.96.0.10", 80))
    step = compiler.apply([endpoints_rule("web", many[1:], version=0)])
    after = slots(compiler.state(), key("10.96.0.10", 80))
    assert after == [before[4], *before[1:4]]
    assert len(step.after.table.elements[EPS]) == 1


def test_slots_of_an_earlier_life_are_kept():
    at = ("services", key("10.96.0.10", 80))
    before = (endpoint("10.244.3.3", 80), endpoint("10.244.2.3", 80))
    compiler = Compiler("h1", slots={at: before})
    compiler.apply(cluster(*service("web", "10.96.0.10", 80, [("10.244.2.3", 80), ("10.244.3.3", 80)])))
    assert slots(compiler.state(), at[1]) == list(before)


def test_a_host_without_ports_holds_no_services():
    compiler = Compiler("h9")
    compiler.apply(cluster(*service("web", "10.96.0.10", 80, [("10.244.2.3", 8080)])))
    assert not compiler.state().table.elements


def test_an_object_that_cannot_be_read_is_named_and_stops_nothing():
    compiler = compiled(put("Route", "bad", type="Normal", weight="heavy"))
    assert "cannot be read" in compiler.state().unsupported["Route", "bad"].reason
    assert compiler.state().routes
    compiler.apply([gone("Route", "bad")])
    assert compiler.state().unsupported == {}


def edge():
    """A second router, linked to the first, that leads to a bridge of its own on host h2."""
    return [
        put("Router", "edge"),
        link("down", "edge", "169.254.9.1/30", "up"),
        link("up", "router", "169.254.9.2/30", "down"),
        put("Bridge", "outer"),
        put("BridgeHome", "outer", hostIds=["h2"]),
        put("Port", "ob", type="Bridge", deviceId="outer", peerId="or"),
        link("or", "edge", "10.7.0.1/24", "ob"),
        route("outer", "edge", "10.7.0.0", 24, "or"),
        route("back", "edge", "10.244.0.0", 16, "down", nextHopGateway="169.254.9.2"),
        route("default", "router", "0.0.0.0", 0, "up", nextHopGateway="169.254.9.1", weight=3),
        route("local-up", "router", "169.254.9.2", 32, "up", type="Local"),
    ]


def link(id_, router, subnet, peer):
    return put("Port", id_, type="Router", deviceId=router, peerId=peer, portSubnet=[subnet], portMac="02:00:00:00:09:01")


def route(id_, router, address, length, port, **fields):
    where = {"routerId": router, "dstNetworkAddr": address, "dstNetworkLength": length, "nextHopPort": port}
    return put("Route", id_, **{"type": "Normal"} | where | fields)


def test_what_lies_behind_a_linked_router_is_reached_by_its_own_bridge():
    state = compiled(*edge()).state()
    assert state.routes["10.7.0.0/24", 3].via == "10.7.0.1"
    assert state.neighbours["mvx", "10.7.0.1"].mac == tunnel_mac("h2")
    assert ("lo", "169.254.9.2/32") in state.addresses
    assert state.unsupported == {}


def test_a_packet_for_nobody_is_told_so_by_the_last_router():
    assert ("0.0.0.0/0", 0) not in compiled(*edge()).state().routes


def shared(*gateways, weight=2):
    return [route(f"far{n}", "router", "10.9.0.0", 16, "rp1", nextHopGateway=g, weight=weight) for n, g in enumerate(gateways)]


def test_equal_routes_share_connections():
    compiler = compiled(*shared("10.244.1.3", "10.244.1.4"))
    route = compiler.state().routes["10.9.0.0/16", 2]
    assert [(hop.via, hop.weight) for hop in route.hops] == [("10.244.1.3", 1), ("10.244.1.4", 1)]
    assert route.hops[0].link == POD
    assert compiler.state().unsupported == {}
    pod = next(change for change in ONE.pod(4) if change.kind == "Ip4Mac")
    compiler.apply([gone("Ip4Mac", pod.id)])  # nobody has the address of the second gateway any more
    assert compiler.state().routes["10.9.0.0/16", 2] == Route("10.9.0.0/16", link=POD, via="10.244.1.3", metric=2)
    compiler.apply([pod, gone("Route", "far0")])
    assert compiler.state().routes["10.9.0.0/16", 2].via == "10.244.1.4"


def test_an_address_of_a_router_that_no_port_has_answers():
    state = compiled(route("own", "router", "10.6.0.1", 32, "rp1", type="Local")).state()
    assert ("lo", "10.6.0.1/32") in state.addresses
    assert state.unsupported == {}


def test_what_leaves_by_the_bridge_that_it_came_from_passes_the_router_unless_it_is_for_the_bridges_own_network():
    drop = put("Rule", "d", chainId="in-router", type="drop", rank=1, nwProto=17)
    state = compiled(put("Chain", "in-router"), drop, put("Router", "router", inboundFilterId="in-router")).state()
    gate = next(chain for chain in state.table.chains if chain.name == "s34_router_in_n1")
    near = Compare(Field.IP_DADDR, IPv4Address("10.244.1.0").packed, IPv4Address("255.255.255.0").packed)
    assert [near in rule.statements for rule in gate.rules] == [True, True, False]


def test_of_two_routes_the_lighter_counts():
    heavy = route("heavy", "router", "10.9.0.0", 16, "rp1", nextHopGateway="10.244.1.4", weight=3)
    state = compiled(*shared("10.244.1.3"), heavy, route("hole", "router", "10.8.0.0", 16, None, type="BlackHole")).state()
    assert [route.via for route in state.routes.values() if route.destination == "10.9.0.0/16"] == ["10.244.1.3"]


def test_the_host_of_exit_alone_chooses_between_equal_routes():
    routes = [route(f"far{n}", "router", "10.9.0.0", 16, "rp2", nextHopGateway=f"10.244.2.{n}") for n in (3, 4)]
    state = compiled(*routes).state()
    assert state.routes["10.9.0.0/16", 0].via == "10.244.2.1"
    assert state.unsupported == {}


def test_equal_routes_that_cannot_be_shared_are_named():
    other = route("other", "router", "10.9.0.0", 16, "rp2", nextHopGateway="10.244.2.3", weight=2)
    assert compiled(*shared("10.244.1.3"), other).state().unsupported.keys() == {("Router", "router")}


def test_routers_that_disagree_are_named():
    other = [
        put("Router", "zzz"),
        put("Port", "zb", type="Bridge", deviceId="n4", peerId="zr"),
        link("zr", "zzz", "10.9.0.1/24", "zb"),
        put("Bridge", "n4"),
        put("BridgeHome", "n4", hostIds=["h1"]),
        route("z", "zzz", "10.244.2.0", 24, "zr"),
    ]
    compiler = compiled(*other)
    assert compiler.state().unsupported.keys() == {("Router", "zzz")}
    compiler.apply([gone("Route", "z")])
    assert compiler.state().unsupported == {}


def test_a_second_router_changes_nothing_for_the_first():
    alone, beside = compiled().state(), compiled(put("Router", "zzz")).state()
    assert (beside.routes, beside.table, beside.unsupported) == (alone.routes, alone.table, {})


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (put("Router", "router", loadBalancerId="lb"), "Router"),
        (put("Router", "router", adminStateUp=False), "Router"),
        (put("Route", "l", type="Local", routerId="router", dstNetworkAddr="10.6.0.0", dstNetworkLength=24), "Route"),
        (put("TunnelZoneHost", "zz/h1", tunnelZoneId="zz", hostId="h1", ipAddress="192.0.2.77"), "TunnelZoneHost"),
        (put("Route", "r", type="BlackHole", routerId="router", srcNetworkAddr="10.0.0.0", srcNetworkLength=8), "Route"),
        (put("Port", "up", type="Router", deviceId="router", hostId="h1", interfaceName="eth1"), "Port"),
        (put("Rule", "x", chainId="main", type="l2_transform"), "Rule"),
        (put("Rule", "x", chainId="main", type="accept", traversedDevice="n1"), "Rule"),
        (put("Rule", "x", chainId="main", type="accept", ipAddrGroupSrc="none"), "Rule"),
        (put("Rule", "x", chainId="main", type="snat", flowAction="accept", natTargets=[{"addressFrom": "10.0.0.1"}]), "Rule"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_the_kernel_cannot_do_is_named(change, kind):
    named = compiled(change).state().unsupported
    assert (kind, change.id) in named
    assert all(item.reason for item in named.values())


def test_filters_that_a_bridge_on_several_hosts_misses_are_named():
    drop = put("Rule", "d", chainId="to-n1", type="drop", rank=1, nwProto=17)
    router_port = next(change for change in ONE.objects() if change.id == "rp1")
    filtered = Change("Port", "rp1", router_port.object | {"outboundFilterId": "to-n1"})
    spread = put("BridgeHome", "n1", hostIds=["h1", "h2"])
    assert compiled(put("Chain", "to-n1"), drop, filtered).state().unsupported == {}
    assert compiled(put("Chain", "to-n1"), drop, filtered, spread).state().unsupported.keys() == {("Bridge", "n1")}


def test_bridges_that_are_linked_to_each_other_are_named():
    ends = [put("Port", f"v{n}", type="Bridge", deviceId=f"n{n}", peerId=f"v{3 - n}") for n in (1, 2)]
    assert compiled(*ends).state().unsupported.keys() == {("Bridge", "n1"), ("Bridge", "n2")}


def test_routes_of_a_router_that_lead_nowhere():
    hole = put("Route", "h", type="BlackHole", routerId="router", dstNetworkAddr="10.5.0.0", dstNetworkLength=16, weight=7)
    reject = put("Route", "j", type="Reject", routerId="router", dstNetworkAddr="10.6.0.0", dstNetworkLength=16)
    routes = compiled(hole, reject).state().routes
    assert routes["10.5.0.0/16", 7].kind == "blackhole"
    assert routes["10.6.0.0/16", 0].kind == "prohibit"


def test_a_circle_of_chains_is_cut_in_the_same_place_whatever_led_into_it():
    def jump(source, target):
        return put("Rule", f"{source}-{target}", chainId=source, type="jump", jumpChainId=target, rank=1)

    circle = [jump("out-1-3", "x"), jump("x", "y"), jump("y", "x"), put("Rule", "d", chainId="y", type="drop", rank=2)]
    states = []
    for order in (circle, circle[::-1]):
        compiler = compiled()
        for change in order:
            compiler.apply([change])
        states.append(compiler.state())
    assert states[0] == states[1]
    assert "circle" in states[0].unsupported["Rule", "y-x"].reason
    assert "fo_y" in {chain.name for chain in states[0].table.chains}


def away():
    """An address of bridge n1 at a port on host h2."""
    mac = "ac:ca:ba:00:00:99"
    return [
        put("Port", "away", type="Bridge", deviceId="n1", hostId="h2", interfaceName="away"),
        put("MacPort", "n1/0/m/away", bridgeId="n1", macAddr=mac, portId="away"),
        put("Ip4Mac", "n1/10.244.1.99", bridgeId="n1", ip="10.244.1.99", mac=mac),
    ]


def test_an_address_of_a_bridge_at_a_port_of_another_host_is_reached_through_the_tunnel():
    state = compiled(put("BridgeHome", "n1", hostIds=["h1", "h2"]), *away()).state()
    assert state.routes["10.244.1.99/32", 0] == Route("10.244.1.99/32", link="mvx", source="10.244.1.1")
    assert state.neighbours["mvx", "10.244.1.99"].mac == tunnel_mac("h2")
    assert state.routes["10.244.1.3/32", 0].link == POD
    assert state.unsupported == {}


def latest(*changes):
    """Each object once, as it came last."""
    return list({(change.kind, change.id): change for change in chain.from_iterable(changes)}.values())


STATES = [
    cluster(),
    cluster(*service("web", "10.96.0.10", 80, [("10.244.2.3", 8080), ("10.244.1.3", 8080)])),
    cluster(*service("web", "10.96.0.10", 80, []), *service("dns", "10.96.0.10", 53, [("10.244.1.4", 53)], protocol=UDP)),
    global_objects(),
    cluster(*TWO.pod(9)[-2:], put("Rule", "drop", chainId="out-1-3", type="drop", rank=-1)),
    cluster(*service("web", "10.96.0.11", 81, [("10.244.2.3", 8080)])),
    latest(
        cluster(*edge(), put("Router", "router", outboundFilterId="out-1-3"), put("Router", "edge", inboundFilterId="between")),
        [put("Chain", "between"), put("Rule", "between", chainId="between", type="drop", rank=1)],
    ),
    latest(cluster(), [put("BridgeHome", "n1", hostIds=["h1", "h2"]), *away()]),
    cluster(*shared("10.244.1.3", "10.244.1.4", "10.244.1.2", weight=0)),
    cluster(route("hole", "router", "10.244.0.0", 16, None, type="BlackHole"), put("Router", "lonely")),
    cluster(
        *service("web", "10.96.0.10", 80, [("10.244.2.3", 8080)]),
        put("Rule", "loop", chainId="svc-web", type="jump", jumpChainId="services", rank=-5),
        put("Rule", "plain", chainId="services", type="accept", rank=3, nwProto=17),
    ),
]


def normal(state):
    """Endpoints without their slots, which depend on history."""
    elements = {name: dict(held) for name, held in state.table.elements.items()}
    endpoints = sorted(
        (place[:3], value) for name, held in elements.items() if name.startswith("eps_") for place, value in held.items()
    )
    rest = {name: held for name, held in elements.items() if not name.startswith("eps_")}
    return (
        state.links,
        state.addresses,
        state.routes,
        state.neighbours,
        state.forwarding,
        state.unsupported,
        (state.table.chains, state.table.sets, rest, endpoints),
    )


@pytest.mark.parametrize("seed", range(40))
def test_the_way_to_a_topology_leaves_no_trace(seed):
    chance = random.Random(seed)
    compiler, order = Compiler("h1"), chance.sample(STATES, len(STATES))
    applied = Compiler("h1").state()
    for wanted in order:
        changes = list(wanted)
        chance.shuffle(changes)
        there = {(change.kind, change.id) for change in changes}
        changes = [gone(kind, id_) for kind, id_ in compiler._objects.ids() if (kind, id_) not in there] + changes
        chance.shuffle(changes)
        while changes:  # split into commits of any size
            commit, changes = changes[: (size := chance.randint(1, 40))], changes[size:]
            applied = patched(applied, compiler.apply(commit))
        fresh = Compiler("h1")
        fresh.apply(wanted)
        assert normal(compiler.state()) == normal(fresh.state())
        assert normal(applied) == normal(compiler.state())


def patched(state, step):
    """What a kernel would hold that followed the steps."""
    fields = {}
    for name in ("links", "addresses", "routes", "neighbours", "forwarding", "unsupported"):
        now = dict(getattr(state, name))
        for place, item in getattr(step.before, name).items():
            assert now.pop(place) == item
        fields[name] = now | getattr(step.after, name)
    elements = {name: dict(held) for name, held in state.table.elements.items()}
    for name, held in step.before.table.elements.items():
        for place, item in held.items():
            assert elements[name].pop(place) == item
    for name, held in step.after.table.elements.items():
        elements.setdefault(name, {}).update(held)
    items = [
        (("element", name, place), MEMBER if data is None else data)
        for name, held in elements.items()
        for place, data in held.items()
    ]
    for kind, name in (("chain", "chains"), ("set", "sets")):
        parts = {part.name: part for part in getattr(state.table, name)}
        for part in getattr(step.before.table, name):
            assert parts.pop(part.name) == part
        parts |= {part.name: part for part in getattr(step.after.table, name)}
        items += [((kind, part.name), part) for part in parts.values()]
    return replace(host_state(items), **fields)


def calls_for(services):
    everything = [
        change
        for number in range(services)
        for change in service(
            f"s{number}", f"10.96.{number // 250}.{number % 250 + 1}", 80, [("10.244.2.3", 8080), ("10.244.2.4", 1)]
        )
    ]
    compiler, count = compiled(*everything), 0

    def counter(_frame, event, _argument):
        nonlocal count
        count += event in {"call", "c_call"}

    sys.setprofile(counter)
    try:
        compiler.apply([endpoints_rule("s7", [("10.244.2.3", 8080), ("10.244.2.5", 1)], version=1)])
    finally:
        sys.setprofile(None)
    return count


def test_an_endpoint_change_costs_the_same_among_ten_and_among_a_thousand_services():
    assert calls_for(1000) == calls_for(10)
