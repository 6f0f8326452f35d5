"""Which endpoint stands in which slot of a Service's map."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from midonet_kubernetes.topology.passes.balanced import Endpoint


def assign(before: Sequence[Endpoint], wanted: Collection[Endpoint]) -> tuple[Endpoint, ...]:
    """Slots 0, 1, … for ``wanted``, with as few of them rewritten as can be.

    An endpoint keeps its slot; new ones take the slots of those that went, then further ones; if holes are left, the last
    slots move into them. Connections in the middle of a choice so find an endpoint in every slot that was there.
    """
    staying = set(before) & set(wanted)
    new = sorted(set(wanted) - staying)
    slots = [endpoint if endpoint in staying else None for endpoint in before]
    for slot, endpoint in enumerate(slots):
        if endpoint is None and new:
            slots[slot] = new.pop(0)
    slots.extend(new)
    for slot, endpoint in enumerate(slots):
        if endpoint is None:
            while slots and slots[-1] is None:
                slots.pop()
            if slot < len(slots):
                slots[slot] = slots.pop()
    return tuple(endpoint for endpoint in slots if endpoint is not None)
