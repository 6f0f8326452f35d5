"""The test vectors of the description of MidoNet's simulation (its section 10), one table."""

from dataclasses import dataclass, field
from fractions import Fraction

import pytest

from midonet_kubernetes.simulate import Fate
from midonet_kubernetes.simulate.packet import ARP, BROADCAST, IPV4, SCTP, Fragment, Packet
from midonet_kubernetes.simulate.packets import answer_to, arp_request, echo_request, ip, udp
from midonet_kubernetes.testing.small_network import VIP, VIP_PORT, Conversation, cluster, target

V = f"{VIP}:{VIP_PORT}"
REV_SNAT, REV_DNAT = {"type": "rev_snat", "flowAction": "continue"}, {"type": "rev_dnat"}
RETURN_FLOW = {"type": "accept", "matchReturnFlow": True}
NOT_ARP = {"dlType": ARP, "invDlType": True}
TO_8080 = {"dlType": IPV4, "nwProto": 6, "tpDst": {"start": 8080, "end": 8080}, "fragmentPolicy": "header"}


def service(network, *rules):
    """V leads to a chain with these rules."""
    vip = {"dlType": IPV4, "nwDstAddress": VIP, "nwDstLength": 32, "nwProto": 6, "tpDst": {"start": 80, "end": 80}}
    network.chain("services", {"type": "jump", "jumpChainId": "svc", "fragmentPolicy": "header", **vip})
    network.chain("svc", *rules)
    return network


def dnat(*addresses, port=8080, **fields):
    targets = [target(address, port) for address in addresses]
    return {"type": "dnat", "dlType": IPV4, "natTargets": targets, "fragmentPolicy": "unfragmented", **fields}


def snat(source, to, **fields):
    return {
        "type": "snat",
        "dlType": IPV4,
        "nwSrcAddress": source,
        "nwSrcLength": 32,
        "natTargets": [target(to, 30000, 60000)],
        "fragmentPolicy": "unfragmented",
        **fields,
    }


def pre(network, *rules):
    network.chain("pre", *rules)
    return network


def upstream(endpoint, port=8080, *before):
    """The upstream integration's chains: hairpin snat to V, then dnat; on the way back rev_snat, then rev_dnat."""
    network = pre(cluster(), *(before or (REV_SNAT, REV_DNAT)))
    node_out = network.chain("node-out", snat("10.1.1.2", "10.1.1.1", flowAction="continue"))
    network.change("Port", "np1", outbound_filter_id=node_out)
    return service(network, snat(endpoint, VIP, flowAction="continue"), dnat(endpoint, port=port))


def option_a(*endpoints, **fields):
    """One dnat rule for all endpoints; hairpin snat to the gateway on each pod's way out."""
    network = service(pre(cluster(), REV_SNAT, REV_DNAT), dnat(*endpoints, **fields))
    for n in (1, 2):
        for last, name in ((10, "a"), (11, "b")):
            chain = network.chain(f"out-{name}{n}", snat(f"10.1.{n}.{last}", f"10.1.{n}.1"))
            network.change("Port", f"{name}{n}", outbound_filter_id=chain)
    return network


def isolated(*rules_of_a1, **fields):
    """a1 takes only replies; its own inbound chain holds these rules. The Service's endpoint is a2's neighbour."""
    network = option_a("10.1.2.11", **fields)
    out = network.chain("np-a1-out", RETURN_FLOW, {"type": "drop", **NOT_ARP})
    network.change("Port", "a1", outbound_filter_id=out, inbound_filter_id=network.chain("np-a1-in", *rules_of_a1))
    return network


def head_of_main(network, rule):
    network.add("Rule", "head", chainId="main", rank=0, **rule)
    return network


def egress_policy(flow_action):
    """a1 may open connections to nobody; Services are translated at its port already."""
    network = option_a("10.1.2.11", flowAction=flow_action)
    chain = network.chain("np-a1-in", RETURN_FLOW, {"type": "jump", "jumpChainId": "services"}, {"type": "drop", **NOT_ARP})
    network.change("Port", "a1", inbound_filter_id=chain)
    return network


def two_jumps():
    """Upstream's layout with continue: two endpoints' chains, both of which run."""
    network = service(
        pre(cluster(), REV_SNAT, REV_DNAT), {"type": "jump", "jumpChainId": "s1"}, {"type": "jump", "jumpChainId": "s2"}
    )
    network.chain("s1", dnat("10.1.2.11", flowAction="continue"))
    network.chain("s2", dnat("10.1.2.12", flowAction="continue"))
    return network


def same_jump_twice():
    jump = {"type": "jump", "jumpChainId": "s1"}
    network = service(pre(cluster(), REV_SNAT, REV_DNAT), jump, jump)
    network.chain("s1", dnat("10.1.2.11", flowAction="continue"))
    return network


