"""A chain that does nothing but translate the destination to one of several endpoints: map elements in the kernel."""

from __future__ import annotations

from collections.abc import Sequence

from midonet_kubernetes.model.midonet import NatTarget, Rule
from midonet_kubernetes.topology.packets import packed, packed_port
from midonet_kubernetes.topology.passes.folding import given, live_rules

Endpoint = bytes
"""Address and port, six bytes, as they stand in the packet."""


def endpoints_of(rules: Sequence[Rule]) -> frozenset[Endpoint] | None:
    """The endpoints that such a chain chooses from, or None when the chain does something else.

    Args:
        rules: of the chain, in order, which exact jumps lead to: TCP and UDP only. MidoNet keeps targets in a set, so
            repeated ones count once (simulation 4.4).
    """
    live = live_rules(rules, translatable=True)
    if len(live) != 1 or live[0].type != "dnat" or given(live[0]):
        return None
    endpoints = [_endpoint(target) for target in live[0].nat_targets or ()]
    found = frozenset(endpoint for endpoint in endpoints if endpoint is not None)
    return found if found and None not in endpoints else None


def _endpoint(target: NatTarget) -> Endpoint | None:
    """The endpoint of a target that is a single address and port."""
    if target.address_from is None or target.address_from != (target.address_to or target.address_from):
        return None
    if not target.port_from or target.port_from != target.port_to:
        return None
    return packed(target.address_from) + packed_port(target.port_from)
