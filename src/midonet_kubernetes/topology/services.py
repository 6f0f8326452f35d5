"""Chains of exact jumps, as one look-up each, and the endpoints behind them, as map elements.

For such a chain C the kernel holds::

    map services_C   destination address . protocol . port          -> goto lb_C_<number of endpoints>
    map eps_C        destination address . protocol . port . slot   -> endpoint's address . port
    chain lb_C_N     draw a slot of N into the mark; dnat to what eps_C holds for it
    set addresses_C  addresses that have a Service: what is sent to another port there is refused

One changed endpoint is one or two elements, however many Services there are (docs/decisions/0070). A jump to a chain of
another shape is taken by the look-up too: ``services_C`` then says ``jump``, and each filtering side has a map of its own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from functools import cache

from midonet_kubernetes.model.midonet import Rule
from midonet_kubernetes.topology import rule_set as rs
from midonet_kubernetes.topology.closing import Instead, instead_of
from midonet_kubernetes.topology.compiled import Compiled
from midonet_kubernetes.topology.host_state import MEMBER, Unsupported
from midonet_kubernetes.topology.items import Item, ItemKey, Items
from midonet_kubernetes.topology.objects import Objects
from midonet_kubernetes.topology.passes.balanced import Endpoint, endpoints_of
from midonet_kubernetes.topology.passes.exact_jumps import ServiceKey
from midonet_kubernetes.topology.passes.folding import live_rules
from midonet_kubernetes.topology.passes.refusal import refuses
from midonet_kubernetes.topology.passes.selection import Pass
from midonet_kubernetes.topology.slots import assign
from midonet_kubernetes.topology.stages import REFUSE, REFUSING, Side

KEY = (rs.Field.IP_DADDR, rs.Field.L4PROTO, rs.Field.TH_DPORT)
SERVICES, ENDPOINTS, _BALANCER = "services_", "eps_", "lb_"
"""Begin the names of the maps of Services and of endpoints, and of the chains that choose."""
CIRCLE = "the kernel refuses chains that jump in a circle, of which this jump closes one"

Place = tuple[str, ServiceKey]
"""A chain of exact jumps and a key in it."""


class Services:
    """The exact jumps of a host.

    Args:
        objects: of the host's view.
        items: where the elements are put.
        slots: endpoints by slot that the kernel has from an earlier life.
        passes: which optimisations are made: BALANCED, REFUSAL.
    """

    def __init__(
        self, objects: Objects, items: Items, slots: Mapping[Place, tuple[Endpoint, ...]], passes: AbstractSet[Pass]
    ) -> None:
        self._objects, self._items, self._passes = objects, items, passes
        self._slots = dict(slots)
        self._live: set[str] = set()  # chains that something here leads to
        self._served: defaultdict[str, dict[ServiceKey, tuple[Endpoint, ...]]] = defaultdict(dict)
        self._general: defaultdict[str, dict[ServiceKey, tuple[Rule, ...]]] = defaultdict(dict)

    def set_live(self, chains: set[str]) -> None:
        """Say which chains are needed; the others' elements are taken away."""
        changed = chains ^ self._live
        self._live = chains
        for chain in changed:
            self._declare(chain)
            for key in self._objects.exact_keys(chain):
                self._put((chain, key))

    def refresh(self, places: Iterable[Place]) -> set[str]:
        """Compile keys anew whose jumps, or whose target's rules, changed.

        Returns:
            The chains whose look-up has to be compiled anew too.
        """
        changed = set[str]()
        for chain, key in places:
            before = bool(self._served[chain]), self._general[chain].get(key)
            self._classify(chain, key)
            after = bool(self._served[chain]), self._general[chain].get(key)
            if before != after:
                changed.add(chain)
            self._put((chain, key))
        return changed

    def general_targets(self, chain: str) -> set[str]:
        """Targets of a chain's jumps that are chains of their own in the kernel."""
        return {jump.jump_chain_id or "" for jumps in self._general[chain].values() for jump in jumps}

    def look_up(
        self, side: Side, chain: str, compiled: Callable[[Side, str], Compiled]
    ) -> tuple[tuple[rs.Statement, ...], dict[ItemKey, Item]]:
        """What a chain of exact jumps does on a side, with what comes with it; nothing when it has no effect there."""
        served = bool(self._served[chain])
        if side is Side.UNSERVED and served:
            refusing = rs.InSet((rs.Field.IP_DADDR,), f"addresses_{chain}"), rs.Verdict("goto", REFUSE)
            return refusing, {("chain", REFUSE): REFUSING}
        name, items = _map(side, chain), dict[ItemKey, Item]()
        effect = served and side is Side.DNAT
        if served and side is Side.SNAT:
            items["unsupported", "Chain", chain] = Unsupported("Chain", chain, "the kernel does dnat only on the way in")
        for key, jumps in self._general[chain].items():
            verdicts = list[rs.Verdict]()
            for jump in jumps:
                verdict, has_effect = self._verdict(side, jump, compiled, items)
                verdicts += [verdict] if verdict else []
                effect |= has_effect
            if len(verdicts) > 1:  # each in turn: the first may give the packet back
                in_turn = f"{name}_{b''.join(key).hex()}"
                items["chain", in_turn] = rs.Chain(in_turn, tuple(rs.Rule((verdict,)) for verdict in verdicts))
                verdicts = [rs.Verdict("jump", in_turn)]
            if verdicts:
                items["element", name, key] = verdicts[0]
        if not effect:
            return (), {key: item for key, item in items.items() if key[0] == "unsupported"}
        return (rs.VerdictMap(KEY, name),), items | {("set", name): rs.Set(name, KEY, rs.Data.VERDICT)}

    def _verdict(
        self, side: Side, jump: Rule, compiled: Callable[[Side, str], Compiled], items: dict[ItemKey, Item]
    ) -> tuple[rs.Verdict | None, bool]:
        """What a jump to a chain of another shape does on a side, and whether that is an effect; reports go to ``items``."""
        target = jump.jump_chain_id or ""
        if target == jump.chain_id:
            return None, False
        if self._objects.closes_circle(jump.chain_id, target):
            instead = instead_of(jump, self._objects)
            items["unsupported", "Rule", jump.id] = Unsupported("Rule", jump.id, f"{CIRCLE}: {instead.value}")
            closed = instead is Instead.DROP and side.filters
            return rs.Verdict("drop") if closed else None, closed
        result = compiled(side, target)
        return rs.Verdict("jump", result.name) if result.rules else None, result.effect

    def _classify(self, chain: str, key: ServiceKey) -> None:
        self._served[chain].pop(key, None)
        self._general[chain].pop(key, None)
        if not self._objects.is_dispatch(chain):
            return
        jumps = [jump for jump in self._objects.exact_jumps(chain, key) if live_rules(self._rules_behind(jump))]
        if not jumps:
            return
        rules = self._rules_behind(jumps[0])
        endpoints = endpoints_of(rules) if Pass.BALANCED in self._passes else None
        if Pass.REFUSAL in self._passes and refuses(rules):
            endpoints = frozenset()
        if endpoints is not None:
            self._served[chain][key] = tuple(sorted(endpoints))
        else:
            self._general[chain][key] = tuple(jumps)

    def _rules_behind(self, jump: Rule) -> list[Rule]:
        return self._objects.rules_of(jump.jump_chain_id or "")

    def _declare(self, chain: str) -> None:
        items: dict[ItemKey, Item] = {}
        if chain in self._live:
            endpoints, addresses = f"{ENDPOINTS}{chain}", f"addresses_{chain}"
            items["set", endpoints] = rs.Set(endpoints, (*KEY, rs.Field.MARK), rs.Data.ADDRESS_AND_PORT)
            items["set", addresses] = rs.Set(addresses, (rs.Field.IP_DADDR,))
            items["set", f"{SERVICES}{chain}"] = rs.Set(f"{SERVICES}{chain}", KEY, rs.Data.VERDICT)
        self._items.put(("services", chain), items)

    def _put(self, place: Place) -> None:
        chain, key = place
        items: dict[ItemKey, Item] = {}
        if chain in self._live:
            endpoints = self._served[chain].get(key)
            slots = assign(self._slots.pop(place, ()), endpoints or ())
            if endpoints is not None:
                items["element", f"addresses_{chain}", key[:1]] = MEMBER
                items["element", f"{SERVICES}{chain}", key] = rs.Verdict("accept")  # refused: no later rule may translate it
            if slots:
                self._slots[place] = slots
                items |= _balanced(chain, key, slots)
        self._items.put(("service", place), items)


