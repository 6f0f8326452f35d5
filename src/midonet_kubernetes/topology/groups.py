"""IP address groups as sets of addresses."""

from __future__ import annotations

from midonet_kubernetes.model.midonet import IpAddrGroup
from midonet_kubernetes.topology.conditions import ipv4_members
from midonet_kubernetes.topology.host_state import MEMBER
from midonet_kubernetes.topology.items import Item, ItemKey
from midonet_kubernetes.topology.rule_set import Field, Set


def set_of_group(group_id: str) -> str:
    """The name of a group's set."""
    return f"group_{group_id}"


def group_items(group: IpAddrGroup) -> dict[ItemKey, Item]:
    """The set of a group with its IPv4 members."""
    name = set_of_group(group.id)
    members = {("element", name, (address,)): MEMBER for address in ipv4_members(group.addrs)}
    return {("set", name): Set(name, (Field.IP_SADDR,)), **members}
