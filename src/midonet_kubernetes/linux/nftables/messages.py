"""Operations of a transaction as netlink messages."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import count
from typing import Any

from midonet_kubernetes.linux.netlink.attributes import attribute, be32, nested, text
from midonet_kubernetes.linux.netlink.sockets import APPEND, CREATE, EXCLUSIVE, Message
from midonet_kubernetes.linux.nftables import numbers, rules, sets
from midonet_kubernetes.linux.nftables.elements import ElementCodec
from midonet_kubernetes.linux.nftables.transaction import (
    AddChain,
    AddElements,
    AddRule,
    AddSet,
    AddTable,
    DeleteChain,
    DeleteElements,
    DeleteSet,
    DeleteTable,
    FlushChain,
    Transaction,
)
from midonet_kubernetes.topology.rule_set import Set

TABLE_NAME, _TABLE_FLAGS = 1, 2
_OWNED, _STAYS = 0x2, 0x4  # NFT_TABLE_F_OWNER, NFT_TABLE_F_PERSIST
CHAIN_TABLE, CHAIN_NAME, CHAIN_HOOK, CHAIN_POLICY, CHAIN_TYPE = 1, 3, 4, 5, 7
HOOK_POINT, HOOK_PRIORITY = 1, 2
RULE_TABLE, RULE_CHAIN, RULE_EXPRESSIONS, RULE_USERDATA = 1, 2, 4, 7
ELEMENTS_TABLE, ELEMENTS_SET, ELEMENTS_LIST = 1, 2, 3
HOOK_POINTS = {"prerouting": 0, "input": 1, "forward": 2, "output": 3, "postrouting": 4}
POLICY_DROP, POLICY_ACCEPT = 0, 1

codec = lru_cache(maxsize=256)(ElementCodec)


class Messages:
    """Encodes transactions on one table."""

    def __init__(self, transaction: Transaction) -> None:
        self._operations = transaction.operations
        self._table = transaction.table
        self._header = numbers.header(transaction.family)
        self._set_numbers = count(1)
        self._encoders: dict[type, Callable[[Any], Iterator[Message]]] = {
            AddTable: self._add_table,
            DeleteTable: self._delete_table,
            AddChain: self._add_chain,
            FlushChain: self._flush_chain,
            DeleteChain: self._delete_chain,
            AddRule: self._add_rule,
            AddSet: self._add_set,
            DeleteSet: self._delete_set,
            AddElements: self._add_elements,
            DeleteElements: self._delete_elements,
        }

    def __iter__(self) -> Iterator[Message]:
        """In order.

        Raises:
            ValueError: a value does not fit its field; the compiler's fault.
        """
        for operation in self._operations:
            yield from self._encoders[type(operation)](operation)

    def _message(self, operation: str, kind: int, flags: int, *attributes: bytes) -> Message:
        return Message(f"{operation} table {self._table}", kind, flags, self._header + b"".join(attributes))

    def _named(self, kind: int) -> bytes:
        """The table's name, an attribute of number 1 in all messages."""
        return text(kind, self._table)

    def _add_table(self, _: AddTable) -> Iterator[Message]:
        yield self._message("add", numbers.NEW_TABLE, CREATE, self._named(TABLE_NAME))

    def _delete_table(self, _: DeleteTable) -> Iterator[Message]:
        yield self._message("delete", numbers.DELETE_TABLE, 0, self._named(TABLE_NAME))

    def _add_chain(self, operation: AddChain) -> Iterator[Message]:
        chain = operation.chain
        parts = [self._named(CHAIN_TABLE), text(CHAIN_NAME, chain.name)]
        if chain.hook:
            point = be32(HOOK_POINT, HOOK_POINTS[chain.hook.point]) + be32(HOOK_PRIORITY, chain.hook.priority)
            policy = POLICY_DROP if chain.hook.policy_drop else POLICY_ACCEPT
            parts += [nested(CHAIN_HOOK, point), be32(CHAIN_POLICY, policy), text(CHAIN_TYPE, chain.hook.type)]
        yield self._message(f"add chain {chain.name} to", numbers.NEW_CHAIN, CREATE, *parts)

    def _flush_chain(self, operation: FlushChain) -> Iterator[Message]:
        parts = self._named(RULE_TABLE), text(RULE_CHAIN, operation.name)
        yield self._message(f"flush chain {operation.name} of", numbers.DELETE_RULE, 0, *parts)

    def _delete_chain(self, operation: DeleteChain) -> Iterator[Message]:
        parts = self._named(CHAIN_TABLE), text(CHAIN_NAME, operation.name)
        yield self._message(f"delete chain {operation.name} of", numbers.DELETE_CHAIN, 0, *parts)

    def _add_rule(self, operation: AddRule) -> Iterator[Message]:
        expressions, userdata = rules.encode(operation.rule)
        yield self._message(
            f"add the rule of {operation.rule.origin or 'the skeleton'} to chain {operation.chain} of",
            numbers.NEW_RULE,
            CREATE | APPEND,
            self._named(RULE_TABLE),
            text(RULE_CHAIN, operation.chain),
            nested(RULE_EXPRESSIONS, expressions),
            attribute(RULE_USERDATA, userdata),
        )

    def _add_set(self, operation: AddSet) -> Iterator[Message]:
        parts = self._named(sets.SET_TABLE), sets.encode(operation.set, next(self._set_numbers))
        yield self._message(f"add set {operation.set.name} to", numbers.NEW_SET, CREATE | EXCLUSIVE, *parts)

    def _delete_set(self, operation: DeleteSet) -> Iterator[Message]:
        parts = self._named(sets.SET_TABLE), text(sets.SET_NAME, operation.name)
        yield self._message(f"delete set {operation.name} of", numbers.DELETE_SET, 0, *parts)

    def _add_elements(self, operation: AddElements) -> Iterator[Message]:
        for elements in codec(operation.set).encode(operation.elements):
            yield self._elements("add elements to", numbers.NEW_ELEMENT, CREATE, operation.set, elements)

    def _delete_elements(self, operation: DeleteElements) -> Iterator[Message]:
        for elements in codec(operation.set).encode_keys(operation.keys):
            yield self._elements("delete elements of", numbers.DELETE_ELEMENT, 0, operation.set, elements)

    def _elements(self, verb: str, kind: int, flags: int, of: Set, elements: bytes) -> Message:
        parts = self._named(ELEMENTS_TABLE), text(ELEMENTS_SET, of.name), nested(ELEMENTS_LIST, elements)
        return self._message(f"{verb} set {of.name} of", kind, flags, *parts)


_BATCH = struct.Struct(">BBH")


def owned_table(name: str, family: str) -> Message:
    """Make a table that only the sending socket may change, or own it again after its last owner."""
    attributes = text(TABLE_NAME, name) + be32(_TABLE_FLAGS, _OWNED | _STAYS)
    return Message(f"own table {name}", numbers.NEW_TABLE, CREATE, numbers.header(family) + attributes)


def batch_mark(kind: int) -> Message:
    """The message that begins or ends a batch; its third number says whose batch it is."""
    return Message("apply the transaction", kind, 0, _BATCH.pack(0, 0, numbers.SUBSYSTEM >> 8))
