import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.controllers.packed import pack, pack_id, unpack, unpack_id
from midonet_kubernetes.model.resource_kinds import KINDS
from midonet_kubernetes.model.translation import PushedResource

uuids = st.uuids().map(str)
ids = st.one_of(uuids, st.text(max_size=60), st.uuids().map(lambda id_: str(id_).upper()))
digests = st.one_of(st.just(""), st.binary(min_size=8, max_size=8).filter(any).map(bytes.hex))
entries = st.builds(PushedResource, kind=st.sampled_from(sorted(KINDS)), id=ids, parent=ids, digest=digests)


@given(st.lists(entries, max_size=5))
def test_what_was_packed_comes_out_again(listed):
    assert list(unpack(pack(listed))) == listed


@given(ids)
def test_an_id_comes_out_again(id_):
    assert unpack_id(pack_id(id_)) == id_


def test_an_unknown_kind_is_left_out_and_a_digest_that_is_none_is_none():
    listed = [PushedResource(kind="Nonsense", id="x"), PushedResource(kind="Chain", id="x", digest="zz")]
    assert list(unpack(pack(listed))) == [PushedResource(kind="Chain", id="x")]


def test_uuids_take_their_16_bytes():
    entry = PushedResource(
        kind="Rule", id="1" * 8 + "-0000-4000-8000-000000000000", parent="2" * 8 + "-0000-4000-8000-000000000000"
    )
    assert len(pack([entry])) == 1 + 17 + 17 + 8


def test_an_id_longer_than_any_is_refused():
    with pytest.raises(ValueError, match="too long"):
        pack_id("x" * 300)
