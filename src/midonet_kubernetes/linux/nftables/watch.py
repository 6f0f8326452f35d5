"""Notices of rule sets: that somebody else committed a transaction in the namespace."""

from __future__ import annotations

import struct
import sys

from midonet_kubernetes.linux.kernel import Namespace, Notice
from midonet_kubernetes.linux.netlink.sockets import Answer, NetlinkSocket
from midonet_kubernetes.linux.netlink.watches import NetlinkWatch
from midonet_kubernetes.linux.nftables import numbers
from midonet_kubernetes.linux.nftables.sockets import NETLINK_NETFILTER

_RULE_SETS = 7  # NFNLGRP_NFTABLES
_LOAD_HALF, _JUMP_IF_EQUAL, _RETURN = 0x28, 0x15, 0x06  # classic BPF
_OFFSET_OF_TYPE = 4


class RuleSetWatch(NetlinkWatch):
    """``kernel.Watch`` of a namespace's tables.

    The kernel sends a message for each object that changed and then one for the new generation. Only the latter comes
    through a filter in the kernel, so that not even a transaction of a million elements overflows the socket.
    """

    def __init__(self, namespace: Namespace) -> None:
        netlink = NetlinkSocket(NETLINK_NETFILTER, namespace, (_RULE_SETS,))
        super().__init__(netlink)
        netlink.attach_filter(_only(numbers.NEW_GENERATION))

    def _notice(self, answer: Answer) -> Notice | None:
        return Notice("rule set") if answer.type == numbers.NEW_GENERATION else None


def _only(kind: int) -> bytes:
    """A filter of datagrams whose first message is of this type. It reads in network order what is in the machine's."""
    seen = int.from_bytes(kind.to_bytes(2, sys.byteorder), "big")
    instructions = (
        (_LOAD_HALF, 0, 0, _OFFSET_OF_TYPE),
        (_JUMP_IF_EQUAL, 0, 1, seen),
        (_RETURN, 0, 0, 0xFFFFFFFF),
        (_RETURN, 0, 0, 0),
    )
    return b"".join(struct.pack("=HBBI", *instruction) for instruction in instructions)
