from ipaddress import IPv4Address

from midonet_kubernetes.simulate import ConnectionKey, Fate, Generated, simulate_generated
from midonet_kubernetes.simulate.packets import echo_request, icmp_error
from midonet_kubernetes.testing.small_network import VIP, Conversation, cluster, target

ASK = {"type": "accept", "matchReturnFlow": True, "nwProto": 250}  # evaluates connection tracking, never matches
A1, B1, A2, B2 = "10.1.1.10", "10.1.1.11", "10.1.2.10", "10.1.2.11"


def asking(where="a1", *rules):
    """The inbound chain of a port asks; then come these rules."""
    network = cluster()
    network.change("Port", where, inbound_filter_id=network.chain("ask", ASK, *rules))
    return Conversation(network)


def connection(source, destination, device, protocol=6):
    """Source and destination with their ports."""
    return ConnectionKey(IPv4Address(source[0]), source[1], IPv4Address(destination[0]), destination[1], protocol, device)


def test_nobody_asked_nothing_is_remembered():
    talk = Conversation(cluster())
    assert not talk.send("a1", talk.tcp(A1, 4000, B1, 80)).state.connections


def test_the_final_headers_turned_around_are_remembered_at_the_device_of_exit():
    talk = asking()
    state = talk.send("a1", talk.tcp(A1, 4000, B2, 80)).state
    assert state.connections == {connection((B2, 80), (A1, 4000), "br2")}


def test_the_lookup_takes_the_original_headers_and_the_device_of_entry():
    talk = asking("b2")
    talk.network.change("Port", "a1", inbound_filter_id="ask")
    there = talk.send("a1", talk.tcp(A1, 4000, B2, 80))
    back = talk.answer(there)
    assert any(step.text == "connection tracking says return flow" for step in back.steps)
    assert back.state.connections == there.state.connections  # a reply is no new connection


def test_nat_in_between_does_not_matter():
    talk = asking("b2")
    talk.network.change("Port", "a1", inbound_filter_id="ask")
    rules = {"nwDstAddress": VIP, "nwDstLength": 32, "natTargets": [target(B2)]}
    talk.network.chain("pre", {"type": "rev_dnat"})
    talk.network.chain("services", {"type": "dnat", **rules})
    there = talk.send("a1", talk.tcp(A1, 4000, VIP, 80))
    assert there.state.connections == {connection((B2, 8080), (A1, 4000), "br2")}
    assert any(step.text == "connection tracking says return flow" for step in talk.answer(there).steps)


def test_the_first_answer_holds_for_the_whole_walk():
    talk = asking()
    talk.network.change("Port", "b2", outbound_filter_id="ask")
    outcome = talk.send("a1", talk.tcp(A1, 4000, B2, 80))
    assert sum("connection tracking says" in step.text for step in outcome.steps) == 1


def test_a_rule_behind_the_deciding_one_asks_nobody():
    network = cluster()
    network.change("Port", "a1", inbound_filter_id=network.chain("in", {"type": "accept"}, ASK))
    talk = Conversation(network)
    assert not talk.send("a1", talk.tcp(A1, 4000, B1, 80)).state.connections


def test_a_dropped_packet_is_no_connection():
    talk = asking("a1", {"type": "drop"})
    outcome = talk.send("a1", talk.tcp(A1, 4000, B1, 80))
    assert (outcome.fate, outcome.state.connections) == (Fate.DROP, frozenset())


def test_forward_packets_of_an_old_connection_are_judged_again():
    talk = asking()
    talk.send("a1", talk.tcp(A1, 4000, B1, 80))
    talk.network.chain("ask", {"type": "drop", "matchForwardFlow": True})
    assert talk.send("a1", talk.tcp(A1, 4000, B1, 80)).fate is Fate.DROP


def test_an_echo_is_a_connection_by_its_id_and_an_error_by_0():
    talk = asking()
    talk.send("a1", echo_request(talk.eth(A1, B1), A1, B1, 9))
    assert talk.state.connections == {connection((B1, 9), (A1, 9), "br1", 1)}
    error = icmp_error(talk.eth(A1, "10.1.1.12"), A1, "10.1.1.12", (3, 3), talk.tcp("10.1.1.12", 1, A1, 2))
    assert connection(("10.1.1.12", 0), (A1, 0), "br1", 1) in talk.send("a1", error).state.connections


def test_an_icmp_error_of_a_host_is_a_forward_flow():
    talk = asking("b1", {"type": "drop", "matchForwardFlow": True})
    talk.network.change("Port", "a1", inbound_filter_id=talk.network.chain("ask-a", ASK))
    there = talk.send("a1", talk.tcp(A1, 4000, B1, 80)).deliveries[0].packet
    assert talk.send("b1", icmp_error(talk.eth(B1, A1), B1, A1, (3, 3), there)).fate is Fate.DROP


def test_a_generated_packet_is_a_return_flow_and_leaves_no_state():
    network = cluster()
    network.change(
        "Port", "b1", outbound_filter_id=network.chain("out", {"type": "accept", "matchReturnFlow": True}, {"type": "drop"})
    )
    talk = Conversation(network)
    packet = echo_request(talk.eth(A1, B1), A1, B1, 9)
    (outcome,) = simulate_generated(network.topology(), Generated("b1", packet))
    assert outcome.fate is Fate.DELIVERED
    assert not outcome.state.connections
    (outcome,) = talk.all("a1", packet)
    assert outcome.fate is Fate.DROP


def test_expiry_is_the_callers():
    talk = asking()
    talk.send("a1", talk.tcp(A1, 4000, B1, 80))
    (key,) = talk.state.connections
    assert not talk.state.without(key).connections
