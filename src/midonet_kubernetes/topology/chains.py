"""MidoNet chains as the kernel's chains, one side at a time.

A chain is compiled when something here leads to it, and again when its rules change or a chain that it jumps to gains or
loses its last effect. Chains without an effect are left out, with the jumps to them.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from collections.abc import Set as AbstractSet

from midonet_kubernetes.model.midonet import Rule
from midonet_kubernetes.topology import rule_set as rs
from midonet_kubernetes.topology.closing import Instead, instead_of
from midonet_kubernetes.topology.compiled import NOTHING, Action, Compiled
from midonet_kubernetes.topology.conditions import NEVER, Alternatives, Inexpressible, Surroundings, alternatives, widened
from midonet_kubernetes.topology.host_state import Unsupported
from midonet_kubernetes.topology.items import Item, ItemKey
from midonet_kubernetes.topology.nat import TRANSLATABLE, nat_rules
from midonet_kubernetes.topology.objects import Objects
from midonet_kubernetes.topology.passes.folding import is_dynamic, live_rules
from midonet_kubernetes.topology.passes.selection import Pass
from midonet_kubernetes.topology.services import CIRCLE, Services
from midonet_kubernetes.topology.stages import PROHIBIT, PROHIBITING, REFUSE, REFUSING, Place, Side


class Chains:
    """The compiled chains of a host.

    Args:
        objects: of the host's view.
        services: chains of exact jumps, which are compiled there.
        around: what conditions may refer to, by place.
        passes: which optimisations are made: DEAD_RULES, DEAD_CHAINS, SHORTCUTS.
    """

    def __init__(
        self, objects: Objects, services: Services, around: Mapping[Place, Surroundings], passes: AbstractSet[Pass]
    ) -> None:
        self._objects, self._services, self._passes = objects, services, passes
        self._around = around
        self._compiled: dict[tuple[Side, str], Compiled] = {}

    def forget(self, chains: Iterable[str]) -> None:
        """Compile these chains, and those that lead to them, anew when next asked."""
        waiting, seen = list(chains), set[str]()
        while waiting:
            chain = waiting.pop()
            if chain not in seen:
                seen.add(chain)
                for side in Side:
                    self._compiled.pop((side, chain), None)
                waiting.extend({jump.chain_id for jump in self._objects.jumps_to(chain)})

    def keep(self, live: Container[tuple[Side, str]]) -> None:
        """Forget all chains but these, which will be told when they change."""
        for key in [key for key in self._compiled if key not in live]:
            del self._compiled[key]

    def forget_all(self) -> None:
        """Compile everything anew when next asked."""
        self._compiled.clear()

    def compiled(self, side: Side, chain: str) -> Compiled:
        """A chain on one side."""
        key = side, chain
        if key not in self._compiled:
            self._compiled[key] = self._compile(side, chain)
        return self._compiled[key]

    def items(self, side: Side, chain: str) -> dict[ItemKey, Item]:
        """A chain with all that it needs, without the chains that it calls."""
        compiled = self.compiled(side, chain)
        items = dict(compiled.items)
        if self._is_there(compiled) and compiled.name == name_of(side, chain):
            items["chain", compiled.name] = rs.Chain(compiled.name, compiled.rules)
        return items

    def _compile(self, side: Side, chain: str) -> Compiled:
        if self._objects.is_dispatch(chain):
            return self._dispatch(side, chain)
        rules, items = list[rs.Rule](), dict[ItemKey, Item]()
        calls, effect = set[str](), False
        for rule in self._rules_of(chain):
            if rule.type == "jump" and rule.jump_chain_id:
                calls.add(rule.jump_chain_id)
            try:
                action = self._action(side, rule)
                matches = alternatives(rule, self._around[side.place]) if action.rows else []
            except Inexpressible as why:
                instead = instead_of(rule, self._objects)
                items["unsupported", "Rule", rule.id] = Unsupported("Rule", rule.id, f"{why}: {instead.value}")
                action, matches = self._instead(side, rule, instead)
            rules += [rs.Rule((*match, *row), rule.id) for match in matches for row in action.rows]
            items.update(action.items)
            effect |= action.effect and bool(matches)
        name = name_of(side, chain)
        only = rules[0].statements[0] if len(rules) == 1 and len(rules[0].statements) == 1 else None
        if Pass.SHORTCUTS in self._passes and isinstance(only, rs.Verdict) and only.kind == "jump":
            name = only.chain
        return Compiled(name, tuple(rules), effect, frozenset(calls), tuple(items.items()))

    def _rules_of(self, chain: str) -> list[Rule]:
        rules = self._objects.rules_of(chain)
        return live_rules(rules) if Pass.DEAD_RULES in self._passes else rules

    def _is_there(self, compiled: Compiled) -> bool:
        return bool(compiled.rules) or Pass.DEAD_CHAINS not in self._passes

    def _instead(self, side: Side, rule: Rule, instead: Instead) -> tuple[Action, Alternatives]:
        """What stands in for a rule that the kernel cannot do, and when. Only filters stop packets."""
        if instead is Instead.NOTHING or not side.filters:
            return NOTHING, NEVER
        action = self._action(side, rule) if instead is Instead.ITSELF else Action([(rs.Verdict("drop"),)], effect=True)
        return action, widened(rule, self._around[side.place]) if action.rows else NEVER

    def _dispatch(self, side: Side, chain: str) -> Compiled:
        """A chain whose rules are all exact jumps is one look-up."""
        row, items = self._services.look_up(side, chain, self.compiled)
        return Compiled(
            name_of(side, chain),
            (rs.Rule(row),) if row else (),
            effect=bool(row),
            calls=frozenset(self._services.general_targets(chain)),
            items=tuple(items.items()),
        )

    def _jump(self, side: Side, rule: Rule) -> Action:
        target = rule.jump_chain_id or ""
        if target == rule.chain_id:  # it is running, and a chain runs once (simulation 2)
            return NOTHING
        if self._objects.closes_circle(rule.chain_id, target):
            raise Inexpressible(CIRCLE)
        compiled = self.compiled(side, target)
        if not self._is_there(compiled):
            return NOTHING
        return Action([(rs.Verdict("jump", compiled.name),)], effect=compiled.effect)

    def _action(self, side: Side, rule: Rule) -> Action:
        if rule.type == "jump":
            return self._jump(side, rule)
        if rule.type in {"dnat", "snat"} and side in {Side.DNAT, Side.SNAT}:
            return nat_rules(side, rule)
        if rule.type in {"dnat", "snat", "rev_dnat", "rev_snat"}:
            if side is Side.FILTER_FORWARD and not rule.type.startswith("rev"):
                raise Inexpressible("the kernel translates at the ports only, not between bridge and router")
            return _after_nat(rule, filtering=side.filters)
        if rule.type in {"accept", "return"}:
            return Action([(rs.Verdict(rule.type),)])
        if rule.type == "reject" and side is Side.FILTER_IN:
            return Action([(rs.Verdict("goto", REFUSE),)], effect=True, items={("chain", REFUSE): REFUSING})
        if rule.type == "reject" and side.place is Place.FORWARD:
            return Action([(rs.Verdict("goto", PROHIBIT),)], effect=True, items={("chain", PROHIBIT): PROHIBITING})
        if rule.type in {"drop", "reject"}:  # on other sides such a packet has been dropped, or will be: the chain ends
            return Action([(rs.Verdict("drop" if side.filters else "accept"),)], effect=side.filters)
        raise Inexpressible(f"rules of type {rule.type} have no counterpart in the kernel")


def _after_nat(rule: Rule, *, filtering: bool) -> Action:
    """What a NAT rule means to the other sides: where the packets that it translates go on."""
    if rule.flow_action == "continue" or (rule.type.startswith("rev") and not filtering):
        return NOTHING
    verdict = rs.Verdict(rule.flow_action or "accept")
    if not rule.type.startswith("rev"):
        protocols = [rs.Compare(rs.Field.L4PROTO, protocol) for protocol in TRANSLATABLE]
        return Action([(protocol, verdict) for protocol in protocols] if is_dynamic(rule) else [(verdict,)])
    status = (0x20 if rule.type == "rev_dnat" else 0x10).to_bytes(4, "big")  # IPS_DST_NAT, IPS_SRC_NAT
    translated = rs.Compare(rs.Field.CT_STATUS, status, status)
    return Action([(rs.Compare(rs.Field.CT_DIRECTION, b"\1"), translated, verdict)])


def name_of(side: Side, chain: str) -> str:
    """The kernel's name of a MidoNet chain on a side."""
    return f"{side.value}_{chain}"
