from __future__ import annotations

import socket
import time
from collections import Counter as Counts

import pytest

from midonet_kubernetes.linux.kernel import Flow
from midonet_kubernetes.linux.nftables.difference import difference
from midonet_kubernetes.topology.host_network import Address, Link, Neighbour, Route
from midonet_kubernetes.topology.rule_set import (
    Chain,
    Compare,
    Data,
    Field,
    Hook,
    InSet,
    MarkRandom,
    NatByMap,
    Reject,
    Rule,
    Set,
    Table,
    Verdict,
    VerdictMap,
)

pytestmark = pytest.mark.kernel

ip = socket.inet_aton
GATEWAY, ROUTER_MAC = "10.244.1.1", "ac:ca:ba:00:00:01"
VIP, PORT = "10.96.0.10", 53
TCP, UDP = b"\6", b"\x11"
FRONTEND = (Field.IP_DADDR, Field.L4PROTO, Field.TH_DPORT)
SERVICES = Set("services", FRONTEND, Data.VERDICT)
ENDPOINTS = Set("eps", (*FRONTEND, Field.MARK), Data.ADDRESS_AND_PORT)
PORTS = Set("ports", (Field.IIFNAME,), Data.VERDICT)
BLOCKED = Set("blocked", (Field.IP_SADDR,), intervals=True)
PREROUTING, NAT = Hook("filter", "prerouting", -160), Hook("nat", "prerouting", -100)


class Router:
    """A namespace that routes between pods, as a node's does."""

    def __init__(self, kernel, unnamed):
        self._kernel, self._unnamed = kernel, unnamed
        self.namespace = unnamed()
        self.namespace.write_sysctl("net.ipv4.ip_forward", "1")
        self.namespace.write_sysctl("net.ipv4.conf.default.proxy_arp", "1")
        self.routing = kernel.routing(self.namespace)
        self.routing.set_link(Link("lo"))
        self.routing.replace_address(Address("lo", f"{GATEWAY}/32"))
        self.rule_sets = kernel.rule_sets(self.namespace)
        self.conntrack = kernel.conntrack(self.namespace)

    def pod(self, number):
        """A pod with address 10.244.1.<number> behind the link pod<number>."""
        pod, link = self._unnamed(), f"pod{number}"
        address, mac = f"10.244.1.{number}", f"ac:ca:ba:00:01:{number:02x}"
        self.routing.add_veth(Link(link, mac=ROUTER_MAC), Link("eth0", mac=mac), pod)
        self.routing.set_proxy_delay(link, 0)
        batch = self.routing.batch()
        batch.replace_route(Route(f"{address}/32", link=link, source=GATEWAY))
        batch.replace_neighbour(Neighbour(link, address, mac))
        assert batch.send() == []
        inside = self._kernel.routing(pod)
        inside.set_link(Link("eth0"))
        inside.replace_address(Address("eth0", f"{address}/24"))
        inside.replace_route(Route("0.0.0.0/0", link="eth0", via=GATEWAY))
        while not (inside.link("eth0").running and self.routing.link(link).running):
            pass  # what is sent before is lost, and an ARP request is repeated only a second later
        inside.close()
        return pod

    def program(self, table):
        self.rule_sets.apply(difference(table, self.rule_sets.dump(table.name)).now)


@pytest.fixture
def router(kernel, unnamed):
    router = Router(kernel, unnamed)
    yield router
    router.routing.close()
    router.rule_sets.close()
    router.conntrack.close()


@pytest.fixture
def opened():
    sockets = []

    def opened(namespace, kind, address=None):
        with namespace.entered():
            sockets.append(socket.socket(socket.AF_INET, kind))
        sockets[-1].settimeout(3)
        if address:
            sockets[-1].bind(address)
        return sockets[-1]

    yield opened
    for each in sockets:
        each.close()


