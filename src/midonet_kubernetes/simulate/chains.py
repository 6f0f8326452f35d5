"""Chains and filters (simulation 1.1, 2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum

from midonet_kubernetes.model.midonet import Chain, Rule
from midonet_kubernetes.simulate.conditions import judge
from midonet_kubernetes.simulate.nat import translate
from midonet_kubernetes.simulate.outcome import Fate
from midonet_kubernetes.simulate.walk import Abandoned, Walk


class Action(Enum):
    """What a rule, and in the end a filter, decides."""

    ACCEPT = "accept"
    DROP = "drop"
    REJECT = "reject"
    RETURN = "return"
    CONTINUE = "continue"
    JUMP = "jump"


_DECISIVE = frozenset({Action.ACCEPT, Action.DROP, Action.REJECT})


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a list of filters decided, and which rule did ("": none, the end of the chain)."""

    action: Action
    reason: str = ""

    @property
    def passes(self) -> bool:
        """Whether the packet goes on."""
        return self.action is Action.ACCEPT


def apply_filters(walk: Walk, stage: str, chains: Iterable[str | None]) -> Ruling:
    """Run a list of filters: each must end in accept for the next one to run; the first other result decides.

    Args:
        walk: the packet's.
        stage: which filter this is, for the steps.
        chains: ids; None or empty: no filter.

    Raises:
        Abandoned: MidoNet cannot build one of the chains, so that the packet waits.
    """
    walk.stage = stage
    ruling = Ruling(Action.ACCEPT)
    for chain in filter(None, chains):
        fault = walk.topology.fault_of_chain(chain)
        if fault is not None:
            raise Abandoned(Fate.SUSPENDED, f"the {stage} filter cannot be built: {fault}")
        ruling = _apply(walk, chain)
        if not ruling.passes:
            break
    walk.stage = ""
    return ruling


def _apply(walk: Walk, top: str) -> Ruling:
    """Evaluate a chain and what it jumps to. Each chain runs at most once; falling off the end of the first is accept."""
    visited = {top}
    walk.traversed.add(top)
    running = [enumerate(walk.topology.rules_of(top), 1)]
    while running:
        position, rule = next(running[-1], (0, None))
        if rule is None:
            running.pop()
            continue
        action = _rule(walk, rule, position)
        if action in _DECISIVE:
            return Ruling(action, f"rule {position} of chain {_name(walk, rule.chain_id)} ({rule.id})")
        if action is Action.RETURN:
            running.pop()
        if action is Action.JUMP and _may_jump(walk, rule, visited):
            target = rule.jump_chain_id or ""
            visited.add(target)
            walk.traversed.add(target)
            running.append(enumerate(walk.topology.rules_of(target), 1))
    return Ruling(Action.ACCEPT)


def _rule(walk: Walk, rule: Rule, position: int) -> Action:
    verdict = judge(rule, walk)
    action = Action.CONTINUE
    text = "does not match"
    if verdict.holds:
        action, text = _act(walk, rule)
    walk.note(text, chain=rule.chain_id, rule=rule.id, position=position, matched=verdict.holds, condition=verdict.condition)
    return action


def _act(walk: Walk, rule: Rule) -> tuple[Action, str]:
    """Do what a rule says whose conditions hold."""
    match rule.type:
        case "dnat" | "snat" | "rev_dnat" | "rev_snat":
            if not translate(rule, walk):
                return Action.CONTINUE, f"{rule.type} does not apply"
            return Action(rule.flow_action), f"{rule.type}, then {rule.flow_action}"
        case "trace":
            return Action.CONTINUE, "trace"
        case "l2_transform":
            return Action.CONTINUE, "l2_transform is not simulated"
        case _:
            return Action(rule.type), rule.type


def _may_jump(walk: Walk, rule: Rule, visited: set[str]) -> bool:
    target = rule.jump_chain_id or ""
    if walk.topology.find(Chain, target) is None:
        walk.note(f"warning: chain {target or 'without an id'} does not exist; the jump is skipped")
        return False
    if target in visited:
        walk.note(f"chain {_name(walk, target)} has run already; the jump is skipped")
        return False
    return True


def _name(walk: Walk, chain: str) -> str:
    found = walk.topology.find(Chain, chain)
    return (found.name if found else None) or chain
