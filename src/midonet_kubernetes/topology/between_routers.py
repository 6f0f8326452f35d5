"""What ends or filters packets between the router that they enter and the port that they leave by, as maps of destinations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from midonet_kubernetes.topology import rule_set as rs
from midonet_kubernetes.topology import stages
from midonet_kubernetes.topology.items import Item, ItemKey
from midonet_kubernetes.topology.prefixes import Span
from midonet_kubernetes.topology.routing import Entered
from midonet_kubernetes.topology.stages import Stage

_VERDICTS = {
    "blackhole": rs.Verdict("drop"),
    "prohibit": rs.Verdict("goto", stages.PROHIBIT),
    "unreachable": rs.Verdict("goto", stages.UNREACHABLE),
}
_CHAINS = {"prohibit": stages.PROHIBITING, "unreachable": stages.NOT_REACHING}

Places = list[tuple[Stage, str]]
"""Stages and the chains that they lead to."""


def barrier(router: str, entered: Entered) -> tuple[Places, dict[ItemKey, Item]]:
    """What ends packets that a router leads nowhere.

    Args:
        router: its id.
        entered: what awaits packets there.

    Returns:
        Where packets are led to it, and what has to be there.
    """
    items: dict[ItemKey, Item] = {
        ("chain", chain.name): chain for kind in entered.barrier.values() if (chain := _CHAINS.get(kind))
    }
    verdicts = {span: _VERDICTS[kind] for span, kind in entered.barrier.items()}
    return _map(stages.BARRIER, router, verdicts, items)


def crossings(router: str, entered: Entered, filter_: Callable[[str], str]) -> Iterator[tuple[Places, dict[ItemKey, Item]]]:
    """The filters on the way, one place for each number.

    Args:
        router: its id.
        entered: what awaits packets there.
        filter_: the kernel's chain for a MidoNet chain, "" for one without effect.

    Yields:
        As ``barrier`` returns.
    """
    for number, spans in enumerate(entered.crossings):
        names = {chain: filter_(chain) for chain in sorted(set(spans.values()))}
        verdicts = {span: rs.Verdict("jump", names[chain]) for span, chain in spans.items() if names[chain]}
        yield _map(stages.crossing(number), router, verdicts, {})


def _map(
    stage: Stage, router: str, verdicts: Mapping[Span, rs.Verdict], items: dict[ItemKey, Item]
) -> tuple[Places, dict[ItemKey, Item]]:
    if not verdicts:
        return [], {}
    name = f"{stage.map}_{router}"
    look_up = rs.Rule((rs.VerdictMap((rs.Field.IP_DADDR,), name),))
    items["set", name] = rs.Set(name, (rs.Field.IP_DADDR,), rs.Data.VERDICT, intervals=True)
    items["chain", name] = rs.Chain(name, (look_up,))
    for (first, last), verdict in verdicts.items():
        items["element", name, (first.to_bytes(4, "big"), last.to_bytes(4, "big"))] = verdict
    return [(stage, name)], items
