"""Rules that MidoNet's storage may hold but that its agent cannot load (simulation 2, 4.1)."""

from __future__ import annotations

from collections.abc import Container

from midonet_kubernetes.model.midonet import NatTarget, Rule
from midonet_kubernetes.simulate.prefixes import address_of, ipv4_of, network_of

TYPES = frozenset(
    {
        "accept",
        "drop",
        "reject",
        "return",
        "jump",
        "dnat",
        "snat",
        "rev_dnat",
        "rev_snat",
        "trace",
        "l2_transform",
    }
)
FRAGMENT_POLICIES = frozenset({"any", "unfragmented", "header", "nonheader"})
_FLOW_ACTIONS = frozenset({"accept", "continue", "return"})


def fault_of_rule(rule: Rule, groups: Container[str]) -> str | None:
    """Why a rule, and its chain with it, cannot be loaded; None: it can.

    Args:
        rule: the rule.
        groups: ids of the IP address groups that exist.
    """
    if rule.type not in TYPES:
        return f"there is no type {rule.type}"
    if rule.fragment_policy not in FRAGMENT_POLICIES:
        return f"there is no fragment policy {rule.fragment_policy}"
    if rule.type in {"dnat", "snat", "rev_dnat", "rev_snat"} and rule.flow_action not in _FLOW_ACTIONS:
        return f"NAT cannot end with flow action {rule.flow_action}"
    for group in (rule.ip_addr_group_src, rule.ip_addr_group_dst):
        if group is not None and group not in groups:
            return f"IP address group {group} does not exist"
    return _fault_of_prefixes(rule) or (_fault_of_targets(rule) if rule.type in {"dnat", "snat"} else None)


def _fault_of_prefixes(rule: Rule) -> str | None:
    for text, length in (
        (rule.nw_src_address, rule.nw_src_length),
        (rule.nw_dst_address, rule.nw_dst_length),
        (rule.icmp_data_src_ip_address, rule.icmp_data_src_ip_length),
        (rule.icmp_data_dst_ip_address, rule.icmp_data_dst_ip_length),
    ):
        if text is not None and network_of(text, length) is None:
            return f"{text}/{length} is no prefix"
    return None


def _fault_of_targets(rule: Rule) -> str | None:
    targets = targets_of(rule)
    if not targets:
        return "forward NAT needs a target"
    if is_static(targets) and len(targets) > 1:
        return "static NAT (all ports 0) takes exactly one target"
    for target in targets:
        if ipv4_of(target.address_from) is None or (not is_static(targets) and ipv4_of(target.address_to) is None):
            known = address_of(target.address_from) is not None
            return f"target {target.address_from} is {'no IPv4' if known else 'no'} address"
    return None


def targets_of(rule: Rule) -> list[NatTarget]:
    """The targets of a NAT rule without duplicates: MidoNet keeps them in a set (simulation 4.4)."""
    return list({(t.address_from, t.address_to, t.port_from, t.port_to): t for t in rule.nat_targets or ()}.values())


def is_static(targets: list[NatTarget]) -> bool:
    """Whether NAT with these targets is static: no port is given (simulation 4.1)."""
    return all(target.port_from == 0 and target.port_to == 0 for target in targets)