@dataclass
class Vector:
    """A conversation: what a host sends (``>``) and where it ends; ``reply`` is the answer to what was delivered before."""

    number: int
    network: object
    packets: list[tuple[str, str]] = field(default_factory=list)

    def __str__(self):
        return f"{self.number}-{self.packets[0][1]}"


VECTORS = [
    Vector(1, lambda: upstream("10.1.1.11"), [
        (f"10.1.1.10:40000>{V}", "b1 10.1.1.10:40000>10.1.1.11:8080"),
        ("reply", f"a1 {V}>10.1.1.10:40000"),
    ]),
    Vector(2, lambda: upstream("10.1.2.11"), [
        (f"10.1.1.10:40000>{V}", "b2 10.1.1.10:40000>10.1.2.11:8080"),
        ("reply", f"a1 {V}>10.1.1.10:40000"),
    ]),
    Vector(3, lambda: upstream("10.1.1.10"), [
        (f"10.1.1.10:40000>{V}", f"a1 {VIP}:30000>10.1.1.10:8080"),
        ("reply", "short drop"),
    ]),
    Vector(4, lambda: upstream("10.1.1.10", 8080, REV_SNAT, REV_DNAT | {"flowAction": "continue"}, REV_SNAT), [
        (f"10.1.1.10:40000>{V}", f"a1 {VIP}:30000>10.1.1.10:8080"),
        ("reply", f"a1 {V}>10.1.1.10:40000"),
    ]),
    Vector(5, lambda: option_a("10.1.1.10"), [
        (f"10.1.1.10:40000>{V}", "a1 10.1.1.1:30000>10.1.1.10:8080"),
        ("reply", f"a1 {V}>10.1.1.10:40000"),
    ]),
    Vector(6, lambda: upstream("192.168.0.1", 6443), [
        (f"10.1.1.2:40000>{V}", "np1 10.1.1.1:30000>192.168.0.1:6443"),
        ("reply", f"np1 {V}>10.1.1.2:40000"),
    ]),
    Vector(7, two_jumps, [
        (f"10.1.1.10:40000>{V}", "c2 10.1.1.10:40000>10.1.2.12:8080"),
        ("reply", "a1 10.1.2.11:8080>10.1.1.10:40000"),
    ]),
    Vector(8, isolated, [
        ("10.1.1.10:40000>10.1.2.11:8080", "b2 10.1.1.10:40000>10.1.2.11:8080"),
        ("reply", "drop"),
    ]),
    Vector(9, lambda: isolated(RETURN_FLOW), [
        ("10.1.1.10:40000>10.1.2.11:8080", "b2 10.1.1.10:40000>10.1.2.11:8080"),
        ("reply", "a1 10.1.2.11:8080>10.1.1.10:40000"),
        (f"10.1.1.10:40001>{V}", "b2 10.1.1.10:40001>10.1.2.11:8080"),
        ("reply", f"a1 {V}>10.1.1.10:40001"),
    ]),
    Vector(10, lambda: head_of_main(isolated(), RETURN_FLOW), [
        ("10.1.1.10:40000>10.1.2.11:8080", "b2 10.1.1.10:40000>10.1.2.11:8080"),
        ("reply", "a1 10.1.2.11:8080>10.1.1.10:40000"),
        (f"10.1.1.10:40001>{V}", "b2 10.1.1.10:40001>10.1.2.11:8080"),
        ("reply", "a1 10.1.2.11:8080>10.1.1.10:40001"),
    ]),
    Vector(11, lambda: egress_policy("accept"), [(f"10.1.1.10:40000>{V}", "b2 10.1.1.10:40000>10.1.2.11:8080")]),
    Vector(11, lambda: egress_policy("continue"), [(f"10.1.1.10:40000>{V}", "drop")]),
    Vector(12, same_jump_twice, [
        (f"10.1.1.10:40000>{V}", "b2 10.1.1.10:40000>10.1.2.11:8080"),
        ("reply", f"a1 {V}>10.1.1.10:40000"),
    ]),
]  # fmt: skip


def ends(text):
    return text.rsplit(":", 1)[0], int(text.rsplit(":", 1)[1])


def sent(talk, text):
    source, destination = text.split(">")
    return talk.send(talk.network.ports[ends(source)[0]], talk.tcp(*ends(source), *ends(destination)))


def shown(outcome):
    if outcome.fate is not Fate.DELIVERED:
        return outcome.fate.value
    (delivery,) = outcome.deliveries
    packet = delivery.packet
    return f"{delivery.port} {packet.nw_src}:{packet.tp_src}>{packet.nw_dst}:{packet.tp_dst}"


@pytest.mark.parametrize("vector", VECTORS, ids=str)
def test_a_vector_ends_as_described(vector):
    talk, outcome = Conversation(vector.network()), None
    for packet, expected in vector.packets:
        outcome = talk.answer(outcome) if packet == "reply" else sent(talk, packet)
        assert shown(outcome) == expected, outcome.steps


