import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from midonet_kubernetes.errors import MachineError
from midonet_kubernetes.model.names import interface_for, mac_for
from midonet_kubernetes.node.addresses import Exhausted, Subnet
from midonet_kubernetes.node.cni_protocol import Call, PodName
from midonet_kubernetes.node.ledger import Ledger
from midonet_kubernetes.node.state import Annotation, State

SUBNET = Subnet.parse("10.1.0.0/29")  # .3 to .6


def call(container="c1", interface="eth0", pod="web", network="midonet"):
    return Call(
        "ADD", "1.1.0", network, container, interface, f"/run/netns/{container}", PodName("shop", pod, "u") if pod else None
    )


@pytest.fixture
def state(tmp_path):
    with contextlib.closing(State(tmp_path)) as opened:
        yield opened


def ledger(state, in_use=None):
    return Ledger(state, SUBNET, lambda: 0.0, in_use or {})


def test_a_repeated_reservation_gets_the_same_address_and_link(state):
    book = ledger(state)
    first = book.reserve(call(), "m")
    assert book.reserve(call(), "m") == first
    assert ledger(state).reserve(call(), "m") == first


def test_a_link_has_the_name_that_the_topology_knows(state):
    assert ledger(state).reserve(call(pod="web"), "m").link == interface_for("shop/web")
    assert ledger(state).reserve(call("c2", pod=""), "m").link == interface_for("c2")


def test_a_second_interface_of_a_container_has_a_link_of_its_own(state):
    book = ledger(state)
    links = {book.reserve(call(interface=name), "m").link for name in ("eth0", "net1")}
    assert links == {interface_for("shop/web"), interface_for("shop/web/net1")}


def test_a_new_container_of_the_same_pod_takes_the_link_over(state):
    book = ledger(state)
    old = book.reserve(call("c1"), "m")
    new = book.reserve(call("c2"), "m")
    assert (old.link, new.link) == (interface_for("shop/web"), interface_for("shop/web"))
    assert {a.container: a.link for a in state.attachments()} == {"c1": "", "c2": new.link}
    assert old.address != new.address


def test_a_pod_is_annotated_when_it_is_wired_and_no_more_when_it_is_gone(state):
    book = ledger(state)
    attachment = book.reserve(call(), mac_for("shop/web"))
    assert state.annotations() == []
    book.finish(attachment)
    assert state.annotations() == [Annotation("shop/web", "u", mac_for("shop/web"))]
    book.forget(attachment)
    assert state.annotations() == [Annotation("shop/web", "u", "")]


def test_a_pod_has_its_annotation_while_it_is_wired(state):
    book = ledger(state)
    attachment = book.reserve(call(), "m")
    assert book.wish("shop/web") is None
    book.finish(attachment)
    assert (book.wish("shop/web"), book.wish("shop/other")) == (Annotation("shop/web", "u", "m"), None)
    book.forget(attachment)
    assert book.wish("shop/web") is None


def test_the_annotation_stays_while_a_newer_container_of_the_pod_is_there(state):
    book = ledger(state)
    old = book.reserve(call("c1"), mac_for("shop/web"))
    new = book.reserve(call("c2"), mac_for("shop/web"))
    book.finish(new)
    book.forget(book.known[old.key])
    assert state.annotations() == [Annotation("shop/web", "u", mac_for("shop/web"))]


def test_an_annotation_that_the_user_chose_is_not_removed(state):
    book = ledger(state)
    attachment = book.reserve(call(), "02:00:00:00:00:01")
    book.forget(attachment)
    assert state.annotations() == []


def test_addresses_of_pods_that_only_the_kernel_knows_are_not_given(state):
    book = ledger(state, {"mido12345678901": "10.1.0.3"})
    assert book.reserve(call(), "m").address == "10.1.0.4"
    book.forget_stranger("mido12345678901")
    assert (book.pool.free(), book.strangers) == (3, {})


def test_an_address_that_cannot_be_written_down_is_not_given(state):
    book = ledger(state)
    state._connection.execute("PRAGMA query_only = 1")
    with pytest.raises(MachineError):
        book.reserve(call(), "m")
    assert (book.known, book.pool.free()) == ({}, 4)


