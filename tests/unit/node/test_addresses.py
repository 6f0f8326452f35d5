import ipaddress

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.node.addresses import REST, Exhausted, Pool, Subnet


@pytest.mark.parametrize(
    ("pod_cidr", "gateway", "node", "length", "capacity"),
    [
        ("10.1.2.0/24", "10.1.2.1", "10.1.2.2", 24, 252),
        ("10.3.0.77/24", "10.3.0.78", "10.3.0.79", 24, 252),
        ("10.1.2.4/30", "10.1.2.5", "10.1.2.6", 30, 0),
        ("10.1.2.0/29", "10.1.2.1", "10.1.2.2", 29, 4),
        ("10.0.0.0/16", "10.0.0.1", "10.0.0.2", 16, 65532),
    ],
)
def test_the_first_addresses_are_the_gateways_and_the_nodes(pod_cidr, gateway, node, length, capacity):
    subnet = Subnet.parse(pod_cidr)
    assert (subnet.gateway, subnet.node, subnet.length, subnet.capacity) == (gateway, node, length, capacity)


@pytest.mark.parametrize("pod_cidr", ["", "10.1.2.0", "10.1.2.0/31", "10.1.2.0/33", "fd00::/64", "10.1.2.254/24", "nonsense"])
def test_a_pod_cidr_without_room_is_the_users_fault(pod_cidr):
    with pytest.raises(UserError, match="podCIDR"):
        Subnet.parse(pod_cidr)


def small_pool():
    return Pool(Subnet.parse("10.1.2.0/29"))  # .3 to .6


def test_addresses_are_given_in_order_and_none_twice():
    pool = small_pool()
    assert [pool.give(0) for _ in range(4)] == ["10.1.2.3", "10.1.2.4", "10.1.2.5", "10.1.2.6"]
    with pytest.raises(Exhausted, match="all 4 addresses"):
        pool.give(0)


def test_an_address_that_was_released_comes_back_last():
    pool = small_pool()
    first = pool.give(0)
    pool.release(first, 0)
    assert [pool.give(0) for _ in range(3)] == ["10.1.2.4", "10.1.2.5", "10.1.2.6"]


def test_a_resting_address_is_not_given_while_there_is_another():
    pool = small_pool()
    given = [pool.give(0) for _ in range(4)]
    pool.release(given[1], 10)
    pool.release(given[0], 20)
    pool.release(given[2], 10 + REST)
    assert pool.give(10 + REST) == given[1]  # has rested long enough; given[0] has not


def test_without_another_the_one_that_rested_longest_is_given():
    pool = small_pool()
    given = [pool.give(0) for _ in range(4)]
    pool.release(given[2], 1)
    pool.release(given[0], 2)
    assert [pool.give(3), pool.give(3)] == [given[2], given[0]]


def test_addresses_of_an_earlier_pod_cidr_are_held_but_not_given():
    pool = small_pool()
    pool.hold("10.9.9.9")
    pool.release("10.9.9.9", 0)
    assert pool.free() == 4
    assert "10.9.9.9" not in {pool.give(REST * 2) for _ in range(4)}


def test_the_gateway_inside_of_a_pod_cidr_with_host_bits_is_not_given():
    pool = Pool(Subnet.parse("10.3.0.4/29"))
    assert [pool.give(0) for _ in range(4)] == ["10.3.0.1", "10.3.0.2", "10.3.0.3", "10.3.0.4"]
    with pytest.raises(Exhausted):
        pool.give(0)


class PoolAgainstModel(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.pool, self.held, self.released, self.now = Pool(Subnet.parse("10.1.2.0/28")), set(), {}, 0.0
        self.all = {str(host) for host in ipaddress.ip_network("10.1.2.0/28").hosts()} - {"10.1.2.1", "10.1.2.2"}

    @rule(seconds=st.sampled_from([0.0, 1.0, 30.0, 59.0, 61.0, 1000.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule()
    def give(self):
        if self.held == self.all:
            with pytest.raises(Exhausted):
                self.pool.give(self.now)
            return
        address = self.pool.give(self.now)
        assert address in self.all - self.held
        rested = self.now - self.released.get(address, -REST)
        others = [self.now - self.released.get(other, -REST) for other in self.all - self.held]
        assert rested >= REST or rested == max(others)
        self.held.add(address)

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def release(self, data):
        address = data.draw(st.sampled_from(sorted(self.held)))
        self.pool.release(address, self.now)
        self.held.discard(address)
        self.released[address] = self.now

    @rule(data=st.data())
    def release_what_is_not_held(self, data):
        self.pool.release(data.draw(st.sampled_from(["10.1.2.1", "10.1.2.15", "192.0.2.1"])), self.now)

    @invariant()
    def counts_add_up(self):
        assert (self.pool.held(), self.pool.free()) == (len(self.held), len(self.all) - len(self.held))


TestPoolAgainstModel = PoolAgainstModel.TestCase