def test_vector_1_is_routed_one_way_and_switched_back():
    talk = Conversation(upstream("10.1.1.11"))
    there = sent(talk, f"10.1.1.10:40000>{V}")
    assert entries(there) == ["a1", "rp1", "lp1"]
    back = talk.answer(there)
    assert entries(back) == ["b1"]


def test_vector_2_is_restored_at_the_clients_bridge_only():
    talk = Conversation(upstream("10.1.2.11"))
    back = talk.answer(sent(talk, f"10.1.1.10:40000>{V}"))
    assert entries(back) == ["b2", "rp2", "lp1"]
    (restored,) = [step for step in back.steps if "restores source" in step.text]
    assert (restored.device, restored.port) == ("br1", "lp1")


def test_vector_12_skips_the_second_jump():
    outcome = sent(Conversation(same_jump_twice()), f"10.1.1.10:40000>{V}")
    assert any("chain s1 has run already" in step.text for step in outcome.steps)


def test_vector_13_keeps_the_old_endpoint_for_a_known_connection_only():
    talk = Conversation(option_a("10.1.2.11"))
    assert shown(sent(talk, f"10.1.1.10:40000>{V}")).startswith("b2")
    talk.network.change("Rule", "svc-1", nat_targets=option_a("10.1.2.12").rules("svc")[0].nat_targets)
    assert shown(sent(talk, f"10.1.1.10:40000>{V}")) == "b2 10.1.1.10:40000>10.1.2.11:8080"
    assert shown(sent(talk, f"10.1.1.10:40001>{V}")) == "c2 10.1.1.10:40001>10.1.2.12:8080"


@pytest.mark.parametrize("inverted", [False, True])
@pytest.mark.parametrize("packet", [
    arp_request("02:00:00:00:01:10", "10.1.1.10", "10.1.1.99"),
    ip(("02:00:00:00:01:10", "02:00:00:00:01:11"), "10.1.1.10", "10.1.1.11", SCTP),
    ip(("02:00:00:00:01:10", "02:00:00:00:01:11"), "10.1.1.10", "10.1.1.11", 6, tp_dst=80, fragment=Fragment.LATER),
], ids=str)  # fmt: skip
def test_vector_15_a_packet_without_ports_has_port_0_which_no_range_holds(packet, inverted):
    network = cluster()
    drop = {"type": "drop", "tpDst": {"start": 80, "end": 80}, "invTpDst": inverted, "fragmentPolicy": "any"}
    network.change("Port", "a1", inbound_filter_id=network.chain("drop-80", drop))
    outcome = Conversation(network).send("a1", packet)
    assert (outcome.fate is Fate.DROP) == inverted


def test_vector_16_dnat_of_an_echo_keeps_the_id_and_keys_by_it():
    network = pre(cluster(), REV_SNAT, REV_DNAT)
    network.chain("services", dnat("10.1.2.11", nwDstAddress=VIP, nwDstLength=32))
    talk = Conversation(network)
    there = talk.send("a1", echo_request(talk.eth("10.1.1.10", VIP), "10.1.1.10", VIP, 7))
    (delivery,) = there.deliveries
    assert (str(delivery.packet.nw_dst), delivery.packet.icmp_id) == ("10.1.2.11", 7)
    assert {(key.tp_src, key.tp_dst) for key in there.state.nat} == {(7, 7)}
    back = talk.answer(there)
    assert [str(delivery.packet.nw_src) for delivery in back.deliveries] == [VIP]


def test_vector_17_a_flood_reaches_all_exterior_ports_but_the_senders_and_no_router():
    packet = udp(("02:00:00:00:01:10", BROADCAST), "10.1.1.10", 68, "255.255.255.255", 67)
    outcome = Conversation(cluster()).send("a1", packet)
    assert {delivery.port for delivery in outcome.deliveries} == {"b1", "c1", "np1"}
    assert entries(outcome) == ["a1"]


def test_the_choice_among_endpoints_is_uniform_and_complete():
    talk = Conversation(option_a("10.1.1.11", "10.1.2.11", "10.1.2.12", "10.1.2.12"))
    packet = talk.tcp("10.1.1.10", 40000, VIP, VIP_PORT)
    outcomes = talk.all("a1", packet)
    assert {shown(outcome): outcome.probability for outcome in outcomes} == {
        "b1 10.1.1.10:40000>10.1.1.11:8080": Fraction(1, 3),
        "b2 10.1.1.10:40000>10.1.2.11:8080": Fraction(1, 3),
        "c2 10.1.1.10:40000>10.1.2.12:8080": Fraction(1, 3),
    }


def entries(outcome):
    return [step.port for step in outcome.steps if step.text.startswith("enters")]


def test_answers_swap_all_ends():
    packet = Packet(eth_src="02:00:00:00:00:01", eth_dst="02:00:00:00:00:02", ethertype=IPV4, nw_proto=6, tp_src=1, tp_dst=2)
    assert answer_to(answer_to(packet)) == packet
