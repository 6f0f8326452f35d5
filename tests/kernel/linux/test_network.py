from __future__ import annotations

import errno

import pytest

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Notice
from midonet_kubernetes.linux.probe import probe
from midonet_kubernetes.topology.host_network import Link, Route

pytestmark = pytest.mark.kernel


def test_this_machine_has_all_that_is_probed(unnamed):
    unnamed()
    assert [finding for finding in probe() if not finding.works] == []


def test_a_refusal_carries_the_kernels_own_words(kernel, unnamed):
    routing = kernel.routing(unnamed())
    with pytest.raises(KernelError) as refused:
        routing.replace_route(Route("10.5.0.0/16", via="10.9.9.9"))
    assert refused.value.code == errno.ENETUNREACH
    assert refused.value.detail == "Nexthop has invalid gateway"
    routing.close()


def test_lost_notices_are_told(kernel, unnamed):
    namespace = unnamed()
    watch, routing = kernel.watch_network(namespace), kernel.routing(namespace)
    routing.add_veth(Link("a"), Link("b"))
    batch = routing.batch()
    for i in range(20_000):
        batch.replace_route(Route(f"10.{i >> 8}.{i & 255}.0/24", link="a"))
    assert batch.send() == []
    assert Notice("everything") in watch.read()
    batch.replace_route(Route("10.99.0.0/16", link="a"))
    batch.send()
    assert watch.read() == [Notice("route", Route("10.99.0.0/16", link="a"))]
    watch.close()
    routing.close()


def test_a_pair_runs_when_both_ends_are_up(kernel, unnamed):
    here, there = unnamed(), unnamed()
    watch = kernel.watch_network(here)
    one, other = kernel.routing(here), kernel.routing(there)
    one.add_veth(Link("a"), Link("b"), there)
    other.set_link(Link("b"))
    running = one.link("a").running
    while not running:  # the kernel tells it a moment later
        running = any(notice.subject.running for notice in watch.read())
    for each in (watch, one, other):
        each.close()
