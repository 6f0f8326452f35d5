"""Which conditions a rule gives, in the order in which they are tested (simulation 3)."""

from __future__ import annotations

from midonet_kubernetes.model.midonet import Rule

CONDITIONS = (
    "match_forward_flow",
    "match_return_flow",
    "no_vlan",
    "vlan",
    "port_group",
    "in_port_group",
    "out_port_group",
    "in_ports",
    "out_ports",
    "dl_type",
    "dl_src",
    "dl_dst",
    "nw_tos",
    "nw_proto",
    "nw_src_address",
    "nw_dst_address",
    "tp_src",
    "tp_dst",
    "ip_addr_group_src",
    "ip_addr_group_dst",
    "traversed_device",
    "icmp_data_src_ip_address",
    "icmp_data_dst_ip_address",
    "match_nw_dst_rewritten",
)
"""Attributes of ``Rule``. The fragment policy is none of them: it comes first and nothing inverts it."""


def given(rule: Rule) -> tuple[str, ...]:
    """The conditions that a rule gives. One that is not given holds, even when its flag inverts it."""
    values = ((name, getattr(rule, name)) for name in CONDITIONS)
    # A number may be 0 and still be given, but for the VLAN id.
    return tuple(
        name
        for name, value in values
        if value is not None and value is not False and value != [] and (name, value) != ("vlan", 0)
    )
