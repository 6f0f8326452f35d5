"""Numbers of ``linux/netfilter/nf_tables.h`` that several modules need; each module keeps its own beside their use."""

from __future__ import annotations

import struct

SUBSYSTEM = 10 << 8  # NFNL_SUBSYS_NFTABLES, the upper byte of a message's type
BATCH_BEGIN, BATCH_END = 0x10, 0x11
NEW_TABLE, GET_TABLE, DELETE_TABLE = SUBSYSTEM, SUBSYSTEM + 1, SUBSYSTEM + 2
NEW_CHAIN, GET_CHAIN, DELETE_CHAIN = SUBSYSTEM + 3, SUBSYSTEM + 4, SUBSYSTEM + 5
NEW_RULE, GET_RULE, DELETE_RULE = SUBSYSTEM + 6, SUBSYSTEM + 7, SUBSYSTEM + 8
NEW_SET, GET_SET, DELETE_SET = SUBSYSTEM + 9, SUBSYSTEM + 10, SUBSYSTEM + 11
NEW_ELEMENT, GET_ELEMENT, DELETE_ELEMENT = SUBSYSTEM + 12, SUBSYSTEM + 13, SUBSYSTEM + 14
NEW_GENERATION, GET_GENERATION = SUBSYSTEM + 15, SUBSYSTEM + 16

FAMILIES = {"inet": 1, "ip": 2, "arp": 3, "netdev": 5, "bridge": 7, "ip6": 10}
LIST_ELEMENT = 1
DATA_VALUE, DATA_VERDICT = 1, 2
VERDICT_CODE, VERDICT_CHAIN = 1, 2
VERDICT_REGISTER, FIRST_REGISTER, LAST_REGISTER = 0, 8, 23  # 8 to 23: sixteen registers of 4 bytes

VERDICTS = {"drop": 0, "accept": 1, "continue": -1, "jump": -3, "goto": -4, "return": -5}
OUR_USERDATA = 0x6D  # type of our part among the user data's parts; nft, whose parts have small numbers, passes over it

_HEADER = struct.Struct("=BBH")


def header(family: str) -> bytes:
    """What each message of nfnetlink begins with (``struct nfgenmsg``)."""
    return _HEADER.pack(FAMILIES[family], 0, 0)


def userdata(*parts: tuple[int, bytes]) -> bytes:
    """User data as nft keeps it: type, length and value of each part, each value shorter than 256 bytes."""
    return b"".join(bytes((kind, len(value))) + value for kind, value in parts)


def read_userdata(data: bytes) -> dict[int, bytes]:
    """The parts by type."""
    parts = {}
    start = 0
    while start + 2 <= len(data):
        kind, length = data[start], data[start + 1]
        parts[kind] = data[start + 2 : start + 2 + length]
        start += 2 + length
    return parts
