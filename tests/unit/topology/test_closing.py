import pytest
from three_pods import PODS, network, programmed, simulated

from midonet_kubernetes.model.midonet import Rule
from midonet_kubernetes.testing.cluster_topology import put
from midonet_kubernetes.topology.closing import Instead, instead_of
from midonet_kubernetes.topology.objects import Objects


def rule(chain, rank, kind, **fields):
    return put("Rule", f"{chain}-{rank}", chainId=chain, rank=rank, type=kind, **fields)


def jump(chain, rank, target):
    return rule(chain, rank, "jump", jumpChainId=target)


DROPPING, ACCEPTING, MIXED = "dropping", "accepting", "mixed"
CHAINS = [
    rule(DROPPING, 1, "reject", nwProto=6),
    rule(DROPPING, 2, "return"),
    rule(ACCEPTING, 1, "dnat", flowAction="accept"),
    rule(ACCEPTING, 2, "return"),
    jump(MIXED, 1, DROPPING),
    jump(MIXED, 2, ACCEPTING),
    rule("neither", 1, "snat", flowAction="continue"),
    jump("turning", 1, "zurück"),
    jump("zurück", 1, "turning"),
    rule("zurück", 2, "drop"),
]


def instead(*rules):
    """What stands in for the first rule of a chain."""
    objects = Objects()
    for change in (*CHAINS, *rules):
        objects.take(change)
    found = objects.get("Rule", rules[0].id)
    assert isinstance(found, Rule)
    return instead_of(found, objects)


@pytest.mark.parametrize("kind", ["drop", "reject"])
def test_what_stops_packets_stops_all_that_it_may_be_about(kind):
    assert instead(rule("c", 1, kind), rule("c", 2, "accept")) is Instead.ITSELF


@pytest.mark.parametrize("kind", ["accept", "dnat", "snat", "rev_dnat", "trace", "l2_transform"])
def test_what_lets_packets_through_is_left_out(kind):
    assert instead(rule("c", 1, kind), rule("c", 2, "drop")) is Instead.NOTHING


@pytest.mark.parametrize(
    ("behind", "wanted"),
    [
        ([], Instead.NOTHING),
        ([rule("c", 2, "drop"), rule("c", 3, "return"), jump("c", 4, DROPPING)], Instead.NOTHING),
        ([rule("c", 2, "accept", nwProto=6)], Instead.DROP),
        ([rule("c", 2, "rev_dnat", flowAction="accept")], Instead.DROP),
        ([jump("c", 2, MIXED)], Instead.DROP),
        ([rule("c", 0, "accept")], Instead.NOTHING),
    ],
)
def test_a_return_in_front_of_what_accepts_becomes_a_drop(behind, wanted):
    assert instead(rule("c", 1, "return"), *behind) is wanted
    assert instead(rule("c", 1, "snat", flowAction="return"), *behind) is wanted


@pytest.mark.parametrize(
    ("target", "wanted"),
    [
        (DROPPING, Instead.ITSELF),
        (ACCEPTING, Instead.NOTHING),
        ("neither", Instead.NOTHING),
        ("missing", Instead.NOTHING),
        (MIXED, Instead.DROP),
    ],
)
def test_a_jump_is_taken_left_out_or_becomes_a_drop_by_what_its_target_can_do(target, wanted):
    assert instead(jump("c", 1, target)) is wanted


def test_a_jump_that_closes_a_circle_is_never_taken():
    back = next(change for change in CHAINS if change.id == "zurück-1")
    assert instead(back) is Instead.DROP
    harmless = rule("zurück", 2, "return")
    assert instead(back, harmless) is Instead.NOTHING


@pytest.mark.parametrize("place", ["b1", "lb1", "rb2", "r"])
@pytest.mark.parametrize("field", ["outPorts", "invOutPorts"])
def test_a_port_of_a_device_on_the_way_is_named_and_what_it_may_stop_is_stopped(place, field):
    """The port of exit of the bridge of entry, or of a router, is none that the kernel knows."""
    conditions = {"outPorts": ["c"], field: ["c"] if field == "outPorts" else True}
    changes = [*network({(place, "outbound"): "f"}), put("Chain", "f"), rule("f", 1, "drop", nwProto=6, **conditions)]
    tcp, udp = ((PODS[0], PODS[2].address, protocol, 1, 80, 0) for protocol in (6, 17))
    stopped, named = programmed(changes, tcp)
    assert stopped == {"lost"}
    assert list(named) == [("Rule", "f-1")]
    assert "acts on all that the conditions which the kernel knows hold for" in named["Rule", "f-1"].reason
    assert programmed(changes, udp)[0] == simulated(changes, udp) != {"lost"}
