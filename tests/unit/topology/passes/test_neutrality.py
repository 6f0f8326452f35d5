"""An optimiser that changes nothing but speed: with and without each pass, every packet has the same fate."""

import os

import pytest
import test_against_simulation_of_rules as rules_of
from hypothesis import given, note, settings
from hypothesis import strategies as st
from three_pods import PODS, VIP, headers_of, machine_of, network

from midonet_kubernetes.testing.cluster_topology import put
from midonet_kubernetes.topology.passes.selection import ALL_PASSES, Pass

EXAMPLES = int(os.environ.get("MIDONETKUBE_TEST_EXAMPLES", "20"))
LEFT_OUT = [*([each] for each in Pass), list(Pass)]
GROUP = put("IpAddrGroup", "g", addrs=["10.1.1.5"])
PACKETS = [
    (pod, to, protocol, 1, port, 0)
    for pod in PODS
    for to in (*(other.address for other in PODS), VIP)
    for protocol, port in ((6, 80), (6, 81), (17, 80), (1, 0), (99, 0))
]


@st.composite
def everything(draw):
    """Filters anywhere, Services of all shapes, and translations of sources at ports."""
    filters = draw(rules_of.FILTERS) | {("b1", "inbound"): "main", ("b2", "inbound"): "main"}
    changes = [*draw(rules_of.chains()), *draw(rules_of.services())]
    for pod in PODS:
        if draw(st.booleans()):
            filters[pod.name, "outbound"] = f"out-{pod.name}"
            changes.append(draw(rules_of.source_nat_rule(f"snat-{pod.name}", f"out-{pod.name}", 1)))
        if draw(st.booleans()):
            source = {"nwSrcAddress": draw(rules_of.ADDRESSES), "nwSrcLength": 32, "dlType": 0x0800}
            nat = {"type": "snat", "flowAction": "accept", "natTargets": [rules_of.target("10.1.1.1", 30000, 60000)]}
            changes.append(put("Rule", f"hairpin-{pod.name}", chainId=f"out-{pod.name}", rank=2, **nat, **source))
    return [*network(filters), *changes, GROUP]


def fates_of(machine, packet, passes):
    """What becomes of a packet. Nobody promises a refusal of ports that no Service has: only the look-up of Services does it."""
    fates = machine.fates(headers_of(packet))
    if {Pass.EXACT_JUMPS, Pass.BALANCED, Pass.REFUSAL} <= passes:
        return fates
    return {fate if fate.verdict == "accept" else "lost" for fate in fates}


@pytest.mark.parametrize("left_out", LEFT_OUT, ids=lambda passes: passes[0].name if len(passes) == 1 else "all")
@settings(max_examples=EXAMPLES, deadline=None)
@given(changes=everything())
def test_without_a_pass_every_packet_has_the_same_fate(left_out, changes):
    passes = ALL_PASSES - set(left_out)
    optimised, reported = machine_of(changes)
    plain, reported_plainly = machine_of(changes, passes)
    note(str(changes))
    assert reported.keys() == reported_plainly.keys()
    for packet in PACKETS:
        note(str(packet))
        assert fates_of(optimised, packet, passes) == fates_of(plain, packet, passes)


@pytest.mark.parametrize("left_out", list(Pass), ids=lambda left_out: left_out.name)
def test_each_pass_does_something(left_out):
    jump = {"nwDstAddress": VIP, "nwDstLength": 32, "nwProto": 6}
    ports = {80: "balanced", 81: "refusing"}
    changes = [
        *network({("b1", "inbound"): "main", ("a", "outbound"): "out", ("b", "inbound"): "long", ("c", "inbound"): "dead"}),
        *(put("Rule", f"to{n}", chainId="main", rank=n, type="jump", jumpChainId=chain, tpDst={"start": n, "end": n}, **jump)
          for n, chain in ports.items()),
        put("Rule", "dnat", chainId="balanced", type="dnat", flowAction="accept", natTargets=[rules_of.target("10.1.1.5", 1, 1)]),
        put("Rule", "reject", chainId="refusing", type="reject"),
        put("Rule", "snat", chainId="out", type="snat", flowAction="accept", nwSrcAddress="10.1.1.5", nwSrcLength=32,
            natTargets=[rules_of.target("10.1.1.1", 1, 9)]),
        put("Rule", "only", chainId="long", type="jump", jumpChainId="end"),
        put("Rule", "end", chainId="end", rank=1, type="drop"),
        put("Rule", "behind", chainId="end", rank=2, type="drop", nwProto=6),
        put("Rule", "nothing", chainId="dead", type="accept"),
    ]  # fmt: skip
    tables = [machine_of(changes, passes)[0].table for passes in (ALL_PASSES, ALL_PASSES - {left_out})]
    assert tables[0] != tables[1]
