from dataclasses import replace

import pytest

from midonet_kubernetes.simulate import Fate
from midonet_kubernetes.simulate.packet import BROADCAST, NO_MAC
from midonet_kubernetes.simulate.packets import arp_reply, arp_request
from midonet_kubernetes.testing.small_network import Conversation, Network

OWN, HOST, OTHER = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"


def router():
    """A router with one exterior port, 10.0.0.1/24."""
    network = Network()
    network.add("Router", "r")
    port = {"hostId": "h", "interfaceName": "i", "portSubnet": ["10.0.0.1/24"], "portMac": OWN}
    network.add("Port", "p", type="Router", deviceId="r", **port)
    return Conversation(network)


def learned(talk):
    return {str(address): mac for (_, address), mac in talk.state.neighbours.items()}


CASES = [
    # packet, what is learned, whether it is answered
    (arp_request(HOST, "10.0.0.2", "10.0.0.1"), {"10.0.0.2": HOST}, True),
    (arp_request(HOST, "10.0.0.2", "10.0.0.3"), {}, False),
    (arp_request(HOST, "192.0.2.2", "10.0.0.1"), {}, False),  # not in the port's network
    (arp_request(HOST, "10.0.0.2", "10.0.0.2"), {"10.0.0.2": HOST}, False),  # gratuitous
    (arp_request(HOST, "10.0.0.2", "10.0.0.2", arp_tha=OTHER), {}, False),
    (arp_reply(HOST, "10.0.0.2", OWN, "10.0.0.1"), {"10.0.0.2": HOST}, False),
    (replace(arp_reply(HOST, "10.0.0.2", OWN, "10.0.0.3"), eth_dst=OWN), {}, False),
    (replace(arp_reply(HOST, "10.0.0.2", OTHER, "10.0.0.1"), eth_dst=OWN), {}, False),
    (replace(arp_reply(HOST, "10.0.0.2", HOST, "10.0.0.2"), eth_dst=BROADCAST), {"10.0.0.2": HOST}, False),
    (arp_reply(HOST, "192.0.2.2", OWN, "10.0.0.1"), {}, False),
]


@pytest.mark.parametrize(("packet", "expected", "answered"), CASES, ids=str)
def test_a_router_port_learns_what_concerns_it(packet, expected, answered):
    talk = router()
    outcome = talk.send("p", packet)
    assert (outcome.fate, learned(talk)) == (Fate.CONSUMED, expected)
    assert [made.packet for made in outcome.generated] == ([arp_reply(OWN, "10.0.0.1", HOST, "10.0.0.2")] if answered else [])


def test_unicast_arp_for_another_mac_and_other_opcodes_are_dropped():
    assert router().send("p", arp_reply(HOST, "10.0.0.2", OTHER, "10.0.0.1")).fate is Fate.DROP
    assert router().send("p", replace(arp_request(HOST, "10.0.0.2", "10.0.0.1"), nw_proto=8)).fate is Fate.DROP


def test_a_port_without_an_address_ignores_arp():
    talk = router()
    talk.network.change("Port", "p", port_subnet=[])
    outcome = talk.send("p", arp_request(HOST, "10.0.0.2", "10.0.0.1"))
    assert (outcome.fate, outcome.generated, learned(talk)) == (Fate.CONSUMED, (), {})


def test_a_port_without_a_mac_answers_with_none():
    talk = router()
    talk.network.change("Port", "p", port_mac=None)
    (made,) = talk.send("p", arp_request(HOST, "10.0.0.2", "10.0.0.1")).generated
    assert made.packet.arp_sha == NO_MAC


def test_a_filter_of_the_port_sees_arp_first():
    talk = router()
    talk.network.change("Port", "p", inbound_filter_id=talk.network.chain("in", {"type": "drop"}))
    assert talk.send("p", arp_request(HOST, "10.0.0.2", "10.0.0.1")).fate is Fate.DROP
    assert not learned(talk)
