"""What stands in for a rule that the kernel cannot do: it never lets through what the rule might stop (docs/decisions/0073)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from enum import Enum

from midonet_kubernetes.model.midonet import Rule
from midonet_kubernetes.topology.objects import Objects

_NAT = {"dnat", "snat", "rev_dnat", "rev_snat"}


class Instead(Enum):
    """What takes the rule's place; the value is how a report says so."""

    NOTHING = "it is left out, which lets nothing through that MidoNet stops"
    ITSELF = "it acts on all that the conditions which the kernel knows hold for"
    DROP = "what the conditions that the kernel knows hold for is dropped, since nobody can tell whether MidoNet would"


def instead_of(rule: Rule, objects: Objects) -> Instead:
    """What keeps a filter closed when nobody knows whether the rule, out of ``objects``, matches.

    Args:
        rule: one whose conditions or whose action the kernel does not have.
        objects: where its chain and those that it jumps to are.
    """
    if rule.type == "jump":
        ends = _ends(objects.rules_of(rule.jump_chain_id or ""), objects)
        if "drop" not in ends:
            return Instead.NOTHING
        return Instead.DROP if "accept" in ends or _closes_circle(rule, objects) else Instead.ITSELF
    if rule.type in {"drop", "reject"}:
        return Instead.ITSELF
    if _end_of(rule) == "return" and "accept" in _ends(_behind(rule, objects.rules_of(rule.chain_id)), objects):
        return Instead.DROP  # the callers may have dropped what would now be accepted here
    return Instead.NOTHING


def _closes_circle(rule: Rule, objects: Objects) -> bool:
    return objects.closes_circle(rule.chain_id, rule.jump_chain_id or "")


def _behind(rule: Rule, rules: Sequence[Rule]) -> Sequence[Rule]:
    return rules[rules.index(rule) + 1 :]


def _ends(rules: Iterable[Rule], objects: Objects) -> set[str]:
    """How these rules, and those of the chains that they jump to, may end a packet's way through the filter."""
    waiting, seen, ends = list(rules), set[str](), set[str]()
    while waiting:
        rule = waiting.pop()
        chain = rule.jump_chain_id
        if rule.type != "jump":
            ends.add(_end_of(rule))
        elif chain and chain not in seen:
            seen.add(chain)
            waiting.extend(objects.rules_of(chain))
    return ends


def _end_of(rule: Rule) -> str:
    if rule.type in _NAT:
        return rule.flow_action or "accept"
    return "drop" if rule.type == "reject" else rule.type
