from __future__ import annotations

import pytest

from midonet_kubernetes.linux.netlink.attributes import parse, read_be32
from midonet_kubernetes.linux.nftables import sets
from midonet_kubernetes.linux.nftables.fields import LAYOUTS
from midonet_kubernetes.linux.nftables.numbers import OUR_USERDATA, userdata
from midonet_kubernetes.topology.rule_set import Data, Field, Set

SETS = [
    Set("a", (Field.IP_SADDR,)),
    Set("a", (Field.IP_DADDR,)),
    Set("a", (Field.IP_DADDR,), intervals=True),
    Set("a", (Field.IP_DADDR, Field.L4PROTO, Field.TH_DPORT, Field.MARK), Data.ADDRESS_AND_PORT),
    Set("a", (Field.IIFNAME,), Data.VERDICT),
    Set("a", (Field.IIFNAME, Field.OIFNAME)),
    *(Set("a", (Field.IP_SADDR,), data) for data in Data),
]


@pytest.mark.parametrize("value", SETS, ids=repr)
def test_a_set_is_known_again_by_what_is_kept_with_it(value):
    kept = parse(sets.encode(value, 1))[sets.SET_USERDATA]
    assert sets.decode("a", kept) == value


def test_a_set_of_every_field_fits_what_the_kernel_keeps():
    longest = max(SETS, key=lambda value: len(value.key))
    assert len(parse(sets.encode(longest, 1))[sets.SET_USERDATA]) <= 256


@pytest.mark.parametrize(
    "kept",
    [b"", userdata((0, b"1234")), userdata((OUR_USERDATA, b"unknown field;;0")), userdata((OUR_USERDATA, b"")), b"\x6d\xff\xff"],
)
def test_a_set_without_our_mark_is_not_ours(kept):
    assert sets.decode("a", kept) is None


@pytest.mark.parametrize("field", list(Field), ids=repr)
def test_a_key_is_as_long_as_its_field_and_padded_only_among_others(field):
    key_length = 5
    layout = LAYOUTS[field]
    assert read_be32(parse(sets.encode(Set("a", (field,)), 1))[key_length]) == layout.length
    assert read_be32(parse(sets.encode(Set("a", (field, Field.L4PROTO)), 1))[key_length]) == layout.padded + 4
