from dataclasses import replace

from midonet_kubernetes.minimidonet.agent.network import Found, Operation, comparison, step
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, NextHop, Route, Vxlan
from midonet_kubernetes.topology.host_state import HostState

MVX = Link("mvx", kind="vxlan", mac="02:00:00:00:00:01", mtu=1450, vxlan=Vxlan(5, 6677, "192.0.2.1"))
POD = Link("mido1", kind="veth", mac="ac:ca:ba:00:00:01")
POD_THERE = replace(POD, mtu=1450)
GATEWAY, ROUTE = Address("lo", "10.1.0.1/32"), Route("10.1.0.5/32", link="mido1", source="10.1.0.1")
VIA, NEIGHBOUR = Route("192.0.2.1/32", link="mido1", via="10.1.0.5"), Neighbour("mido1", "10.1.0.5", "02:00:00:00:00:05")
FDB = ForwardingEntry("mvx", "02:00:00:00:00:02", "192.0.2.2")
ENTRIES = (GATEWAY, ROUTE, VIA, NEIGHBOUR, FDB)


def state(*entries, links=(MVX, POD)):
    return HostState(
        links={link.name: link for link in links},
        addresses={(e.link, e.address): e for e in entries if isinstance(e, Address)},
        routes={(e.destination, e.metric): e for e in entries if isinstance(e, Route)},
        neighbours={(e.link, e.address): e for e in entries if isinstance(e, Neighbour)},
        forwarding={(e.link, e.mac): e for e in entries if isinstance(e, ForwardingEntry)},
    )


def found(*entries, links=(MVX, POD_THERE), delays=None):
    return Found({link.name: link for link in (Link("lo"), *links)}, {"mido1": 0} if delays is None else delays, entries)


def verbs(operations):
    return [(operation.verb, operation.subject) for operation in operations]


def test_of_gateways_that_share_a_route_those_count_whose_links_are_there():
    hops = tuple(NextHop(f"10.1.0.{number}", 1, f"mido{number}") for number in (1, 2, 3))
    route = Route("10.9.0.0/16", hops=hops)
    wanted = HostState(routes={("10.9.0.0/16", 0): route})
    written = {
        links: [operation.subject for operation in step(HostState(), wanted, {f"mido{number}" for number in links})]
        for links in ((), (1,), (1, 3), (1, 2, 3))
    }
    one = Route("10.9.0.0/16", link="mido1", via="10.1.0.1")
    assert written == {(): [], (1,): [one], (1, 3): [Route("10.9.0.0/16", hops=(hops[0], hops[2]))], (1, 2, 3): [route]}
    there = Found({f"mido{number}": Link(f"mido{number}") for number in (1, 2, 3)}, entries=(route,))
    assert comparison(wanted, there) == []


def test_what_is_as_it_shall_be_costs_nothing():
    assert comparison(state(*ENTRIES), found(*ENTRIES)) == []


def test_an_empty_namespace_gets_everything_but_what_waits_for_ports():
    operations = verbs(comparison(state(*ENTRIES), found(links=())))
    assert operations == [("add", MVX), ("write", GATEWAY), ("write", FDB)]


def test_what_others_need_comes_first():
    operations = comparison(state(*ENTRIES), found())
    assert [operation.subject for operation in operations] == [GATEWAY, NEIGHBOUR, FDB, ROUTE, VIA]


def test_a_port_is_corrected_without_touching_its_mtu():
    wrong = replace(POD_THERE, mac="02:00:00:00:00:99")
    operations = comparison(state(*ENTRIES), found(*ENTRIES, links=(MVX, wrong), delays={"mido1": 800}))
    assert verbs(operations) == [("set", POD), ("answer at once", POD), ("write", NEIGHBOUR)]


def test_a_port_that_is_down_is_set_up_without_its_mac_which_would_cost_its_neighbours():
    operations = comparison(state(*ENTRIES), found(*ENTRIES, links=(MVX, replace(POD_THERE, up=False))))
    assert verbs(operations) == [("set", replace(POD, mac=""))]


