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

_SET_COUNT = 20  # number of elements, from Linux 6.16 on
_TRIES = 10

_Elements = dict[ElementKey, ElementData]
_POINTS = {number: point for point, number in wire.HOOK_POINTS.items()}


def get_table(name: str, family: str) -> Message:
    """Ask for a table. ENOENT: there is none."""
    return Message(f"read table {name}", numbers.GET_TABLE, 0, numbers.header(family) + text(wire.TABLE_NAME, name))


def read_table(netlink: NetlinkSocket, name: str, family: str) -> InstalledTable:
    """All of a table that exists."""
    found, counts = _read_sets(netlink, name, family)
    ours = [value for value in found.values() if value is not None]
    return InstalledTable(
        name,
        family,
        chains=_read_chains(netlink, name, family),
        sets=found,
        elements={value.name: _read_elements(netlink, name, family, value, counts.get(value.name)) for value in ours},
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


def _read_sets(netlink: NetlinkSocket, table: str, family: str) -> tuple[dict[str, Set | None], dict[str, int]]:
    """Sets by name, and how many elements they have where the kernel says it."""
    body = numbers.header(family) + text(sets.SET_TABLE, table)
    found: dict[str, Set | None] = {}
    counts: dict[str, int] = {}
    for answer in netlink.dump(Message(f"list the sets of table {table}", numbers.GET_SET, 0, body)):
        attributes = parse(answer.body, 4)
        if not read_be32(attributes.get(sets.SET_FLAGS, bytes(4))) & sets.ANONYMOUS:  # part of somebody's rule, goes with it
            name = read_text(attributes[sets.SET_NAME])
            found[name] = sets.decode(name, attributes.get(sets.SET_USERDATA, b""))
            if _SET_COUNT in attributes:
                counts[name] = read_be32(attributes[_SET_COUNT])
    return found, counts


def _read_elements(netlink: NetlinkSocket, table: str, family: str, of: Set, count: int | None) -> _Elements:
    """The elements of a set.

    While the kernel resizes a set's hash table in the background, after many changes, a dump can leave elements out without
    a word. So a long dump is believed when it has as many elements as the kernel counts, or when it was the same twice.
    """
    body = numbers.header(family) + text(wire.ELEMENTS_TABLE, table) + text(wire.ELEMENTS_SET, of.name)
    message = Message(f"list the elements of set {of.name} of table {table}", numbers.GET_ELEMENT, 0, body)
    previous: _Elements | None = None
    for _ in range(_TRIES):
        answers = netlink.dump(message)
        try:
            elements = wire.codec(of).decode(parse(answer.body, 4).get(wire.ELEMENTS_LIST, b"") for answer in answers)
        except (KeyError, struct.error, ValueError) as odd:
            raise KernelError(message.operation, errno.EBADMSG, f"not as it was written: {odd}") from None
        if of.intervals or len(elements) == count or (count is None and len(answers) <= 1) or elements == previous:
            return elements
        previous = elements
    raise KernelError(message.operation, errno.EINTR, "it was never the same twice")
