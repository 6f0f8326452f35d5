"""The order of a chain's rules: each has a number, and a rule between two others gets one between theirs."""

from __future__ import annotations

from midonet_kubernetes.minimidonet.rest.refusal import bad_request
from midonet_kubernetes.minimidonet.store.transaction import Transaction


def rank_for(store: Transaction, chain: str, position: int) -> float:
    """The number that puts a rule at ``position`` (1 is the head).

    Costs the same wherever the rule goes; when two neighbours leave no number between them, their chain is numbered anew.

    Raises:
        Refusal: 400, the chain is shorter than that.
    """
    index = store.ranked("Rule", "chainId")
    count = index.count(chain)
    if position > count + 1:
        raise bad_request("Position exceeds number of rules in chain")
    if not count:
        return 0.0
    if position == 1:
        return index.rank_at(chain, 0) - 1.0
    if position == count + 1:
        return index.rank_at(chain, count - 1) + 1.0
    before, after = index.rank_at(chain, position - 2), index.rank_at(chain, position - 1)
    middle = (before + after) / 2.0
    if not before < middle < after:
        _renumber(store, chain)
        return float(position) - 1.5
    return middle


def _renumber(store: Transaction, chain: str) -> None:
    for number, (id_, rule) in enumerate(list(store.found("Rule", "chainId", chain))):
        store.put("Rule", id_, {**rule, "rank": float(number)})
