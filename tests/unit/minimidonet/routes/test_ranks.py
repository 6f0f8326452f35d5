from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.minimidonet.rest.refusal import Refusal
from midonet_kubernetes.minimidonet.routes.ranks import rank_for
from midonet_kubernetes.minimidonet.store.store import Store


def insert(store, position: int, id_: str) -> None:
    with store.transaction() as transaction:
        rank = rank_for(transaction, "c", position)
        transaction.put("Rule", id_, {"id": id_, "chainId": "c", "rank": rank})


def order(store) -> list[str]:
    return list(store.tables.find("Rule", "chainId", "c"))


@given(st.lists(st.integers(0, 40), max_size=40))
def test_a_chain_is_ordered_as_a_list_would_be(positions):
    store, model = Store(), []
    for number, wish in enumerate(positions):
        position = min(wish, len(model)) + 1
        insert(store, position, f"r{number}")
        model.insert(position - 1, f"r{number}")
    assert order(store) == model


def test_a_place_between_two_neighbours_never_runs_out():
    store, model = Store(), ["first", "last"]
    insert(store, 1, "first")
    insert(store, 2, "last")
    for number in range(200):
        insert(store, 2, f"r{number}")
        model.insert(1, f"r{number}")
    assert order(store) == model


def test_a_head_costs_no_other_rule_anything():
    store = Store()
    changed = []
    store.subscribe(lambda _, changes: changed.append(len(changes)))
    for number in range(100):
        insert(store, 1, f"r{number}")
    assert set(changed) == {1}


def test_a_position_beyond_the_end_is_refused():
    store = Store()
    with pytest.raises(Refusal, match="Position exceeds"):
        insert(store, 2, "x")