def service(*endpoints, extra=(), extra_sets=(), extra_elements=None):
    """A table with one service over UDP and TCP."""
    count = max(len(endpoints), 1)
    balance = Chain(f"lb_{count}", (Rule((MarkRandom(count),)), Rule((NatByMap(ENDPOINTS.key, "eps"),))))
    base = Chain("dnat", (Rule((VerdictMap(FRONTEND, "services"),)),), NAT)
    frontends = [(ip(VIP), protocol, PORT.to_bytes(2, "big")) for protocol in (TCP, UDP)]
    elements = {
        "services": {frontend: Verdict("goto", balance.name) for frontend in frontends if endpoints},
        "eps": {
            (*frontend, bytes((0, 0, 0, slot))): ip(f"10.244.1.{number}") + (9000).to_bytes(2, "big")
            for frontend in frontends
            for slot, number in enumerate(endpoints)
        },
    }
    return Table(
        "midonet", "ip", (balance, *extra, base), (SERVICES, ENDPOINTS, *extra_sets), {**elements, **(extra_elements or {})}
    )


def answer(server):
    """Answer one packet; the address of its sender."""
    _, client = server.recvfrom(100)
    server.sendto(str(server.getsockname()[0]).encode(), client)
    return client[0]


def test_packets_are_routed_between_pods_and_keep_their_source(router, opened):
    one, other = router.pod(5), router.pod(6)
    server = opened(other, socket.SOCK_DGRAM, ("10.244.1.6", 9000))
    client = opened(one, socket.SOCK_DGRAM)
    client.sendto(b"?", ("10.244.1.6", 9000))
    assert answer(server) == "10.244.1.5"
    assert client.recv(100) == b"10.244.1.6"


def test_connections_are_spread_over_the_endpoints_of_a_map(router, opened):
    client_pod = router.pod(5)
    servers = [opened(router.pod(number), socket.SOCK_STREAM, (f"10.244.1.{number}", 9000)) for number in (6, 7, 8)]
    for server in servers:
        server.listen(200)
    router.program(service(6, 7, 8))
    seen = Counts()
    for _ in range(150):
        client = opened(client_pod, socket.SOCK_STREAM)
        client.connect((VIP, PORT))
        assert client.getpeername() == (VIP, PORT)
        client.close()
    for server in servers:
        server.setblocking(False)
        try:
            while True:
                connection, peer = server.accept()
                connection.close()
                assert peer[0] == "10.244.1.5"
                seen[server.getsockname()[0]] += 1
        except BlockingIOError:
            pass
    assert seen.total() == 150
    assert min(seen.values()) > 20
    assert len(seen) == 3


def test_a_client_moves_to_another_endpoint_only_when_its_flow_is_forgotten(router, opened):
    client = opened(router.pod(5), socket.SOCK_DGRAM)
    old = opened(router.pod(6), socket.SOCK_DGRAM, ("10.244.1.6", 9000))
    new = opened(router.pod(7), socket.SOCK_DGRAM, ("10.244.1.7", 9000))
    router.program(service(6))

    def ask(server):
        client.sendto(b"?", (VIP, PORT))
        answer(server)
        return client.recvfrom(100)

    assert ask(old) == (b"10.244.1.6", (VIP, PORT))
    router.program(service(7))
    assert ask(old) == (b"10.244.1.6", (VIP, PORT))
    assert router.conntrack.usage().entries == 1
    assert router.conntrack.forget([Flow(VIP, PORT, "10.244.1.7", 9000)]) == 0
    assert router.conntrack.forget([Flow(VIP, PORT, "10.244.1.6", 9000)]) == 1
    assert ask(new) == (b"10.244.1.7", (VIP, PORT))


