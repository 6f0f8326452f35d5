import asyncio
import contextlib

import pytest

from midonet_kubernetes.linux.kernel import Notice
from midonet_kubernetes.linux.twin.kernel import TwinKernel
from midonet_kubernetes.node.changes import Changes, matters
from midonet_kubernetes.testing.virtual_time import turn
from midonet_kubernetes.topology.host_network import Address, Link, Neighbour, Route


@pytest.mark.parametrize(
    ("notice", "expected"),
    [
        (Notice("everything"), True),
        (Notice("rule set"), False),
        (Notice("link", Link("mido12345678901"), gone=True), True),
        (Notice("link", Link("midokube-node", up=False)), True),
        (Notice("link", Link("mido12345678901")), False),
        (Notice("link", Link("eth0"), gone=True), False),
        (Notice("route", Route("10.0.0.0/8", link="midokube-node"), gone=True), True),
        (Notice("route", Route("10.0.0.0/8", link="midokube-node")), False),
        (Notice("route", Route("10.0.0.0/8", kind="blackhole"), gone=True), False),
        (Notice("address", Address("midokube-node", "10.1.0.2/32"), gone=True), True),
        (Notice("neighbour", Neighbour("mido12345678901", "10.1.0.3", "m"), gone=True), True),
        (Notice("neighbour", Neighbour("eth0", "10.1.0.3", "m"), gone=True), False),
    ],
)
def test_only_losses_of_ours_matter(notice, expected):
    assert matters(notice) is expected


async def test_word_comes_from_every_followed_namespace_and_no_other():
    kernel, told = TwinKernel(), asyncio.Event()
    namespaces = [kernel.create_namespace(f"/{name}") for name in ("a", "b")]
    changes = Changes(kernel, told.set)
    with contextlib.ExitStack() as closing:
        sockets = [closing.enter_context(contextlib.closing(kernel.routing(namespace))) for namespace in namespaces]
        for namespace in namespaces:
            closing.enter_context(contextlib.closing(namespace))
        changes.follow(namespaces)
        for routing in sockets:
            routing.add_bridge(Link("midokube-node"))
            routing.delete_link("midokube-node")
            await asyncio.wait_for(told.wait(), 5)
            told.clear()
        changes.follow(namespaces[:1])
        sockets[1].add_bridge(Link("midokube-node"))
        sockets[1].delete_link("midokube-node")
        await turn()
        assert not told.is_set()
        changes.close()
    for name in ("a", "b"):
        kernel.remove_namespace(f"/{name}")