def count_of(verdict: rs.Verdict) -> int:
    """How many endpoints a Service's verdict chooses from."""
    return int(verdict.chain.rpartition("_")[2]) if verdict.kind == "goto" and verdict.chain.startswith(_BALANCER) else 0


@cache
def number_of_slot(slot: int) -> bytes:
    """A slot as it stands in a key; the same object each time, since there are many of them."""
    return slot.to_bytes(4, "big")


def _map(side: Side, chain: str) -> str:
    return f"{SERVICES}{chain}" if side is Side.DNAT else f"jumps_{side.value}_{chain}"


def _balanced(chain: str, key: ServiceKey, slots: tuple[Endpoint, ...]) -> dict[ItemKey, Item]:
    """The choice among the endpoints in ``slots``."""
    name, balancer = f"{ENDPOINTS}{chain}", _balancer(chain, len(slots))
    elements = {("element", name, (*key, number_of_slot(slot))): endpoint for slot, endpoint in enumerate(slots)}
    verdict = rs.Verdict("goto", balancer.name)
    return {("element", f"{SERVICES}{chain}", key): verdict, ("chain", balancer.name): balancer, **elements}


def _balancer(chain: str, count: int) -> rs.Chain:
    draw = rs.Rule((rs.MarkRandom(count),))
    translate = rs.Rule((rs.NatByMap((*KEY, rs.Field.MARK), f"{ENDPOINTS}{chain}"),))
    return rs.Chain(f"{_BALANCER}{chain}_{count}", (draw, translate))
