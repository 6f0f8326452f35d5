"""What a rule's conditions come to in a table that sees whole, untagged IPv4 packets only, and where a chain surely ends.

The kernel reassembles fragments before any rule looks (connection tracking does), and the table's family is IPv4.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import attrgetter

from midonet_kubernetes.model.midonet import Rule

IPV4 = 0x0800
CONDITIONS = {
    "match_forward_flow": "",
    "match_return_flow": "",
    "match_nw_dst_rewritten": "",
    "in_ports": "inv_in_ports",
    "out_ports": "inv_out_ports",
    "port_group": "inv_port_group",
    "in_port_group": "inv_in_port_group",
    "out_port_group": "inv_out_port_group",
    "ip_addr_group_src": "inv_ip_addr_group_src",
    "ip_addr_group_dst": "inv_ip_addr_group_dst",
    "traversed_device": "inv_traversed_device",
    "vlan": "",
    "dl_type": "inv_dl_type",
    "dl_src": "inv_dl_src",
    "dl_dst": "inv_dl_dst",
    "nw_tos": "inv_nw_tos",
    "nw_proto": "inv_nw_proto",
    "nw_src_address": "inv_nw_src",
    "nw_dst_address": "inv_nw_dst",
    "tp_src": "inv_tp_src",
    "tp_dst": "inv_tp_dst",
    "icmp_data_src_ip_address": "inv_icmp_data_src_ip",
    "icmp_data_dst_ip_address": "inv_icmp_data_dst_ip",
}
"""Each condition and the flag that inverts it. Those that hold for all untagged frames (noVlan) are left out."""
_read = attrgetter(*CONDITIONS)
_NOTHING_GIVEN = _read(Rule(id="", chain_id="", type=""))


def given(rule: Rule) -> frozenset[str]:
    """The conditions of a rule that can tell packets apart here, and the flags that invert them.

    A condition that is not given matches, even when its invert flag is set (simulation 3).
    """
    values = _read(rule)
    if values == _NOTHING_GIVEN and not rule.cond_invert:
        return _NOTHING
    fields = set[str]()
    for (field, inversion), value in zip(CONDITIONS.items(), values, strict=True):
        if value is None or value is False or value == [] or (field == "vlan" and value == 0):
            continue
        if field == "dl_type" and value == IPV4 and not rule.inv_dl_type:
            continue
        fields.add(field)
        if inversion and getattr(rule, inversion):
            fields.add(inversion)
    if rule.cond_invert:
        fields.add("cond_invert")
    return frozenset(fields)


_NOTHING: frozenset[str] = frozenset()


def never_matches(rule: Rule) -> bool:
    """Whether no packet can match: another ethertype, a VLAN tag, or the rest of a fragmented packet."""
    if rule.fragment_policy == "nonheader":
        return True
    if rule.cond_invert:
        return given(rule) == {"cond_invert"}
    return (rule.dl_type is not None and (rule.dl_type == IPV4) == rule.inv_dl_type) or bool(rule.vlan)


def live_rules(rules: Sequence[Rule], *, translatable: bool = False) -> list[Rule]:
    """Rules that some packet can reach and match: up to the first one that ends the chain for every packet.

    Args:
        rules: of a chain, in order.
        translatable: whether only packets come that NAT with ports applies to; others go on behind it (simulation 4.2).
    """
    live = []
    for rule in rules:
        if never_matches(rule):
            continue
        live.append(rule)
        if not given(rule) and _ends_the_chain(rule, translatable=translatable):
            break
    return live


def _ends_the_chain(rule: Rule, *, translatable: bool) -> bool:
    if rule.type in {"dnat", "snat"}:
        return rule.flow_action != "continue" and (translatable or not is_dynamic(rule))
    return rule.type in {"accept", "drop", "reject", "return"}


def is_dynamic(rule: Rule) -> bool:
    """Whether a NAT rule translates ports too, and so has no part in packets without them (simulation 4.1)."""
    return any(target.port_from or target.port_to for target in rule.nat_targets or ())
