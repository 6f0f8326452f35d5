from midonet_kubernetes.model.midonet import (
    Bridge,
    Chain,
    Host,
    Ip4Mac,
    IpAddrGroup,
    MacPort,
    Port,
    PortGroup,
    Route,
    Router,
    Rule,
)
from midonet_kubernetes.simulate import Topology
from midonet_kubernetes.simulate.prefixes import address_of
from midonet_kubernetes.simulate.topology import is_exterior, is_interior, port_interface, port_mac


def port(id_, **fields):
    return Port(id=id_, **{"type": "Bridge", "device_id": "b"} | fields)


def test_rules_are_in_the_order_of_their_ranks():
    rules = [Rule(id=id_, chain_id="c", type="drop", rank=rank) for id_, rank in (("x", 2.5), ("y", -1), ("z", 2.25), ("a", 2.5))]
    assert [rule.id for rule in Topology(rules).rules_of("c")] == ["y", "z", "a", "x"]


def test_the_last_object_with_an_id_counts():
    topology = Topology([Bridge(id="b", name="old"), Bridge(id="b", name="new")])
    assert topology.find(Bridge, "b").name == "new"


def test_kinds_have_ids_of_their_own_and_unknown_kinds_do_no_harm():
    topology = Topology([Bridge(id="x"), Router(id="x"), Host(id="x"), Chain(id="x")])
    assert isinstance(topology.device_of(port("p", device_id="x")), Bridge)
    assert isinstance(topology.device_of(port("p", device_id="x", type="Router")), Router)
    assert topology.find(Port, "x") is None
    assert topology.find(Port, None) is None


def test_tables_and_groups_leave_out_what_cannot_be_read():
    topology = Topology([
        Ip4Mac(id="1", bridge_id="b", ip="10.0.0.1", mac="2:0:0:0:0:1"),
        Ip4Mac(id="2", bridge_id="b", ip="ten", mac="02:00:00:00:00:01"),
        Ip4Mac(id="3", bridge_id="b", ip="10.0.0.3", mac="zero"),
        MacPort(id="4", bridge_id="b", mac_addr="2:0:0:0:0:1", port_id="p"),
        MacPort(id="5", bridge_id="b", mac_addr="", port_id="p"),
        IpAddrGroup(id="g", addrs=["10.0.0.1", "10.0.0.0/8", "fd00::1"]),
        PortGroup(id="one", port_ids=["p"]),
        PortGroup(id="two", port_ids=["p", "q"]),
    ])  # fmt: skip
    assert topology.arp_entry("b", address_of("10.0.0.1")) == "02:00:00:00:00:01"
    assert topology.arp_entry("b", address_of("10.0.0.3")) is None
    assert topology.mac_entry("b", 0, "02:00:00:00:00:01") == "p"
    assert topology.members_of("g") == {address_of("10.0.0.1"), address_of("fd00::1")}
    assert topology.groups_of("p") == {"one", "two"}


def test_routes_by_a_port_belong_to_its_router():
    routes = [Route(id="a", type="Normal", next_hop_port="p"), Route(id="b", type="Reject", router_id="r")]
    topology = Topology([port("p", type="Router", device_id="r"), *routes])
    assert [route.id for route in topology.routes_of("r")] == ["a", "b"]


def test_loops_of_links_and_chains_are_allowed():
    jump = Rule(id="1", chain_id="c", type="jump", jump_chain_id="c")
    topology = Topology([port("p", peer_id="p"), Chain(id="c"), jump])
    assert topology.peer_of(topology.find(Port, "p")).id == "p"
    assert topology.fault_of_chain("c") is None
    assert topology.fault_of_chain("d") == "chain d does not exist"


def test_a_port_is_exterior_when_it_is_bound_completely():
    assert is_exterior(port("p", host_id="h", interface_name="i"))
    assert not is_exterior(port("p", host_id="h"))
    assert is_interior(port("p", peer_id="q"))


def test_a_ports_first_ipv4_address_counts():
    assert str(port_interface(port("p", port_subnet=["fd00::1/64", "10.0.0.1/24"]))) == "10.0.0.1/24"
    assert port_interface(port("p", port_subnet=["nothing"])) is None
    assert port_mac(port("p", port_mac="A:0:0:0:0:1")) == "0a:00:00:00:00:01"
    assert port_mac(port("p")) is None
