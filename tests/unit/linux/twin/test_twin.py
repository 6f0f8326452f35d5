from __future__ import annotations

import errno
import gc
import socket
from pathlib import Path

import pytest

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Flow, Usage
from midonet_kubernetes.linux.nftables.transaction import AddChain, AddRule, AddSet, AddTable, Transaction
from midonet_kubernetes.linux.twin.kernel import TwinKernel
from midonet_kubernetes.topology.host_network import Link
from midonet_kubernetes.topology.rule_set import Chain, Field, InSet, Rule, Set

DNS = Flow("10.96.0.10", 53, "10.1.0.5", 53)


def test_two_twins_are_two_machines():
    one, other = TwinKernel(), TwinKernel()
    one.create_namespace("/run/netns/a").close()
    assert other.namespaces("/run/netns") == []


def test_a_namespace_that_nobody_holds_takes_its_links_along():
    kernel = TwinKernel()
    home = kernel.routing(kernel.own_namespace())
    pod = kernel.create_namespace("/run/netns/pod")
    home.add_veth(Link("mido0"), Link("eth0"), pod)
    kernel.remove_namespace("/run/netns/pod")
    assert home.link("mido0") is not None
    pod.close()
    assert home.link("mido0") is None


def test_an_open_socket_holds_its_namespace():
    kernel = TwinKernel()
    home = kernel.routing(kernel.own_namespace())
    pod = kernel.create_namespace("/run/netns/pod")
    inside = kernel.routing(pod)
    home.add_veth(Link("mido0"), Link("eth0"), pod)
    kernel.remove_namespace("/run/netns/pod")
    pod.close()
    assert home.link("mido0") is not None
    inside.close()
    inside.close()
    assert home.link("mido0") is None


def test_a_namespace_can_be_sent_over_a_socket():
    kernel = TwinKernel()
    pod = kernel.create_namespace("/run/netns/pod")
    here, there = socket.socketpair()
    socket.send_fds(here, [b"x"], [pod.fileno()])
    _, descriptors, _, _ = socket.recv_fds(there, 1, 1)
    received = kernel.adopt_namespace(descriptors[0])
    assert received.identity == pod.identity
    received.close()
    here.close()
    there.close()


def test_a_twin_leaves_no_descriptors():
    gc.collect()
    before = len(list(Path("/proc/self/fd").iterdir()))
    kernel = TwinKernel()
    for name in "abc":
        kernel.create_namespace(f"/run/netns/{name}").close()
    kernel.remove_namespace("/run/netns/a")
    del kernel
    gc.collect()
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_tracked_flows_are_counted_and_forgotten():
    kernel = TwinKernel()
    namespace = kernel.own_namespace()
    kernel.track(namespace, DNS, 3)
    kernel.track(namespace, Flow("10.96.0.10", 53, "10.1.0.6", 53))
    conntrack = kernel.conntrack(namespace)
    assert conntrack.usage() == Usage(4, 262144)
    assert conntrack.forget([DNS, DNS]) == 3
    assert conntrack.usage().entries == 1
    namespace.close()


def test_the_twin_refuses_a_look_up_of_another_length_though_the_kernel_does_not():
    kernel = TwinKernel()
    rule_sets = kernel.rule_sets(kernel.own_namespace())
    look_up = Rule((InSet((Field.IP_SADDR, Field.L4PROTO), "s"),))
    operations = AddTable(), AddChain(Chain("c")), AddSet(Set("s", (Field.IP_SADDR,))), AddRule("c", look_up)
    with pytest.raises(KernelError) as refused:
        rule_sets.apply(Transaction("t", "ip", operations))
    assert refused.value.code == errno.EINVAL


def test_a_namespace_of_another_kernel_is_refused():
    with pytest.raises(TypeError):
        TwinKernel().routing(object())
