"""Whether a rule's conditions hold for a packet where it is (simulation 3)."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache

from midonet_kubernetes.model.midonet import PortRange, Rule
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
    failed = next((name for name, holds_for in _TESTS if not holds_for(rule, walk)), "")
    return Verdict(bool(failed) == rule.cond_invert, failed)


# Each helper takes what the rule gives and what the packet has. What is not given holds, even when its flag inverts.


def _equal(given: int | None, value: int, *, inverted: bool) -> bool:
    return given is None or inverted != (given == value)


def _among(given: str | None, values: Collection[str], *, inverted: bool) -> bool:
    return given is None or inverted != (given in values)


def _port(given: list[str] | None, port: str, *, inverted: bool) -> bool:
    return not given or inverted != (port in given)


def _prefix(text: str | None, length: int, address: Address | None, *, inverted: bool) -> bool:
    return text is None or inverted != holds(text, length, address)


def _range(given: PortRange | None, port: int, *, inverted: bool) -> bool:
    return given is None or inverted != (given.start <= port <= given.end)


def _mac(text: str | None, mask: str | None, address: str, *, inverted: bool) -> bool:
    if text is None:
        return True
    ones = _bits(mask) if mask else _ALL_ONES
    return inverted != (_bits(text) & ones == _bits(address) & ones)


@lru_cache(maxsize=4096)
def _bits(text: str) -> int:
    """A MAC, or a mask as ``ffff.ff00.0000``, as a number; -1: it is neither."""
    try:
        return int(text.replace(".", ""), 16) if "." in text else int(mac(text).replace(":", ""), 16)
    except ValueError:
        return -1


def _group(walk: Walk, group: str | None, address: Address | None, *, inverted: bool) -> bool:
    return group is None or inverted != (address in walk.topology.members_of(group))


def _embedded_src(rule: Rule, walk: Walk) -> bool:
    text, length, about = rule.icmp_data_src_ip_address, rule.icmp_data_src_ip_length, walk.packet.embedded
    return _prefix(text, length, about.nw_src if about else None, inverted=rule.inv_icmp_data_src_ip)


def _embedded_dst(rule: Rule, walk: Walk) -> bool:
    text, length, about = rule.icmp_data_dst_ip_address, rule.icmp_data_dst_ip_length, walk.packet.embedded
    return _prefix(text, length, about.nw_dst if about else None, inverted=rule.inv_icmp_data_dst_ip)


_TESTS: tuple[tuple[str, Callable[[Rule, Walk], bool]], ...] = (
    ("matchForwardFlow", lambda r, w: not r.match_forward_flow or is_forward(w)),
    ("matchReturnFlow", lambda r, w: not r.match_return_flow or not is_forward(w)),
    ("noVlan", lambda r, w: not (r.no_vlan and w.packet.vlans)),
    ("vlan", lambda r, w: not r.vlan or w.packet.vlans[:1] == (r.vlan,)),
    ("portGroup", lambda r, w: _among(r.port_group, w.port_groups, inverted=r.inv_port_group)),
    ("inPortGroup", lambda r, w: _among(r.in_port_group, w.in_groups, inverted=r.inv_in_port_group)),
    ("outPortGroup", lambda r, w: _among(r.out_port_group, w.out_groups, inverted=r.inv_out_port_group)),
    ("inPorts", lambda r, w: _port(r.in_ports, w.in_port, inverted=r.inv_in_ports)),
    ("outPorts", lambda r, w: _port(r.out_ports, w.out_port, inverted=r.inv_out_ports)),
    ("dlType", lambda r, w: _equal(r.dl_type, w.packet.ethertype, inverted=r.inv_dl_type)),
    ("dlSrc", lambda r, w: _mac(r.dl_src, r.dl_src_mask, w.packet.eth_src, inverted=r.inv_dl_src)),
    ("dlDst", lambda r, w: _mac(r.dl_dst, r.dl_dst_mask, w.packet.eth_dst, inverted=r.inv_dl_dst)),
    ("nwTos", lambda r, w: _equal(r.nw_tos, w.packet.nw_tos, inverted=r.inv_nw_tos)),
    ("nwProto", lambda r, w: _equal(r.nw_proto, w.packet.nw_proto, inverted=r.inv_nw_proto)),
    ("nwSrcAddress", lambda r, w: _prefix(r.nw_src_address, r.nw_src_length, w.packet.nw_src, inverted=r.inv_nw_src)),
    ("nwDstAddress", lambda r, w: _prefix(r.nw_dst_address, r.nw_dst_length, w.packet.nw_dst, inverted=r.inv_nw_dst)),
    ("tpSrc", lambda r, w: _range(r.tp_src, w.packet.tp_src, inverted=r.inv_tp_src)),
    ("tpDst", lambda r, w: _range(r.tp_dst, w.packet.tp_dst, inverted=r.inv_tp_dst)),
    ("ipAddrGroupSrc", lambda r, w: _group(w, r.ip_addr_group_src, w.packet.nw_src, inverted=r.inv_ip_addr_group_src)),
    ("ipAddrGroupDst", lambda r, w: _group(w, r.ip_addr_group_dst, w.packet.nw_dst, inverted=r.inv_ip_addr_group_dst)),
    ("traversedDevice", lambda r, w: _among(r.traversed_device, w.traversed, inverted=r.inv_traversed_device)),
    ("icmpDataSrcIpAddress", _embedded_src),
    ("icmpDataDstIpAddress", _embedded_dst),
    ("matchNwDstRewritten", lambda r, w: not r.match_nw_dst_rewritten or w.nw_dst_rewritten),
)
