import contextlib

import pytest

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.twin.kernel import TwinKernel
from midonet_kubernetes.node.wiring import Wire, Wiring
from midonet_kubernetes.topology.host_network import Address, Link, Neighbour, Route

MAC, ROUTER_MAC, OTHER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03"
WIRE = Wire(
    link="mido0123456789a",
    router_mac=ROUTER_MAC,
    inner="eth0",
    mac=MAC,
    mtu=1450,
    address="10.1.0.3",
    length=32,
    gateway="10.1.0.1",
)
OUTSIDE = {
    "its link is deleted": (lambda r: r.delete_link(WIRE.link), "the link mido0123456789a of the virtual network is missing"),
    "its link is set down": (lambda r: r.set_link(Link(WIRE.link, up=False)), "mido0123456789a is down"),
    "its link gets another MAC": (
        lambda r: r.set_link(Link(WIRE.link, mac=OTHER_MAC)),
        f"mido0123456789a has MAC {OTHER_MAC} instead of {ROUTER_MAC}",
    ),
    "its link gets a larger MTU": (
        lambda r: r.set_link(Link(WIRE.link, mtu=9000)),
        "mido0123456789a has MTU 9000 instead of 1450",
    ),
    "its route is deleted": (
        lambda r: r.delete_route(Route("10.1.0.3/32", link=WIRE.link)),
        "the route to 10.1.0.3 through mido0123456789a is missing",
    ),
    "its neighbour is deleted": (
        lambda r: r.delete_neighbour(Neighbour(WIRE.link, "10.1.0.3", MAC)),
        f"the neighbour 10.1.0.3 of mido0123456789a is missing or has another MAC than {MAC}",
    ),
    "its neighbour gets another MAC": (
        lambda r: r.replace_neighbour(Neighbour(WIRE.link, "10.1.0.3", OTHER_MAC)),
        f"the neighbour 10.1.0.3 of mido0123456789a is missing or has another MAC than {MAC}",
    ),
}
INSIDE = {
    "the pod sets its interface down": (lambda r: r.set_link(Link("eth0", up=False)), "eth0 is down"),
    "the pod gives itself a MAC": (
        lambda r: r.set_link(Link("eth0", mac=OTHER_MAC)),
        f"eth0 has MAC {OTHER_MAC} instead of {MAC}",
    ),
    "the pod raises its MTU": (lambda r: r.set_link(Link("eth0", mtu=9000)), "eth0 has MTU 9000 instead of 1450"),
    "the pod drops its address": (
        lambda r: r.delete_address(Address("eth0", "10.1.0.3/32")),
        "eth0 has lost its address 10.1.0.3",
    ),
    "the pod drops its route": (
        lambda r: r.delete_route(Route("0.0.0.0/0", link="eth0", via="10.1.0.1", onlink=True)),
        "the container has no default route",
    ),
    "the pod drops its neighbour": (
        lambda r: r.delete_neighbour(Neighbour("eth0", "10.1.0.1", ROUTER_MAC)),
        f"the neighbour 10.1.0.1 of eth0 is missing or has another MAC than {ROUTER_MAC}",
    ),
}


class Bench:
    """A wire between two namespaces of a kernel in memory."""

    def __init__(self):
        self.kernel = TwinKernel()
        self.outer, self.pod = self.kernel.create_namespace("/outer"), self.kernel.create_namespace("/pod")
        self.outside, self.inside = self.kernel.routing(self.outer), self.kernel.routing(self.pod)
        self.wiring = Wiring(self.kernel, self.outer, routed=True)
        self.wiring.connect(WIRE, self.pod)

    def differences(self):
        return self.wiring.differences(WIRE, self.wiring.survey(), self.pod)

    def close(self):
        for opened in (self.wiring, self.outside, self.inside, self.outer, self.pod):
            opened.close()
        for path in ("/outer", "/pod"):
            self.kernel.remove_namespace(path)


@pytest.fixture
def bench():
    with contextlib.closing(Bench()) as made:
        yield made


def test_a_wire_is_as_it_should_be_when_it_is_made(bench):
    assert bench.differences() == []


@pytest.mark.parametrize("harm", OUTSIDE)
def test_what_is_different_outside_is_named(bench, harm):
    do, words = OUTSIDE[harm]
    do(bench.outside)
    assert bench.differences()[0] == words


@pytest.mark.parametrize("harm", INSIDE)
def test_what_is_different_inside_is_named(bench, harm):
    do, words = INSIDE[harm]
    do(bench.inside)
    assert bench.differences()[0] == words


@pytest.mark.parametrize("harm", [*OUTSIDE, *INSIDE])
def test_everything_but_a_lost_link_can_be_put_right(bench, harm):
    do, _ = {**OUTSIDE, **INSIDE}[harm]
    do(bench.outside if harm in OUTSIDE else bench.inside)
    if harm == "its link is deleted":
        with pytest.raises(KernelError):
            bench.wiring.repair(WIRE, bench.pod)
    else:
        bench.wiring.repair(WIRE, bench.pod)
        assert bench.differences() == []


def test_a_removal_takes_away_the_wire_that_there_was_and_no_later_one(bench):
    first, late = bench.wiring.removal(WIRE.link), bench.wiring.removal(WIRE.link)
    first()
    assert (bench.outside.link(WIRE.link), bench.inside.link("eth0")) == (None, None)
    assert bench.wiring.removal(WIRE.link) is None
    bench.wiring.connect(WIRE, bench.pod)
    late()
    assert bench.differences() == []


def test_an_mtu_that_a_chained_plugin_has_lowered_is_fine(bench):
    bench.inside.set_link(Link("eth0", mtu=1400))
    assert bench.differences() == []


def test_what_is_refused_while_a_wire_is_made_leaves_nothing_of_it(bench):
    bench.wiring.disconnect(WIRE.link)
    before = bench.outside.links(), bench.inside.links()
    with pytest.raises(KernelError):
        bench.wiring.connect(Wire(**{**{field: getattr(WIRE, field) for field in WIRE.__slots__}, "inner": "x" * 16}), bench.pod)
    assert (bench.outside.links(), bench.inside.links()) == before