def test_a_full_disk_does_not_stop_a_release(state):
    book = ledger(state)
    attachment = book.reserve(call(), "m")
    state._connection.execute("PRAGMA query_only = 1")
    book.forget(attachment)
    assert book.pool.free() == 4
    with pytest.raises(MachineError):
        book.save_removals()
    state._connection.execute("PRAGMA query_only = 0")
    book.save_removals()
    assert state.attachments() == []


def test_an_address_given_again_before_its_release_was_written_stays_given(state):
    book = ledger(state)
    attachment = book.reserve(call(), "m")
    state._connection.execute("PRAGMA query_only = 1")
    book.forget(attachment)
    state._connection.execute("PRAGMA query_only = 0")
    again = book.reserve(call(), "m")
    book.save_removals()
    assert state.attachments() == [again]


def test_an_address_whose_release_could_not_be_written_has_one_holder_on_disk(state):
    book = ledger(state)
    attachments = [book.reserve(call(f"c{n}", pod=f"p{n}"), "m") for n in range(4)]
    state._connection.execute("PRAGMA query_only = 1")
    book.forget(attachments[1])
    state._connection.execute("PRAGMA query_only = 0")
    assert book.reserve(call("new", pod="new"), "m").address == attachments[1].address
    assert sorted(a.container for a in state.attachments()) == ["c0", "c2", "c3", "new"]


def test_a_new_pod_cidr_counts_for_new_pods_only(state):
    book = ledger(state)
    old = book.reserve(call("c1"), "m")
    book.change_subnet(Subnet.parse("10.2.0.0/24"))
    assert book.known[old.key].address == "10.1.0.3"
    assert book.reserve(call("c2", pod="other"), "m").address == "10.2.0.3"
    book.forget(old)
    assert book.pool.free() == 251


class LedgerAgainstModel(RuleBasedStateMachine):
    """Any order of calls, deaths and full disks: an address is never two containers' and never lost for ever."""

    containers = st.sampled_from([f"c{n}" for n in range(7)])

    def __init__(self):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.now, self.full, self.holders = 0.0, False, {}
        self.open()

    def open(self):
        self.state = State(Path(self.folder.name))
        self.ledger = Ledger(self.state, SUBNET, lambda: self.now, {})

    def teardown(self):
        self.state.close()
        self.folder.cleanup()

    @rule(container=containers)
    def reserve(self, container):
        request = call(container, pod=f"pod-of-{container}")
        before = self.holders.get(container)
        try:
            attachment = self.ledger.reserve(request, "m")
        except Exhausted:
            assert before is None
            assert len(self.holders) == 4
        except MachineError:
            assert self.full
        else:
            assert before in {None, attachment.address}
            self.holders[container] = attachment.address

    @rule(container=containers)
    def finish(self, container):
        attachment = self.ledger.known.get((container, "eth0"))
        if attachment is not None:
            with contextlib.suppress(MachineError):
                self.ledger.finish(attachment)

    @rule(container=containers)
    def forget(self, container):
        attachment = self.ledger.known.get((container, "eth0"))
        if attachment is not None:
            self.ledger.forget(attachment)
            del self.holders[container]

    @rule(seconds=st.sampled_from([1.0, 61.0]))
    def time_passes(self, seconds):
        self.now += seconds

    @rule(full=st.booleans())
    def disk(self, full):
        self.full = full
        self.state._connection.execute(f"PRAGMA query_only = {int(full)}")

    @precondition(lambda self: not self.full)
    @rule()
    def die_and_come_back(self):
        self.ledger.save_removals()
        self.state._connection.close()
        self.open()

    @precondition(lambda self: self.full)
    @rule()
    def die_with_a_full_disk_and_come_back(self):
        self.state._connection.close()
        self.full = False
        self.open()
        self.holders = {a.container: a.address for a in self.ledger.known.values()}  # what was released may be held again

    @invariant()
    def everyone_has_an_address_of_its_own(self):
        known = {a.container: a.address for a in self.ledger.known.values()}
        assert known == self.holders
        assert len(set(known.values())) == len(known)
        assert self.ledger.pool.free() == 4 - len(known)


TestLedgerAgainstModel = LedgerAgainstModel.TestCase
TestLedgerAgainstModel.settings = settings(deadline=None, max_examples=60)
