from __future__ import annotations

import asyncio
import socket

import pytest

from midonet_kubernetes.linux.kernel import Notice
from midonet_kubernetes.linux.nftables.difference import difference
from midonet_kubernetes.testing.virtual_time import turn
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route, Vxlan
from midonet_kubernetes.topology.rule_set import Chain, Field, Set, Table

MAC = "ac:ca:ba:00:00:01"
ROUTE = Route("10.244.1.5/32", link="mido0")
NEIGHBOUR = Neighbour("mido0", "10.244.1.5", MAC)
ADDRESS = Address("mido0", "10.244.1.1/32")
ENTRY = ForwardingEntry("mvx", MAC, "192.0.2.2")


@pytest.fixture
def watch(kernel, here):
    watch = kernel.watch_network(here)
    yield watch
    watch.close()


@pytest.fixture
def rule_watch(kernel, here):
    watch = kernel.watch_rule_sets(here)
    yield watch
    watch.close()


def of_kind(notices, *kinds):
    return [notice for notice in notices if notice.kind in kinds]


def test_nothing_happened_is_no_notice(watch, rule_watch):
    assert list(watch.read()) == []
    assert list(rule_watch.read()) == []


def test_links_are_told_by_name_when_they_come_and_go(routing, watch):
    routing.add_veth(Link("mido0", mac=MAC), Link("eth0"))
    assert {(notice.subject.name, notice.gone) for notice in watch.read()} == {("mido0", False), ("eth0", False)}
    routing.delete_link("mido0")
    assert {notice.subject.name for notice in watch.read() if notice.gone} == {"mido0", "eth0"}


def test_each_change_is_told_as_what_it_is(routing, watch):
    routing.add_veth(Link("mido0", mac=MAC), Link("eth0"))
    routing.add_vxlan(Link("mvx", vxlan=Vxlan(5, 6677, "192.0.2.1")))
    list(watch.read())
    routing.replace_address(ADDRESS)
    routing.replace_route(ROUTE)
    routing.replace_neighbour(NEIGHBOUR)
    routing.replace_forwarding(ENTRY)
    assert of_kind(watch.read(), "address", "route", "neighbour", "forwarding") == [
        Notice("address", ADDRESS),
        Notice("route", ROUTE),
        Notice("neighbour", NEIGHBOUR),
        Notice("forwarding", ENTRY),
    ]


def test_each_removal_is_told(routing, watch):
    routing.add_veth(Link("mido0", mac=MAC), Link("eth0"))
    routing.add_vxlan(Link("mvx", vxlan=Vxlan(5, 6677, "192.0.2.1")))
    routing.replace_address(ADDRESS)
    routing.replace_route(ROUTE)
    routing.replace_neighbour(NEIGHBOUR)
    routing.replace_forwarding(ENTRY)
    list(watch.read())
    routing.delete_forwarding(ENTRY)
    routing.delete_neighbour(NEIGHBOUR)
    routing.delete_route(ROUTE)
    routing.delete_address(ADDRESS)
    gone = [(notice.kind, notice.subject.link) for notice in watch.read() if notice.gone]
    assert gone == [("forwarding", "mvx"), ("neighbour", "mido0"), ("route", "mido0"), ("address", "mido0")]


def test_own_changes_are_left_out(kernel, here, routing, watch):
    watch.ignore(routing.port)
    routing.add_veth(Link("mido0", mac=MAC), Link("eth0"))
    routing.replace_address(ADDRESS)
    routing.replace_route(ROUTE)
    batch = routing.batch()
    batch.replace_neighbour(NEIGHBOUR)
    batch.send()
    assert of_kind(watch.read(), "address", "route", "neighbour") == []
    other = kernel.routing(here)
    other.delete_route(ROUTE)
    assert of_kind(watch.read(), "address", "route", "neighbour") == [Notice("route", ROUTE, gone=True)]
    other.close()


def test_merging_is_told_when_it_changes_to_the_one_who_changed_it_too(routing, watch):
    routing.add_vxlan(Link("mvx", vxlan=Vxlan(5, 6677, "192.0.2.1")))
    list(watch.read())
    watch.ignore(routing.port)
    routing.set_merging("mvx", merges=False)
    assert {(notice.kind, notice.subject.name, notice.gone) for notice in watch.read()} == {("link", "mvx", False)}
    routing.set_merging("mvx", merges=False)
    assert list(watch.read()) == []


def test_other_namespaces_are_not_heard(other_routing, watch):
    other_routing.set_link(Link("lo"))
    assert list(watch.read()) == []


def test_a_transaction_is_one_notice_even_when_it_is_large(rule_sets, rule_watch):
    many = Set("many", (Field.IP_DADDR,))
    elements = {(socket.inet_aton(f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}"),): None for i in range(20_000)}
    rule_sets.apply(difference(Table("t", "ip", (Chain("c"),), (many,), {"many": elements}), None).now)
    assert list(rule_watch.read()) == [Notice("rule set")]


def test_own_transactions_are_left_out(kernel, here, rule_sets, rule_watch):
    rule_watch.ignore(rule_sets.port)
    rule_sets.apply(difference(Table("t"), None).now)
    assert list(rule_watch.read()) == []
    other = kernel.rule_sets(here)
    other.apply(difference(Table("u"), None).now)
    assert list(rule_watch.read()) == [Notice("rule set")]
    other.close()


async def test_a_watch_wakes_an_event_loop_once(routing, watch):
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()
    loop.add_reader(watch.fileno(), woken.set)
    routing.set_link(Link("lo"))
    await asyncio.wait_for(woken.wait(), 5)
    list(watch.read())
    loop.remove_reader(watch.fileno())
    woken.clear()
    loop.add_reader(watch.fileno(), woken.set)
    await turn()
    loop.remove_reader(watch.fileno())
    assert not woken.is_set()
