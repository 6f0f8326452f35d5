"""Jumps that are taken for exactly one destination address, protocol and port: many of them are one look-up in a verdict map."""

from __future__ import annotations

from midonet_kubernetes.model.midonet import Rule
from midonet_kubernetes.topology.packets import packed, packed_port
from midonet_kubernetes.topology.passes.folding import given

ServiceKey = tuple[bytes, bytes, bytes]
"""Destination address, protocol and destination port, as they stand in the packet."""

_NEEDED = frozenset(("nw_dst_address", "nw_proto", "tp_dst"))
_TCP_UDP = frozenset((6, 17))


def exact_key(rule: Rule) -> ServiceKey | None:
    """The one key that a jump is taken for, or None when it is another kind of rule."""
    if rule.type != "jump" or not rule.jump_chain_id or given(rule) != _NEEDED:
        return None
    port, address = rule.tp_dst, rule.nw_dst_address
    if rule.nw_dst_length != 32 or rule.nw_proto not in _TCP_UDP or port is None or address is None or port.start != port.end:
        return None
    return packed(address), bytes((rule.nw_proto,)), packed_port(port.start)
