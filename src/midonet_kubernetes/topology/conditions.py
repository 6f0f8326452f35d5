"""A rule's conditions as what the kernel compares (simulation 3).

The result is a list of alternatives that exclude each other, so that a rule's action is taken once. Each alternative is
a row of statements that must all hold; no alternative: the rule never matches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Network, ip_address

from midonet_kubernetes.model.midonet import PortRange, Rule
from midonet_kubernetes.topology.passes.folding import CONDITIONS, IPV4, given, never_matches
from midonet_kubernetes.topology.rule_set import Between, Compare, Field, InSet, Statement
from midonet_kubernetes.topology.stages import Place

Alternatives = list[tuple[Statement, ...]]
ALWAYS: Alternatives = [()]
NEVER: Alternatives = []
TCP, UDP, ICMP = b"\x06", b"\x11", b"\x01"


class Inexpressible(Exception):
    """The kernel cannot test a condition; the text says which one and why."""


@dataclass(frozen=True)
class Surroundings:
    """What conditions can refer to, and where the rule runs.

    Args:
        place: where the rule runs.
        interfaces: of the ports that are bound on this host, by port id.
        members: port ids of the port groups, by group id.
        address_set: the name of the set that holds a group's addresses; None for a group that is not there.
    """

    place: Place
    interfaces: Mapping[str, str] = field(default_factory=dict)
    members: Mapping[str, Sequence[str]] = field(default_factory=dict)
    address_set: Callable[[str], str | None] = lambda _group: None


def alternatives(rule: Rule, around: Surroundings) -> Alternatives:
    """When a rule matches.

    Raises:
        Inexpressible: the kernel cannot tell.
    """
    if never_matches(rule):
        return NEVER
    fields = [name for name in CONDITIONS if name in given(rule)]
    if not rule.cond_invert:
        rows = ALWAYS
        for name in fields:
            rows = _both(rows, _test(rule, name, around, inverted=_is_inverted(rule, name)))
        return rows
    matching, failing = ALWAYS, NEVER  # the conditions so far all hold; one of them does not
    for name in fields:
        inverted = _is_inverted(rule, name)
        failing = failing + _both(matching, _test(rule, name, around, inverted=not inverted))
        matching = _both(matching, _test(rule, name, around, inverted=inverted))
    return failing


def widened(rule: Rule, around: Surroundings) -> Alternatives:
    """When a rule may match: a condition that the kernel cannot test is taken to hold."""
    try:
        return alternatives(rule, around)
    except Inexpressible:
        if rule.cond_invert:  # any one condition that fails is enough, so all packets may match
            return ALWAYS
    rows = ALWAYS
    for name in CONDITIONS:
        if name in given(rule):
            with suppress(Inexpressible):
                rows = _both(rows, _test(rule, name, around, inverted=_is_inverted(rule, name)))
    return rows


def _both(left: Alternatives, right: Alternatives) -> Alternatives:
    return [one + other for one in left for other in right]


def _is_inverted(rule: Rule, name: str) -> bool:
    return bool(CONDITIONS[name] and getattr(rule, CONDITIONS[name]))


def _test(rule: Rule, name: str, around: Surroundings, *, inverted: bool) -> Alternatives:
    """One condition; ``inverted`` asks for the packets that it does not match."""
    if name not in _TESTS:
        raise Inexpressible(f"the kernel does not know {name.replace('_', ' ')}")
    return _TESTS[name](rule, around, inverted)


def _constant(holds: bool) -> Alternatives:  # noqa: FBT001 - the truth value itself
    return ALWAYS if holds else NEVER


def _prefix(what: Field, address: str | None, length: int, *, inverted: bool) -> Alternatives:
    if length == 0:
        return _constant(not inverted)
    network = IPv4Network((address or "", length), strict=False)
    mask = None if length == 32 else network.netmask.packed
    return [(Compare(what, network.network_address.packed, mask, inverted),)]


def _mac(what: Field, text: str | None, mask: str | None, around: Surroundings, *, inverted: bool) -> Alternatives:
    if around.place is not Place.IN:
        raise Inexpressible("a frame gets its MAC addresses after the last rule of the way out")
    bits = bytes.fromhex((mask or "ffff.ffff.ffff").replace(".", ""))
    value = bytes(a & b for a, b in zip(bytes.fromhex((text or "").replace(":", "")), bits, strict=True))
    return [(Compare(what, value, None if bits == b"\xff" * 6 else bits, inverted),)]


def _ports(rule: Rule, ports: PortRange | None, of_ports: Field, of_icmp: Field, *, inverted: bool) -> Alternatives:
    """Ports of TCP and UDP, type or code of ICMP; other protocols have port 0, which no range holds."""
    assert ports is not None
    rows: Alternatives = []
    for protocol, what in ((TCP, of_ports), (UDP, of_ports), (ICMP, of_icmp)):
        size = 2 if what is of_ports else 1
        low, high = max(ports.start, 0), min(ports.end, 256**size - 1)
        if rule.nw_proto is not None and not rule.inv_nw_proto and not rule.cond_invert and protocol[0] != rule.nw_proto:
            continue
        of_protocol = Compare(Field.L4PROTO, protocol)
        if low > high:
            rows += [(of_protocol,)] if inverted else []
        elif low == high:
            rows.append((of_protocol, Compare(what, low.to_bytes(size, "big"), invert=inverted)))
        else:
            rows.append((of_protocol, Between(what, low.to_bytes(size, "big"), high.to_bytes(size, "big"), inverted)))
    if inverted:
        rows.append(tuple(Compare(Field.L4PROTO, protocol, invert=True) for protocol in (TCP, UDP, ICMP)))
    return rows


def _group(what: Field, group: str | None, around: Surroundings, *, inverted: bool) -> Alternatives:
    name = around.address_set(group or "")
    if name is None:
        raise Inexpressible(f"IP address group {group} does not exist")
    return [(InSet((what,), name, inverted),)]


def _by_port(rule: Rule, name: str, around: Surroundings, *, inverted: bool) -> Alternatives:
    """Conditions about the port of entry or exit, which is an interface when the port is bound here."""
    outgoing = name.startswith("out")
    if outgoing and around.place is Place.IN:
        return _constant(inverted)  # no output port yet (simulation 1.3)
    wanted = getattr(rule, name)
    ports = around.members.get(wanted, ()) if isinstance(wanted, str) else wanted
    names = [around.interfaces[port].encode() for port in ports if port in around.interfaces]
    if (around.place is Place.FORWARD and name != "port_group") or (around.place is Place.OUT and name.startswith("in")):
        raise Inexpressible("a routed packet is known by its first and last port only, not by those of each device on its way")
    if not outgoing and around.place is not Place.IN and len(names) < len(ports):
        raise Inexpressible("behind the port of entry only the ports of this host are known to the kernel")
    what = Field.OIFNAME if outgoing else Field.IIFNAME
    if inverted:
        return [tuple(Compare(what, interface, invert=True) for interface in names)]
    return [(Compare(what, interface),) for interface in names]


_Test = Callable[[Rule, Surroundings, bool], Alternatives]
_TESTS: dict[str, _Test] = {
    "match_forward_flow": lambda _rule, _around, inverted: [(Compare(Field.CT_DIRECTION, b"\0", invert=inverted),)],
    "match_return_flow": lambda _rule, _around, inverted: [(Compare(Field.CT_DIRECTION, b"\0", invert=not inverted),)],
    "dl_type": lambda rule, _around, inverted: _constant((rule.dl_type == IPV4) != inverted),
    "vlan": lambda _rule, _around, inverted: _constant(inverted),  # frames carry no tag here
    "dl_src": lambda rule, around, inverted: _mac(Field.ETHER_SADDR, rule.dl_src, rule.dl_src_mask, around, inverted=inverted),
    "dl_dst": lambda rule, around, inverted: _mac(Field.ETHER_DADDR, rule.dl_dst, rule.dl_dst_mask, around, inverted=inverted),
    "nw_tos": lambda rule, _around, inverted: [(Compare(Field.IP_TOS, bytes((rule.nw_tos or 0,)), invert=inverted),)],
    "nw_proto": lambda rule, _around, inverted: [(Compare(Field.L4PROTO, bytes((rule.nw_proto or 0,)), invert=inverted),)],
    "nw_src_address": lambda rule, _around, inverted: _prefix(
        Field.IP_SADDR, rule.nw_src_address, rule.nw_src_length, inverted=inverted
    ),
    "nw_dst_address": lambda rule, _around, inverted: _prefix(
        Field.IP_DADDR, rule.nw_dst_address, rule.nw_dst_length, inverted=inverted
    ),
    "tp_src": lambda rule, _around, inverted: _ports(rule, rule.tp_src, Field.TH_SPORT, Field.ICMP_TYPE, inverted=inverted),
    "tp_dst": lambda rule, _around, inverted: _ports(rule, rule.tp_dst, Field.TH_DPORT, Field.ICMP_CODE, inverted=inverted),
    "ip_addr_group_src": lambda rule, around, inverted: _group(Field.IP_SADDR, rule.ip_addr_group_src, around, inverted=inverted),
    "ip_addr_group_dst": lambda rule, around, inverted: _group(Field.IP_DADDR, rule.ip_addr_group_dst, around, inverted=inverted),
    "in_ports": lambda rule, around, inverted: _by_port(rule, "in_ports", around, inverted=inverted),
    "out_ports": lambda rule, around, inverted: _by_port(rule, "out_ports", around, inverted=inverted),
    "port_group": lambda rule, around, inverted: _by_port(rule, "port_group", around, inverted=inverted),
    "in_port_group": lambda rule, around, inverted: _by_port(rule, "in_port_group", around, inverted=inverted),
    "out_port_group": lambda rule, around, inverted: _by_port(rule, "out_port_group", around, inverted=inverted),
}


def ipv4_members(addresses: Sequence[str]) -> list[bytes]:
    """The IPv4 addresses among ``addresses`` as they stand in a packet; the table sees no others."""
    read = (ip_address(text) for text in addresses)
    return sorted({address.packed for address in read if isinstance(address, IPv4Address)})