def test_many_flows_are_forgotten_at_once(router, opened):
    pod = router.pod(5)
    server = opened(router.pod(6), socket.SOCK_DGRAM, ("10.244.1.6", 9000))
    router.program(service(6))
    for port in range(20000, 20500):
        client = opened(pod, socket.SOCK_DGRAM, ("10.244.1.5", port))
        client.sendto(b"?", (VIP, PORT))
        answer(server)
        client.close()
    others = [Flow(f"10.96.1.{i}", PORT, "10.244.1.6", 9000) for i in range(20)]
    assert router.conntrack.usage().entries == 500
    assert router.conntrack.forget(others) == 0
    assert router.conntrack.forget([*others, Flow(VIP, PORT, "10.244.1.6", 9000)]) == 500
    assert router.conntrack.usage().entries == 0


def test_a_service_without_endpoints_is_refused_at_once(router, opened):
    reject = Chain("reject", (Rule((Compare(Field.L4PROTO, TCP), Reject(tcp_reset=True))), Rule((Reject(),))))
    unserved = Rule((Compare(Field.IP_DADDR, ip("10.96.0.0"), ip("255.255.0.0")), Verdict("goto", "reject")))
    router.program(service(extra=(reject, Chain("unserved", (unserved,), Hook("filter", "prerouting", -90)))))
    client = opened(router.pod(5), socket.SOCK_STREAM)
    began = time.monotonic()
    with pytest.raises(ConnectionRefusedError):
        client.connect((VIP, PORT))
    datagrams = opened(router.pod(6), socket.SOCK_DGRAM)
    datagrams.connect((VIP, PORT))
    datagrams.send(b"?")
    with pytest.raises(ConnectionRefusedError):
        datagrams.recv(1)
    assert time.monotonic() - began < 1


def test_a_port_filter_drops_by_interval_and_only_on_its_port(router, opened):
    pods = {number: router.pod(number) for number in (5, 6, 7)}
    server = opened(pods[7], socket.SOCK_DGRAM, ("10.244.1.7", 9000))
    server.settimeout(0.3)
    filtered = Chain("filtered", (Rule((InSet((Field.IP_SADDR,), "blocked"), Verdict("drop"))),))
    entry = Chain("port_in", (Rule((VerdictMap((Field.IIFNAME,), "ports"),)),), PREROUTING)
    elements = {"ports": {(b"pod5",): Verdict("jump", "filtered")}, "blocked": {(ip("10.244.1.4"), ip("10.244.1.6")): None}}
    router.program(Table("midonet", "ip", (filtered, entry), (PORTS, BLOCKED), elements))

    def passes(number):
        opened(pods[number], socket.SOCK_DGRAM).sendto(b"?", ("10.244.1.7", 9000))
        try:
            return server.recvfrom(100)[1][0] == f"10.244.1.{number}"
        except TimeoutError:
            return False

    assert not passes(5)
    assert passes(6)  # in the interval, but its port has no filter
    elements["blocked"] = {(ip("10.244.1.0"), ip("10.244.1.4")): None, (ip("10.244.1.6"), ip("10.244.1.6")): None}
    router.program(Table("midonet", "ip", (filtered, entry), (PORTS, BLOCKED), elements))
    assert passes(5)


def test_replies_are_told_from_what_a_pod_begins(router, opened):
    inside, outside = router.pod(5), router.pod(6)
    default_deny = Rule((Compare(Field.OIFNAME, b"pod5"), Compare(Field.CT_DIRECTION, b"\0"), Verdict("drop")))
    router.program(Table("midonet", "ip", (Chain("out", (default_deny,), Hook("filter", "postrouting", 50)),)))
    server = opened(outside, socket.SOCK_DGRAM, ("10.244.1.6", 9000))
    client = opened(inside, socket.SOCK_DGRAM, ("10.244.1.5", 9000))
    server.sendto(b"!", ("10.244.1.5", 9000))
    client.settimeout(0.3)
    with pytest.raises(TimeoutError):
        client.recv(1)
    client.sendto(b"?", ("10.244.1.6", 9000))
    assert answer(server) == "10.244.1.5"
    assert client.recv(100) == b"10.244.1.6"
