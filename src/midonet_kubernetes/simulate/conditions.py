"""Whether a rule's conditions hold for a packet where it is (simulation 3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

from midonet_kubernetes.model.midonet import PortRange, Rule
from midonet_kubernetes.model.wire import camel
from midonet_kubernetes.simulate.conntrack import is_forward
from midonet_kubernetes.simulate.packet import Address, Fragment, mac
from midonet_kubernetes.simulate.prefixes import holds
from midonet_kubernetes.simulate.walk import Walk

_ALL_ONES = (1 << 48) - 1
_POLICIES: dict[str, frozenset[Fragment]] = {
    "any": frozenset(Fragment),
    "unfragmented": frozenset({Fragment.WHOLE}),
    "header": frozenset({Fragment.WHOLE, Fragment.FIRST}),
    "nonheader": frozenset({Fragment.LATER}),
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the conditions hold, and the REST name of the one that decided ("": all of them together)."""

    holds: bool
    condition: str = ""


def judge(rule: Rule, walk: Walk) -> Verdict:
    """Test the conditions of a rule.

    The fragment policy comes first and nothing inverts it. Then the flow tests, so that connection tracking is asked as
    soon as a rule with one is reached; then the rest, all of which must hold. ``condInvert`` negates that conjunction.
    """
    if walk.packet.fragment not in _POLICIES[rule.fragment_policy]:
        return Verdict(holds=False, condition="fragmentPolicy")
    failed = next((name for name in walk.topology.conditions_of(rule) if not _TESTS[name](rule, walk)), "")
    return Verdict(bool(failed) == rule.cond_invert, camel(failed))


def _range(given: PortRange | None, port: int) -> bool:
    return given is not None and given.start <= port <= given.end


def _mac(text: str | None, mask: str | None, address: str) -> bool:
    ones = _bits(mask) if mask else _ALL_ONES
    return _bits(text or "") & ones == _bits(address) & ones


@lru_cache(maxsize=4096)
def _bits(text: str) -> int:
    """A MAC, or a mask as ``ffff.ff00.0000``, as a number; -1: it is neither."""
    try:
        return int(text.replace(".", ""), 16) if "." in text else int(mac(text).replace(":", ""), 16)
    except ValueError:
        return -1


def _member(walk: Walk, group: str | None, address: Address | None) -> bool:
    return address in walk.topology.members_of(group or "")


def _embedded(walk: Walk, end: str) -> Address | None:
    """An address of the packet that an ICMP error carries."""
    about = walk.packet.embedded
    return None if about is None else about.nw_src if end == "src" else about.nw_dst


_TESTS: dict[str, Callable[[Rule, Walk], bool]] = {
    "match_forward_flow": lambda _, w: is_forward(w),
    "match_return_flow": lambda _, w: not is_forward(w),
    "no_vlan": lambda _, w: not w.packet.vlans,
    "vlan": lambda r, w: w.packet.vlans[:1] == (r.vlan,),
    "port_group": lambda r, w: r.inv_port_group != (r.port_group in w.port_groups),
    "in_port_group": lambda r, w: r.inv_in_port_group != (r.in_port_group in w.in_groups),
    "out_port_group": lambda r, w: r.inv_out_port_group != (r.out_port_group in w.out_groups),
    "in_ports": lambda r, w: r.inv_in_ports != (w.in_port in (r.in_ports or ())),
    "out_ports": lambda r, w: r.inv_out_ports != (w.out_port in (r.out_ports or ())),
    "dl_type": lambda r, w: r.inv_dl_type != (r.dl_type == w.packet.ethertype),
    "dl_src": lambda r, w: r.inv_dl_src != _mac(r.dl_src, r.dl_src_mask, w.packet.eth_src),
    "dl_dst": lambda r, w: r.inv_dl_dst != _mac(r.dl_dst, r.dl_dst_mask, w.packet.eth_dst),
    "nw_tos": lambda r, w: r.inv_nw_tos != (r.nw_tos == w.packet.nw_tos),
    "nw_proto": lambda r, w: r.inv_nw_proto != (r.nw_proto == w.packet.nw_proto),
    "nw_src_address": lambda r, w: r.inv_nw_src != holds(r.nw_src_address, r.nw_src_length, w.packet.nw_src),
    "nw_dst_address": lambda r, w: r.inv_nw_dst != holds(r.nw_dst_address, r.nw_dst_length, w.packet.nw_dst),
    "tp_src": lambda r, w: r.inv_tp_src != _range(r.tp_src, w.packet.tp_src),
    "tp_dst": lambda r, w: r.inv_tp_dst != _range(r.tp_dst, w.packet.tp_dst),
    "ip_addr_group_src": lambda r, w: r.inv_ip_addr_group_src != _member(w, r.ip_addr_group_src, w.packet.nw_src),
    "ip_addr_group_dst": lambda r, w: r.inv_ip_addr_group_dst != _member(w, r.ip_addr_group_dst, w.packet.nw_dst),
    "traversed_device": lambda r, w: r.inv_traversed_device != (r.traversed_device in w.traversed),
    "icmp_data_src_ip_address": lambda r, w: (
        r.inv_icmp_data_src_ip != holds(r.icmp_data_src_ip_address, r.icmp_data_src_ip_length, _embedded(w, "src"))
    ),
    "icmp_data_dst_ip_address": lambda r, w: (
        r.inv_icmp_data_dst_ip != holds(r.icmp_data_dst_ip_address, r.icmp_data_dst_ip_length, _embedded(w, "dst"))
    ),
    "match_nw_dst_rewritten": lambda _, w: w.nw_dst_rewritten,
}
"""What holds of a packet for each condition of ``given.CONDITIONS``."""
