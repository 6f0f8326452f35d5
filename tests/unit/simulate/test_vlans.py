import pytest

from midonet_kubernetes.simulate import Fate
from midonet_kubernetes.simulate.packet import BROADCAST
from midonet_kubernetes.simulate.packets import udp
from midonet_kubernetes.testing.small_network import Conversation, Network

TRUNK, IN_10, IN_20 = "02:00:00:00:00:01", "02:00:00:00:00:0a", "02:00:00:00:00:14"


def vlan_aware():
    """Bridge ``aware`` with two trunks; bridges ``b10`` and ``b20`` behind its ports of VLAN 10 and 20, one host each."""
    network = Network()
    network.add("Bridge", "aware")
    for trunk in ("trunk", "other"):
        network.add("Port", trunk, type="Bridge", deviceId="aware", hostId="h", interfaceName=trunk)
    for vlan, mac in ((10, IN_10), (20, IN_20)):
        network.add("Bridge", f"b{vlan}")
        network.add("Port", f"vlan{vlan}", type="Bridge", deviceId="aware", peerId=f"up{vlan}", vlanId=vlan)
        network.add("Port", f"up{vlan}", type="Bridge", deviceId=f"b{vlan}", peerId=f"vlan{vlan}")
        network.host(f"host{vlan}", f"b{vlan}", f"10.0.{vlan}.1", mac)
    return network


def frame(source, destination, *vlans):
    return udp((source, destination), "10.0.0.1", 1, "10.0.0.2", 2, vlans=vlans)


def out(outcome):
    return {delivery.port: delivery.packet.vlans for delivery in outcome.deliveries}


@pytest.mark.parametrize(("vlans", "expected"), [
    ((10,), {"other": (10,), "host10": ()}),
    ((20, 7), {"other": (20, 7), "host20": (7,)}),
    ((30,), {"other": (30,)}),
    ((), {"other": ()}),
])  # fmt: skip
def test_a_flood_from_a_trunk_reaches_the_other_trunks_and_the_one_vlan(vlans, expected):
    assert out(Conversation(vlan_aware()).send("trunk", frame(TRUNK, BROADCAST, *vlans))) == expected


def test_a_flood_from_a_vlan_reaches_all_trunks_with_its_tag():
    outcome = Conversation(vlan_aware()).send("host10", frame(IN_10, BROADCAST))
    assert out(outcome) == {"trunk": (10,), "other": (10,)}


def test_a_frame_to_a_learned_mac_is_pushed_or_popped():
    talk = Conversation(vlan_aware())
    talk.send("host10", frame(IN_10, BROADCAST))
    assert talk.state.macs["aware", 10, IN_10] == "vlan10"
    back = talk.send("trunk", frame(TRUNK, IN_10, 10))
    assert out(back) == {"host10": ()}
    assert talk.state.macs["aware", 10, TRUNK] == "trunk"
    assert out(talk.send("host10", frame(IN_10, TRUNK))) == {"trunk": (10,)}


def test_a_port_of_a_vlan_takes_no_other():
    network = vlan_aware()
    network.add("MacPort", "written", bridgeId="aware", macAddr=IN_10, portId="vlan10", vlanId=20)
    outcome = Conversation(network).send("trunk", frame(TRUNK, IN_10, 20))
    assert (outcome.fate, outcome.reason) == (Fate.DROP, "port vlan10 is for VLAN 10 only")
