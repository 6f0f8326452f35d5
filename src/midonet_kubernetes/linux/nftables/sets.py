"""Sets and maps: how they are made, and how ours are known again."""

from __future__ import annotations

import sys

from midonet_kubernetes.linux.netlink.attributes import attribute, be32, nested, text
from midonet_kubernetes.linux.nftables.elements import ElementCodec
from midonet_kubernetes.linux.nftables.fields import LAYOUTS
from midonet_kubernetes.linux.nftables.numbers import LIST_ELEMENT, OUR_USERDATA, read_userdata, userdata
from midonet_kubernetes.topology.rule_set import Data, Field, Set

SET_TABLE, SET_NAME, SET_FLAGS, SET_USERDATA = 1, 2, 3, 13
_KEY_TYPE, _KEY_LENGTH, _DATA_TYPE, _DATA_LENGTH, _DESCRIPTION, _ID = 4, 5, 6, 7, 9, 10
_DESCRIPTION_FIELDS, _FIELD_LENGTH = 2, 1
ANONYMOUS = 0x1
_INTERVAL, _MAP, _CONCATENATION = 0x4, 0x8, 0x80
_BITS_OF_A_TYPE = 6  # nft packs the types of a concatenation into one number
_VERDICT_TYPE = 0xFFFFFF00
_KEY_ORDER, _DATA_ORDER, _HOST, _NETWORK = 0, 1, 1, 2  # nft's own parts of the user data: without them it prints values reversed
_DATA_TYPES = {Data.VERDICT: (_VERDICT_TYPE, 0), Data.ADDRESS_AND_PORT: (7 << _BITS_OF_A_TYPE | 13, 8), Data.MARK: (19, 4)}


def encode(value: Set, number: int) -> bytes:
    """Attributes of a new set, but for its table; ``number`` differs among the new sets of a transaction."""
    layouts = [LAYOUTS[field] for field in value.key]
    key_type = 0
    for layout in layouts:
        key_type = key_type << _BITS_OF_A_TYPE | layout.type
    flags = (_INTERVAL if value.intervals else 0) | (_MAP if value.data else 0) | (_CONCATENATION if len(layouts) > 1 else 0)
    parts = [
        text(SET_NAME, value.name),
        be32(SET_FLAGS, flags),
        be32(_KEY_TYPE, key_type),
        be32(_KEY_LENGTH, ElementCodec(value).key_length),
        be32(_ID, number),
        attribute(SET_USERDATA, _kept(value)),
    ]
    if value.data:
        data_type, length = _DATA_TYPES[value.data]
        parts.append(be32(_DATA_TYPE, data_type))
        if length:
            parts.append(be32(_DATA_LENGTH, length))
    if len(layouts) > 1:
        fields = (nested(LIST_ELEMENT, be32(_FIELD_LENGTH, layout.length)) for layout in layouts)
        parts.append(nested(_DESCRIPTION, nested(_DESCRIPTION_FIELDS, *fields)))
    return b"".join(parts)


def _kept(value: Set) -> bytes:
    layout = LAYOUTS[value.key[0]]
    orders = (
        (_KEY_ORDER, _HOST if len(value.key) == 1 and (layout.host_order or layout.text) else _NETWORK),
        (_DATA_ORDER, _HOST if value.data is Data.MARK else _NETWORK),
    )
    parts = [(kind, order.to_bytes(4, sys.byteorder)) for kind, order in orders]
    return userdata(*parts, (OUR_USERDATA, _signature(value)))


def _signature(value: Set) -> bytes:
    """What a set is, but for its name, in a form that can be read back. The kernel keeps types, but not which field is meant."""
    parts = [",".join(field.value for field in value.key), value.data.value if value.data else "", str(int(value.intervals))]
    return ";".join(parts).encode()


def decode(name: str, kept: bytes) -> Set | None:
    """A set by its user data, None when it is not of our making."""
    signature = read_userdata(kept).get(OUR_USERDATA)
    if signature is None:
        return None
    try:
        fields, data, intervals = signature.decode().split(";")
        key = tuple(Field(field) for field in fields.split(","))
        return Set(name, key, Data(data) if data else None, intervals == "1")
    except ValueError:  # a later version of this program made it
        return None
