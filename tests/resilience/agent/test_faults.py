import os
import shutil
import signal
import subprocess
import threading

import pytest
from full_conntrack import full
from programs import PROGRAM, eventually, kubernetes_service
from traffic import KERNEL, VIP, is_right, right_again, somebody_inside, uncut

from midonet_kubernetes.linux.nftables.transaction import AddChain, DeleteElements, DeleteTable, FlushChain, Transaction
from midonet_kubernetes.linux.system_calls import bind_mount, unmount
from midonet_kubernetes.model.names import interface_for
from midonet_kubernetes.topology.host_network import Address, Link, Neighbour, Route
from midonet_kubernetes.topology.rule_set import Chain

pytestmark = [pytest.mark.kernel, pytest.mark.slow]

NFT = shutil.which("nft")
FROZEN_SECONDS = float(os.environ.get("AGENT_FROZEN_SECONDS", "3"))  # the claim is about 60
FLUSHED_SECONDS = 0.3  # enough for all connections to send something


def agent_killed(world):
    world.agents[0].kill()
    world.agents[0].start()


def agent_frozen(world):
    world.agents[0].process.send_signal(signal.SIGSTOP)
    for number in range(20):
        world.api.push(kubernetes_service(f"late{number}", f"10.96.1.{number + 1}", 80, ["10.244.2.4"]))
    chain_added(world)
    assert not threading.Event().wait(FROZEN_SECONDS)
    world.agents[0].process.send_signal(signal.SIGCONT)


def conntrack_full(world):
    one = world.cluster.hosts[0]
    with full(one.datapath_namespace):
        with pytest.raises(OSError, match="timed out"):
            one.pods[4].ask(VIP, 80)
        world.api.push(kubernetes_service("late", "10.96.0.11", 80, ["10.244.2.4"]))
        world.settle()
        table_deleted(world)


def server_killed(world):
    world.server.kill()
    world.server.start()
    eventually(world.api.version)


def table_deleted(world):
    with somebody_inside(world) as (_, rule_sets):
        rule_sets.apply(Transaction("midonet", operations=(DeleteTable(),)))


def chain_added(world):
    with somebody_inside(world) as (_, rule_sets):
        rule_sets.apply(Transaction("midonet", operations=(AddChain(Chain("strange")),)))


def everything_flushed(world):
    if not NFT:
        pytest.skip("nft is not installed")
    world.agents[0].process.send_signal(signal.SIGSTOP)
    with world.cluster.hosts[0].datapath_namespace.entered():
        subprocess.run([NFT, "flush", "ruleset"], check=True)
    assert not threading.Event().wait(FLUSHED_SECONDS)
    world.agents[0].process.send_signal(signal.SIGCONT)


def chains_flushed(world):
    with somebody_inside(world) as (_, rule_sets):
        chains = rule_sets.dump("midonet").chains
        rule_sets.apply(Transaction("midonet", operations=tuple(FlushChain(name) for name in chains)))


def elements_deleted(world):
    with somebody_inside(world) as (_, rule_sets):
        table = rule_sets.dump("midonet")
        deletions = [DeleteElements(table.sets[name], tuple(held)) for name, held in table.elements.items() if held]
        rule_sets.apply(Transaction("midonet", operations=tuple(deletions)))


def tunnel_deleted(world):
    with somebody_inside(world) as (routing, _):
        routing.delete_link("mvx")


def tunnel_down(world):
    with somebody_inside(world) as (routing, _):
        routing.set_link(Link("mvx", up=False))


def tunnel_merges(world):
    with somebody_inside(world) as (routing, _):
        routing.set_merging("mvx", merges=True)


def port_down(world):
    with somebody_inside(world) as (routing, _):
        routing.set_link(Link(interface_for("n1/p3"), up=False))


def entries_changed(world):
    with somebody_inside(world) as (routing, _):
        routing.delete_route(Route("10.244.2.0/24", link="mvx", via="10.244.2.1", source="10.244.1.1", onlink=True))
        routing.replace_route(Route("10.99.0.0/16", kind="blackhole"))
        routing.delete_address(Address("lo", "10.244.1.1/32"))
        routing.replace_neighbour(Neighbour("mvx", "10.244.2.1", "02:00:00:00:00:01"))


def namespace_unmounted(world):
    KERNEL.remove_namespace(world.path(world.cluster.hosts[0]))


FAULTS = [
    agent_killed,
    agent_frozen,
    conntrack_full,
    server_killed,
    table_deleted,
    chain_added,
    everything_flushed,
    chains_flushed,
    elements_deleted,
    tunnel_deleted,
    tunnel_down,
    tunnel_merges,
    port_down,
    entries_changed,
    namespace_unmounted,
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_a_fault_cuts_no_connection_and_is_put_right(world, fault):
    world.api.push(kubernetes_service("web", VIP, 80, ["10.244.1.4", "10.244.2.4"]))
    world.settle()
    with uncut(world):
        fault(world)
        right_again(world)


def test_an_agent_whose_namespace_was_replaced_says_so_and_ends(world):
    one = world.cluster.hosts[0]
    path, agent = world.path(one), world.agents[0]
    bind_mount(f"/proc/self/fd/{one.own.namespace.fileno()}", path)
    try:
        assert agent.process.wait(10) == 1
        assert "another network namespace" in agent.log.read_text()
    finally:
        unmount(path)
        agent.start()
    eventually(lambda: is_right(world), 20)


def test_nothing_but_ports_is_left_after_removal(world):
    one = world.cluster.hosts[0]
    agent = world.agents[0]
    assert agent.kill(signal.SIGTERM) == 0
    with one.own.namespace.entered():
        done = subprocess.run([*PROGRAM, "agent", "--remove", "--namespace", world.path(one)], check=True)
    assert done.returncode == 0
    with somebody_inside(world) as (routing, rule_sets):
        assert rule_sets.tables() == []
        assert routing.link("mvx") is None
    agent.start()
    eventually(lambda: is_right(world), 20)  # a whole start, and on a busy machine
