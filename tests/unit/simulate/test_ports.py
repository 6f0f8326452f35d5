from dataclasses import replace

import pytest

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.simulate import Fate
from midonet_kubernetes.simulate.packets import ip
from midonet_kubernetes.testing.small_network import Conversation, cluster

A1, B1, B2 = "10.1.1.10", "10.1.1.11", "10.1.2.11"


def to(network, destination, **fields):
    talk = Conversation(network)
    return talk.send("a1", talk.tcp(A1, 4000, destination, 80, **fields))


WAY = ["a1-in", "br1-in", "br1-out", "lp1-out", "rp1-in", "r-in", "r-out", "rp2-out", "lp2-in", "br2-in", "br2-out", "b2-out"]


def filters_everywhere(network):
    """A chain of its own, which accepts all, at each hook on the way from a1 to b2."""
    hooks = [("Port", "a1"), ("Bridge", "br1"), ("Port", "lp1"), ("Port", "rp1"), ("Router", "r"), ("Port", "rp2"),
             ("Port", "lp2"), ("Bridge", "br2"), ("Port", "b2"), ("Port", "b1")]  # fmt: skip
    for kind, id_ in hooks:
        into, out = (network.chain(f"{id_}-{way}", {"type": "accept"}) for way in ("in", "out"))
        network.change(kind, id_, inbound_filter_id=into, outbound_filter_id=out)
    return network


@pytest.mark.parametrize(("destination", "order"), [
    (B1, ["a1-in", "br1-in", "br1-out", "b1-out"]),
    (B2, WAY),
])  # fmt: skip
def test_filters_run_in_order_and_accept_ends_one_of_them_only(destination, order):
    outcome = to(filters_everywhere(cluster()), destination)
    assert [step.chain for step in outcome.steps if step.rule] == order


@pytest.mark.parametrize("id_", WAY)
@pytest.mark.parametrize("verdict", ["drop", "reject"])
def test_each_filter_can_drop_and_only_routers_answer_a_reject(id_, verdict):
    network = filters_everywhere(cluster())
    network.change("Rule", f"{id_}-1", type=verdict)
    outcome = to(network, B2)
    assert outcome.fate is Fate.DROP
    assert outcome.reason == f"rule 1 of chain {id_} ({id_}-1)"
    by_router = id_.startswith(("rp", "r-"))
    answers = [(made.port, made.packet.tp_src, made.packet.tp_dst, str(made.packet.nw_src)) for made in outcome.generated]
    assert answers == ([("rp1", 3, 13, "10.1.1.1")] if by_router and verdict == "reject" else [])


@pytest.mark.parametrize(("condition", "seen_by"), [
    ({"inPorts": ["a1"]}, ["a1-in", "br1-in", "br1-out", "lp1-out"]),
    ({"inPorts": ["rp1"]}, ["rp1-in", "r-in", "r-out", "rp2-out"]),
    ({"outPorts": ["lp1"]}, ["br1-out", "lp1-out"]),
    ({"outPorts": ["rp2"]}, ["r-out", "rp2-out"]),
    ({"outPorts": ["b2"]}, ["br2-out", "b2-out"]),
    ({"portGroup": "a"}, WAY),
    ({"portGroup": "links"}, []),
    ({"inPortGroup": "links"}, WAY[4:]),
    ({"outPortGroup": "links"}, ["lp1-out", "r-out", "rp2-out"]),  # never known to a bridge's outbound filter
    ({"traversedDevice": "br1"}, WAY[1:]),
    ({"traversedDevice": "r-in"}, WAY[5:]),
    ({"dlSrc": "02:00:00:00:02:01"}, WAY[7:]),  # MACs change after router outbound
], ids=str)  # fmt: skip
def test_conditions_on_ports_see_what_is_known_at_each_filter(condition, seen_by):
    network = filters_everywhere(cluster())
    network.add("PortGroup", "a", portIds=["a1"])
    network.add("PortGroup", "links", portIds=["lp1", "rp1", "rp2", "lp2"])
    for rule in [item for item in network.objects() if type(item).__name__ == "Rule" and item.chain_id.endswith(("-in", "-out"))]:
        network.add("Rule", rule.id, chainId=rule.chain_id, rank=rule.rank, type="accept", **condition)
    assert [step.chain for step in to(network, B2).steps if step.matched] == seen_by


@pytest.mark.parametrize(("port", "answered"), [("a1", False), ("b2", False), ("lp1", False), ("rp1", True)])
def test_a_port_that_is_down_drops_and_a_routers_answers(port, answered):
    network = cluster()
    network.change("Port", port, admin_state_up=False)
    outcome = to(network, B2)
    assert outcome.fate is Fate.DROP
    assert [made.packet.tp_dst for made in outcome.generated] == ([13] if answered else [])


def test_a_port_that_is_bound_and_linked_is_exterior():
    network = cluster()
    network.change("Port", "lp1", host_id="h", interface_name="eth0")
    assert [delivery.port for delivery in to(network, B2).deliveries] == ["lp1"]


def test_an_unplugged_port_is_an_error_drop():
    network = cluster()
    network.change("Port", "b1", host_id=None)
    assert to(network, B1).fate is Fate.ERROR_DROP


def test_a_packet_waits_for_a_peer_or_device_that_is_not_there():
    network = cluster()
    network.remove("Bridge", "br1")
    assert to(network, B1).fate is Fate.SUSPENDED
    network = cluster()
    network.change("Port", "lp2", device_id="gone")
    network.change("Port", "rp2", peer_id="gone")
    assert to(network, B2).fate is Fate.SUSPENDED


def test_a_router_port_does_not_take_ipv6_but_a_bridge_does():
    network, eth = cluster(), ("02:00:00:00:01:10", "02:00:00:00:01:01")
    assert Conversation(network).send("a1", ip(eth, "fd00::1", "fd00::2", 6)).reason == "router port rp1 does not take IPv6"
    neighbour = ("02:00:00:00:01:10", "02:00:00:00:01:11")
    assert Conversation(network).send("a1", ip(neighbour, "fd00::1", "fd00::2", 6)).fate is Fate.DELIVERED


def test_a_thirteenth_device_is_taken_for_a_loop():
    network = cluster(nodes=2)
    for here, there in (("one", "two"), ("two", "one")):  # two routers that send the packet to and fro
        network.add("Router", here)
        port = {"type": "Router", "deviceId": here, "peerId": f"port-{there}", "portSubnet": ["172.16.0.1/24"]}
        network.add("Port", f"port-{here}", portMac=f"02:00:00:00:aa:0{len(here)}", **port)
        network.route(f"default-{here}", here, "0.0.0.0", 0, f"port-{here}")
    network.change("Port", "port-two", port_mac="02:00:00:00:aa:09")
    network.add("Port", "entry", type="Router", deviceId="one", hostId="h", interfaceName="e", portMac="02:00:00:00:aa:0a",
                portSubnet=["172.17.0.1/24"])  # fmt: skip
    talk = Conversation(network)
    packet = talk.tcp(A1, 4000, "203.0.113.1", 80)
    outcome = talk.send("entry", replace(packet, eth_dst="02:00:00:00:aa:0a"))
    assert outcome.fate is Fate.ERROR_DROP
    assert outcome.reason.startswith("loop: 12 devices")
    assert sum(step.text.startswith("enters") for step in outcome.steps) == 12


def test_a_port_that_does_not_exist_is_the_callers_mistake():
    with pytest.raises(UserError, match="no port 'nowhere'"):
        Conversation(cluster()).send("nowhere", Conversation(cluster()).tcp(A1, 1, B1, 2))
