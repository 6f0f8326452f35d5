from fractions import Fraction

import pytest
from msgspec.structs import replace

from midonet_kubernetes.model.midonet import LoadBalancer, Pool, PoolMember, Vip
from midonet_kubernetes.simulate import Fate, Topology, simulate
from midonet_kubernetes.simulate.packets import udp
from midonet_kubernetes.testing.small_network import Conversation, Network, cluster

ADDRESS = "10.96.0.9"
A1, B1, B2, C2 = "10.1.1.10", "10.1.1.11", "10.1.2.11", "10.1.2.12"


class Balanced(Network):
    """Objects of ``cluster`` and of a load balancer at its router."""

    def __init__(self, *members, sticky=False):
        super().__init__()
        self.__dict__.update(vars(cluster()))
        self.change("Router", "r", load_balancer_id="lb")
        self.parts = {
            "lb": LoadBalancer(id="lb"),
            "pool": Pool(id="pool", load_balancer_id="lb"),
            "vip": Vip(id="vip", pool_id="pool", address=ADDRESS, protocol_port=80,
                       session_persistence="SOURCE_IP" if sticky else None),
            **{each.id: each for each in members},
        }  # fmt: skip

    def topology(self):
        return Topology([*self.objects(), *self.parts.values()])


def member(address, **fields):
    return PoolMember(id=address, pool_id="pool", address=address, protocol_port=8080, **fields)


def to_vip(talk, sport=4000, source=A1):
    return talk.tcp(source, sport, ADDRESS, 80)


def shown(outcome):
    (delivery,) = outcome.deliveries
    packet = delivery.packet
    return f"{delivery.port} {packet.nw_src}:{packet.tp_src}>{packet.nw_dst}:{packet.tp_dst}"


def test_across_nodes_a_vip_leads_to_a_member_and_back():
    talk = Conversation(Balanced(member(B2)))
    there = talk.send("a1", to_vip(talk))
    assert shown(there) == f"b2 {A1}:4000>{B2}:8080"  # the source is not translated
    assert {key.device for key in there.state.nat} == {"lb"}
    assert shown(talk.answer(there)) == f"a1 {ADDRESS}:80>{A1}:4000"


def test_vector_14_on_one_node_the_reply_arrives_unrestored():
    talk = Conversation(Balanced(member(B1)))
    there = talk.send("a1", to_vip(talk))
    assert shown(there) == f"b1 {A1}:4000>{B1}:8080"
    assert shown(talk.answer(there)) == f"a1 {B1}:8080>{A1}:4000"


def test_members_are_chosen_by_weight_among_those_that_are_up():
    network = Balanced(member(B2, weight=3), member(C2), member(B1, admin_state_up=False), member("10.1.1.12", weight=0))
    outcomes = Conversation(network).all("a1", to_vip(Conversation(network)))
    assert {shown(each).split()[0]: each.probability for each in outcomes} == {"b2": Fraction(3, 4), "c2": Fraction(1, 4)}


@pytest.mark.parametrize(("monitor", "served"), [(None, True), ("hm", False)])
def test_a_members_status_counts_with_a_health_monitor_only(monitor, served):
    network = Balanced(member(B2, status="INACTIVE"))
    network.parts["pool"] = Pool(id="pool", load_balancer_id="lb", health_monitor_id=monitor)
    outcome = Conversation(network).send("a1", to_vip(Conversation(network)))
    assert (outcome.fate is Fate.DELIVERED) == served


@pytest.mark.parametrize("change", [
    {"vip": {"admin_state_up": False}},
    {"lb": {"admin_state_up": False}},
    {"vip": {"protocol_port": 81}},
    {"pool": {"load_balancer_id": None}},
], ids=str)  # fmt: skip
def test_what_is_for_no_vip_that_is_up_is_routed(change):
    network = Balanced(member(B2))
    for id_, fields in change.items():
        network.parts[id_] = replace(network.parts[id_], **fields)
    assert Conversation(network).send("a1", to_vip(Conversation(network))).fate is Fate.SHORT_DROP


def test_a_vip_is_for_tcp_only():
    talk = Conversation(Balanced(member(B2)))
    assert talk.send("a1", udp(talk.eth(A1, ADDRESS), A1, 1, ADDRESS, 80)).fate is Fate.SHORT_DROP


def test_nobody_up_is_a_drop():
    talk = Conversation(Balanced(member(B2, admin_state_up=False)))
    outcome = talk.send("a1", to_vip(talk))
    assert (outcome.fate, outcome.reason.split(" for")[0]) == (Fate.DROP, "VIP vip has no member")


def test_a_vip_skips_the_inbound_filters_and_a_reply_the_outbound_ones():
    network = Balanced(member(B2))
    into = network.chain("in", {"type": "drop", "nwDstAddress": ADDRESS, "nwDstLength": 32})
    out = network.chain("out", {"type": "drop", "nwDstAddress": A1, "nwDstLength": 32})
    network.change("Router", "r", inbound_filter_id=into, outbound_filter_id=out)
    talk = Conversation(network)
    assert shown(talk.answer(talk.send("a1", to_vip(talk)))) == f"a1 {ADDRESS}:80>{A1}:4000"


@pytest.mark.parametrize(("sticky", "disabled_keeps"), [(False, True), (True, False)])
def test_a_disabled_member_keeps_its_connections_unless_the_vip_is_sticky(sticky, disabled_keeps):
    network = Balanced(member(B2), sticky=sticky)
    talk = Conversation(network)
    talk.send("a1", to_vip(talk))
    network.parts[B2] = member(B2, admin_state_up=False)
    assert (talk.send("a1", to_vip(talk)).fate is Fate.DELIVERED) == disabled_keeps
    network.parts[C2] = member(C2)
    outcome = talk.send("a1", to_vip(talk))
    assert shown(outcome).startswith("b2" if disabled_keeps else "c2")


def test_a_member_that_is_gone_is_chosen_anew():
    network = Balanced(member(B2))
    talk = Conversation(network)
    talk.send("a1", to_vip(talk))
    del network.parts[B2]
    network.parts[C2] = member(C2)
    assert shown(talk.send("a1", to_vip(talk))).startswith("c2")
    assert len(talk.state.nat) == 2  # the old binding is deleted


def test_a_sticky_vip_sends_all_connections_of_a_client_to_one_member():
    network = Balanced(member(B2), member(C2), sticky=True)
    talk = Conversation(network)
    talk.state = talk.all("a1", to_vip(talk))[1].state
    first = talk.send("a1", to_vip(talk, 4001))
    assert shown(first) == f"c2 {A1}:4001>{C2}:8080"
    assert shown(talk.answer(first)) == f"a1 {ADDRESS}:80>{A1}:4001"
    assert len(talk.all("b1", to_vip(talk, 4001, B1))) == 2


def test_a_reply_is_restored_though_its_vip_and_member_are_gone():
    network = Balanced(member(B2))
    talk = Conversation(network)
    there = talk.send("a1", to_vip(talk))
    del network.parts[B2]
    network.parts["lb"] = LoadBalancer(id="lb", admin_state_up=False)
    assert shown(talk.answer(there)) == f"a1 {ADDRESS}:80>{A1}:4000"


def test_a_router_that_names_a_load_balancer_that_is_not_there_routes():
    network = Balanced(member(B2))
    del network.parts["lb"]
    talk = Conversation(network)
    (outcome,) = simulate(network.topology(), talk.tcp(A1, 1, B2, 2), "a1")
    assert outcome.fate is Fate.DELIVERED
