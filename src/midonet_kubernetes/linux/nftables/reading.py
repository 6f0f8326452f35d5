"""A table read back from the kernel, in the words in which it was written."""

from __future__ import annotations

import errno
import struct

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.netlink.attributes import parse, read_be32, read_text, text, walk
from midonet_kubernetes.linux.netlink.sockets import Message, NetlinkSocket
from midonet_kubernetes.linux.nftables import messages as wire
from midonet_kubernetes.linux.nftables import numbers, rules, sets
from midonet_kubernetes.linux.nftables.transaction import InstalledChain, InstalledRule, InstalledTable
from midonet_kubernetes.topology.rule_set import ElementData, ElementKey, Hook, Set

_POINTS = {number: point for point, number in wire.HOOK_POINTS.items()}


def get_table(name: str, family: str) -> Message:
    """Ask for a table. ENOENT: there is none."""
    return Message(f"read table {name}", numbers.GET_TABLE, 0, numbers.header(family) + text(wire.TABLE_NAME, name))


def read_table(netlink: NetlinkSocket, name: str, family: str) -> InstalledTable:
    """All of a table that exists."""
    found = _read_sets(netlink, name, family)
    ours = [value for value in found.values() if value is not None]
    return InstalledTable(
        name,
        family,
        chains=_read_chains(netlink, name, family),
        sets=found,
        elements={value.name: _read_elements(netlink, name, family, value) for value in ours},
    )


def _read_chains(netlink: NetlinkSocket, table: str, family: str) -> dict[str, InstalledChain]:
    of_chain = _read_rules(netlink, table, family)
    chains = {}
    for answer in netlink.dump(Message(f"list the chains of table {table}", numbers.GET_CHAIN, 0, numbers.header(family))):
        attributes = parse(answer.body, 4)
        if read_text(attributes[wire.CHAIN_TABLE]) == table:
            name = read_text(attributes[wire.CHAIN_NAME])
            chains[name] = InstalledChain(name, _read_hook(attributes), tuple(of_chain.get(name, ())))
    return chains


def _read_hook(attributes: dict[int, bytes]) -> Hook | None:
    if wire.CHAIN_HOOK not in attributes:
        return None
    hook = parse(attributes[wire.CHAIN_HOOK])
    return Hook(
        type=read_text(attributes[wire.CHAIN_TYPE]),
        point=_POINTS.get(read_be32(hook[wire.HOOK_POINT]), ""),
        priority=struct.unpack(">i", hook[wire.HOOK_PRIORITY])[0],
        policy_drop=read_be32(attributes[wire.CHAIN_POLICY]) == wire.POLICY_DROP,
    )


def _read_rules(netlink: NetlinkSocket, table: str, family: str) -> dict[str, list[InstalledRule]]:
    """By chain, in order."""
    body = numbers.header(family) + text(wire.RULE_TABLE, table)
    of_chain: dict[str, list[InstalledRule]] = {}
    for answer in netlink.dump(Message(f"list the rules of table {table}", numbers.GET_RULE, 0, body)):
        attributes = parse(answer.body, 4)
        expressions = sum(1 for _ in walk(attributes.get(wire.RULE_EXPRESSIONS, b"")))
        rule = rules.installed(expressions, attributes.get(wire.RULE_USERDATA, b""))
        of_chain.setdefault(read_text(attributes[wire.RULE_CHAIN]), []).append(rule)
    return of_chain


def _read_sets(netlink: NetlinkSocket, table: str, family: str) -> dict[str, Set | None]:
    body = numbers.header(family) + text(sets.SET_TABLE, table)
    found: dict[str, Set | None] = {}
    for answer in netlink.dump(Message(f"list the sets of table {table}", numbers.GET_SET, 0, body)):
        attributes = parse(answer.body, 4)
        if not read_be32(attributes.get(sets.SET_FLAGS, bytes(4))) & sets.ANONYMOUS:  # part of somebody's rule, goes with it
            name = read_text(attributes[sets.SET_NAME])
            found[name] = sets.decode(name, attributes.get(sets.SET_USERDATA, b""))
    return found


def _read_elements(netlink: NetlinkSocket, table: str, family: str, of: Set) -> dict[ElementKey, ElementData]:
    body = numbers.header(family) + text(wire.ELEMENTS_TABLE, table) + text(wire.ELEMENTS_SET, of.name)
    operation = f"list the elements of set {of.name} of table {table}"
    answers = netlink.dump(Message(operation, numbers.GET_ELEMENT, 0, body))
    try:
        return wire.codec(of).decode(parse(answer.body, 4).get(wire.ELEMENTS_LIST, b"") for answer in answers)
    except (KeyError, struct.error, ValueError) as odd:
        raise KernelError(operation, errno.EBADMSG, f"not as it was written: {odd}") from None