def test_a_tunnel_of_another_shape_is_made_anew_with_all_that_hung_on_it():
    other = replace(MVX, vxlan=Vxlan(5, 6677, "192.0.2.9"))
    operations = comparison(state(*ENTRIES), found(*ENTRIES, links=(other, POD_THERE)))
    assert verbs(operations) == [("remove", other), ("add", MVX), ("write", FDB)]


def test_a_tunnel_that_is_down_or_has_another_mtu_is_set():
    for change, mac in (({"up": False}, ""), ({"mtu": 1500}, ""), ({"mac": "02:00:00:00:00:77"}, MVX.mac)):
        operations = comparison(state(*ENTRIES), found(*ENTRIES, links=(replace(MVX, **change), POD_THERE)))
        assert verbs(operations) == [("set", replace(MVX, mac=mac))]


def test_a_tunnel_that_merges_packets_is_told_not_to():
    merging = replace(found(*ENTRIES), merges=True)
    assert verbs(comparison(state(*ENTRIES), merging)) == [("merge nothing", MVX)]
    down = replace(found(*ENTRIES, links=(replace(MVX, up=False), POD_THERE)), merges=True)
    assert [verb for verb, _ in verbs(comparison(state(*ENTRIES), down))] == ["set", "merge nothing"]


def test_a_tunnel_that_is_made_anew_or_not_wanted_is_not_told_what_to_merge():
    other = replace(MVX, vxlan=Vxlan(5, 6677, "192.0.2.9"))
    anew = replace(found(links=(other, POD_THERE)), merges=True)
    assert verbs(comparison(state(), anew)) == [("remove", other), ("add", MVX)]
    assert verbs(comparison(state(links=()), replace(found(links=(MVX,)), merges=True))) == [("remove", MVX)]


def test_a_tunnel_that_nobody_wants_goes():
    assert verbs(comparison(state(links=()), found(FDB, links=(MVX,)))) == [("remove", MVX)]


def test_foreign_entries_go():
    foreign = (
        Route("10.9.0.0/16", kind="blackhole"),
        Address("lo", "10.9.9.9/32"),
        Neighbour("mvx", "10.9.0.1", "02:00:00:00:00:09"),
    )
    operations = comparison(state(*ENTRIES), found(*ENTRIES, *foreign, Address("lo", "127.0.0.1/8")))
    assert {(operation.verb, operation.subject) for operation in operations} == {("remove", entry) for entry in foreign}


def test_an_entry_with_other_content_is_written_over():
    other = replace(ROUTE, source="")
    assert verbs(comparison(state(*ENTRIES), found(GATEWAY, other, VIA, NEIGHBOUR, FDB))) == [("write", ROUTE)]


def test_pods_that_the_topology_does_not_know_are_left_alone():
    early = Link("mido2", kind="veth"), Route("10.1.0.6/32", link="mido2"), Neighbour("mido2", "10.1.0.6", "02:00:00:00:00:06")
    assert comparison(state(*ENTRIES), found(*ENTRIES, *early[1:], links=(MVX, POD_THERE, early[0]))) == []


def test_a_pod_whose_addresses_are_still_to_come_keeps_what_the_node_daemon_wrote():
    assert comparison(state(GATEWAY, FDB), found(GATEWAY, FDB, ROUTE, NEIGHBOUR)) == []


def test_a_step_waits_for_links_that_are_not_there():
    assert verbs(step(HostState(), state(GATEWAY, ROUTE, links=()), {"lo"})) == [("write", GATEWAY)]


def test_a_step_removes_what_has_no_successor():
    moved = replace(VIA, via="10.1.0.6")
    operations = step(state(VIA, NEIGHBOUR, links=()), state(moved, links=()), {"mido1"})
    assert operations == [Operation("write", moved), Operation("remove", NEIGHBOUR)]
