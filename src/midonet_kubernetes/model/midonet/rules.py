"""Chains, rules and what their conditions name (rest-api 4.8, 4.9, 4.14; simulation 2 and 3)."""

from __future__ import annotations

from msgspec import Struct

from midonet_kubernetes.model.wire import camel


class Chain(Struct, frozen=True, kw_only=True, rename=camel):
    """A chain; its rules name it."""

    id: str
    name: str | None = None
    tenant_id: str | None = None


class PortRange(Struct, frozen=True, kw_only=True):
    """Ports (or ICMP type or code), both ends included."""

    start: int
    end: int


class NatTarget(Struct, frozen=True, kw_only=True, rename=camel):
    """A range of addresses and ports, ends included; ports 0 mean static NAT."""

    address_from: str | None = None
    address_to: str | None = None
    port_from: int = 0
    port_to: int = 0


class Rule(Struct, frozen=True, kw_only=True, rename=camel):
    """A rule. Rules of a chain are evaluated by rising ``rank``; ``position`` of the REST API is the index in that order."""

    id: str
    chain_id: str
    type: str
    rank: float = 0.0
    # what it does
    jump_chain_id: str | None = None
    flow_action: str | None = None
    nat_targets: list[NatTarget] | None = None
    # when it matches
    cond_invert: bool = False
    match_forward_flow: bool = False
    match_return_flow: bool = False
    match_nw_dst_rewritten: bool = False
    in_ports: list[str] | None = None
    inv_in_ports: bool = False
    out_ports: list[str] | None = None
    inv_out_ports: bool = False
    port_group: str | None = None
    inv_port_group: bool = False
    in_port_group: str | None = None
    inv_in_port_group: bool = False
    out_port_group: str | None = None
    inv_out_port_group: bool = False
    ip_addr_group_src: str | None = None
    inv_ip_addr_group_src: bool = False
    ip_addr_group_dst: str | None = None
    inv_ip_addr_group_dst: bool = False
    traversed_device: str | None = None
    inv_traversed_device: bool = False
    vlan: int | None = None
    no_vlan: bool = False
    dl_type: int | None = None
    inv_dl_type: bool = False
    dl_src: str | None = None
    dl_src_mask: str | None = None
    inv_dl_src: bool = False
    dl_dst: str | None = None
    dl_dst_mask: str | None = None
    inv_dl_dst: bool = False
    nw_tos: int | None = None
    inv_nw_tos: bool = False
    nw_proto: int | None = None
    inv_nw_proto: bool = False
    nw_src_address: str | None = None
    nw_src_length: int = 0
    inv_nw_src: bool = False
    nw_dst_address: str | None = None
    nw_dst_length: int = 0
    inv_nw_dst: bool = False
    tp_src: PortRange | None = None
    inv_tp_src: bool = False
    tp_dst: PortRange | None = None
    inv_tp_dst: bool = False
    icmp_data_src_ip_address: str | None = None
    icmp_data_src_ip_length: int = 0
    inv_icmp_data_src_ip: bool = False
    icmp_data_dst_ip_address: str | None = None
    icmp_data_dst_ip_length: int = 0
    inv_icmp_data_dst_ip: bool = False
    fragment_policy: str = "any"


class IpAddrGroup(Struct, frozen=True, kw_only=True, rename=camel):
    """A group of plain addresses, IPv4 and IPv6."""

    id: str
    name: str | None = None
    addrs: list[str] = []
