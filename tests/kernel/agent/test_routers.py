"""Real packets between two hosts: through routers that are linked, and on a bridge that both hosts have ports of."""

import pytest

from midonet_kubernetes.model.names import interface_for, mac_for
from midonet_kubernetes.testing.cluster_topology import ROUTER, put
from midonet_kubernetes.topology.change import Change
from midonet_kubernetes.topology.host_network import Address, Neighbour, Route

pytestmark = pytest.mark.kernel

NO_SSH = [
    put("Chain", "no-6443"),
    put("Rule", "no-6443", chainId="no-6443", rank=1, type="reject", nwProto=6, tpDst={"start": 6443, "end": 6443}),
]


def behind_an_edge_router(node):
    """What of a node's objects changes when its bridge is at a router of its own, which is linked to the others'."""
    for change in node.objects():
        if change.object.get("routerId") == ROUTER or (change.kind == "Port" and change.object.get("deviceId") == ROUTER):
            key = "routerId" if change.kind == "Route" else "deviceId"
            yield Change(change.kind, change.id, change.object | {key: "edge"})


def link(filters):
    """The router ``edge``, and its link to the other one, through which each leads to what the other has."""
    yield put("Router", "edge", inboundFilterId=filters)
    near, far = "169.254.9.1", "169.254.9.2"
    ends = ((ROUTER, "up", "down", far, near, "10.244.2.0"), ("edge", "down", "up", near, far, "10.244.1.0"))
    for router, own, peer, address, other, network in ends:
        mac = f"02:00:00:00:09:0{address[-1]}"
        yield put("Port", own, type="Router", deviceId=router, peerId=peer, portSubnet=[f"{address}/30"], portMac=mac)
        where = {"dstNetworkAddr": network, "dstNetworkLength": 24, "nextHopPort": own, "nextHopGateway": other}
        yield put("Route", f"over-{own}", type="Normal", routerId=router, **where)


def test_pods_behind_linked_routers_reach_each_other(cluster):
    near, far = cluster.pod(1, 3), cluster.pod(2, 4)
    near.serve(6443, "near")
    far.serve(6443, "far")
    assert far.ask("10.244.1.3", 6443) == ("near", "10.244.2.4")
    cluster.apply([*NO_SSH, *behind_an_edge_router(cluster.hosts[1].node), *link("no-6443")])
    assert [host.agent.unsupported for host in cluster.hosts] == [[], []]
    assert near.ask("10.244.2.4", 8080) == ("p2-4", "10.244.1.3")
    assert far.ask("10.244.1.3", 8080) == ("p1-3", "10.244.2.4")
    with pytest.raises(OSError, match=r"prohibited|route|unreachable"):  # the far router's filter rejects it
        near.ask("10.244.2.4", 6443)
    assert cluster.pod(2, 3).ask("10.244.2.4", 6443) == ("far", "10.244.2.3")  # on the far bridge nothing is routed


def test_without_a_link_routers_do_not_share_what_they_lead_to(cluster):
    cluster.apply([put("Router", "edge"), *behind_an_edge_router(cluster.hosts[1].node)])
    assert cluster.pod(2, 3).ask("10.244.2.4", 8080) == ("p2-4", "10.244.2.3")
    with pytest.raises(OSError, match="unreachable"):
        cluster.pod(1, 3).ask("10.244.2.4", 8080)


def test_a_bridge_has_ports_on_two_hosts(cluster):
    moved, node = cluster.pod(2, 4), cluster.hosts[0].node
    moved.routing.replace_address(Address("eth0", "10.244.1.99/24"))
    moved.routing.delete_address(Address("eth0", "10.244.2.4/24"))
    moved.routing.replace_neighbour(Neighbour("eth0", node.gateway, node.router_mac))
    moved.routing.replace_route(Route("0.0.0.0/0", link="eth0", via=node.gateway))
    mac, interface = mac_for("n2/p4"), interface_for("n2/p4")
    gone = [change for change in cluster.hosts[1].node.pod(4) if change.kind in {"MacPort", "Ip4Mac"}]
    cluster.apply([
        *(Change(change.kind, change.id, None) for change in gone),
        put("Port", "p2-4", type="Bridge", deviceId="n1", hostId="h2", interfaceName=interface),
        put("MacPort", f"n1/0/{mac}/p2-4", bridgeId="n1", macAddr=mac, portId="p2-4"),
        put("Ip4Mac", f"n1/10.244.1.99/{mac}", bridgeId="n1", ip="10.244.1.99", mac=mac),
    ])  # fmt: skip
    assert [host.agent.unsupported for host in cluster.hosts] == [[], []]
    for asking, source in (((1, 3), "10.244.1.3"), ((2, 3), "10.244.2.3")):
        assert cluster.pod(*asking).ask("10.244.1.99", 8080) == ("p2-4", source)
    for last, name in ((3, "p1-3"), (4, "p1-4")):
        assert moved.ask(f"10.244.1.{last}", 8080) == (name, "10.244.1.99")
    assert moved.ask("10.244.2.3", 8080) == ("p2-3", "10.244.1.99")
