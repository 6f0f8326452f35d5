from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes import minimidonet
from midonet_kubernetes.minimidonet.store.references import REFERENCES
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.minimidonet.store.tables import Tables
from midonet_kubernetes.minimidonet.store.transaction import HIDDEN, Transaction
from midonet_kubernetes.topology.change import Change


def a_topology() -> Transaction:
    store = Transaction(Tables(REFERENCES))
    store.put("Chain", "c1", {"id": "c1"})
    store.put("Chain", "c2", {"id": "c2"})
    store.put("Rule", "r1", {"id": "r1", "chainId": "c1", "rank": 0.0, "type": "jump", "jumpChainId": "c2"})
    store.put("Rule", "r2", {"id": "r2", "chainId": "c2", "rank": 0.0, "type": "accept"})
    store.put("Bridge", "b", {"id": "b", "inboundFilterId": "c2"})
    store.put("Router", "r", {"id": "r", "localRedirectChainId": "c2"})
    store.put("Port", "p1", {"id": "p1", "deviceId": "b", "type": "Bridge", "peerId": "p2"})
    store.put("Port", "p2", {"id": "p2", "deviceId": "r", "type": "Router", "peerId": "p1"})
    store.put("Route", "o", {"id": "o", "routerId": "r", "nextHopPort": "p2"})
    store.put("PortGroup", "g", {"id": "g", "portIds": ["p1", "p2"]})
    store.put("MacPort", "m", {"id": "m", "bridgeId": "b", "portId": "p1"})
    return store


@pytest.mark.parametrize(
    ("kind", "id_", "gone", "cleared"),
    [
        (
            "Chain",
            "c2",
            [("Rule", "r1"), ("Rule", "r2")],
            [("Bridge", "b", "inboundFilterId"), ("Router", "r", "localRedirectChainId")],
        ),
        ("Port", "p2", [("Route", "o")], [("Port", "p1", "peerId")]),
        ("Bridge", "b", [("Port", "p1"), ("MacPort", "m")], [("Port", "p2", "peerId")]),
        ("Router", "r", [("Port", "p2"), ("Route", "o")], [("Port", "p1", "peerId")]),
    ],
)
def test_a_deleted_object_takes_its_parts_and_is_forgotten_by_the_rest(kind, id_, gone, cleared):
    store = a_topology()
    store.delete(kind, id_)
    assert store.get(kind, id_) is None
    assert [key for key in gone if store.get(*key) is not None] == []
    for other_kind, other, field in cleared:
        assert field not in store.get(other_kind, other)


def test_a_deleted_port_leaves_its_groups_and_stays_in_the_mac_table():
    store = a_topology()
    store.delete("Port", "p1")
    assert store.get("PortGroup", "g") == {"id": "g", "portIds": ["p2"]}
    assert store.get("MacPort", "m") is not None


KEYS = st.sampled_from(
    [("Chain", "c1"), ("Chain", "c2"), ("Bridge", "b"), ("Router", "r"), ("Port", "p1"), ("Port", "p2"), ("Rule", "r1")]
)


@given(st.lists(st.tuples(st.sampled_from(["delete", "put", "remove"]), KEYS), max_size=12))
def test_a_rollback_leaves_no_trace(steps):
    before = a_topology()
    tables = before._tables
    objects = copy.deepcopy(tables._objects)
    transaction = Transaction(tables)
    for step, (kind, id_) in steps:
        if step == "put":
            transaction.put(kind, id_, {"id": id_, "deviceId": "b", "chainId": "c1", "rank": 5.0, "type": "x"})
        else:
            getattr(transaction, step)(kind, id_)
    transaction.rollback()
    assert {kind: dict(found) for kind, found in tables._objects.items() if found} == {
        k: dict(v) for k, v in objects.items() if v
    }
    assert set(tables.find("Port", "deviceId", "b")) == {"p1"}
    assert list(tables.find("Rule", "chainId", "c1")) == ["r1"]


def test_changes_name_each_object_once_as_it_is_now_without_what_only_the_server_needs():
    store = Transaction(Tables(REFERENCES))
    store.put("Port", "p", {"id": "p", "interfaceName": "old"})
    store.put("Port", "p", {"id": "p", "interfaceName": "new", "_bound": 1})
    store.put("Pool", "p", {"id": "p"})
    store.put("Bridge", "b", {"id": "b"})
    store.remove("Bridge", "b")
    assert store.changes() == [Change("Port", "p", {"id": "p", "interfaceName": "new"}), Change("Bridge", "b", None)]


def test_every_field_that_only_the_server_needs_is_known_as_such():
    package = Path(minimidonet.__file__).parent
    text = "".join(path.read_text("utf-8") for path in (*package.glob("routes/*.py"), *package.glob("server/*.py")))
    assert set(re.findall(r'"(_[a-z]\w*)"', text)) == set().union(*HIDDEN.values())


def test_an_exception_takes_back_what_the_block_wrote():
    store = Store()

    def fail() -> None:
        with store.transaction() as transaction:
            transaction.put("Router", "r", {"id": "r"})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert store.tables.get("Router", "r") is None
    assert store.revision == 0
