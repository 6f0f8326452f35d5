from __future__ import annotations

import errno
import struct

from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.linux.netlink.attributes import text
from midonet_kubernetes.linux.netlink.sockets import (
    ACK_TLVS,
    DONE,
    ERROR,
    HEADER,
    REQUEST,
    Answer,
    Message,
    error_of,
    frame,
    split,
)


@given(st.lists(st.tuples(st.integers(0, 65535), st.integers(0, 2**32 - 1), st.binary(max_size=50))))
def test_a_datagram_falls_into_the_messages_that_it_was_made_of(messages):
    datagram = b"".join(frame(Message("do it", kind, 0, body), 0, sequence) for kind, sequence, body in messages)
    assert [(answer.type, answer.sequence, answer.body) for answer in split(datagram)] == messages


@given(st.binary(max_size=100))
def test_no_bytes_can_break_the_reader(data):
    assert len(list(split(data))) <= len(data) // 16


def test_every_message_is_flagged_as_a_request():
    assert HEADER.unpack_from(frame(Message("do it", 16, 0x400, b""), 0x4, 9)) == (16, 16, REQUEST | 0x404, 9, 0)


def test_an_acknowledgement_is_no_error():
    assert error_of(Answer(ERROR, 0, 1, 1, struct.pack("=i", 0) + bytes(16)), "do it") is None


def test_a_refusal_carries_number_operation_and_the_explanation_of_the_kernel():
    body = struct.pack("=i", -errno.EEXIST) + bytes(16) + text(1, "it is there")
    refused = error_of(Answer(ERROR, ACK_TLVS, 1, 1, body), "add a link")
    assert (refused.code, refused.detail) == (errno.EEXIST, "it is there")
    assert str(refused) == "add a link: File exists (it is there)"


def test_a_refusal_without_explanation_has_none():
    refused = error_of(Answer(ERROR, 0, 1, 1, struct.pack("=i", -errno.EPERM) + bytes(40)), "add a link")
    assert (refused.code, refused.detail) == (errno.EPERM, "")


def test_a_dump_may_end_in_a_refusal():
    assert error_of(Answer(DONE, 0, 1, 1, struct.pack("=i", 0)), "list") is None
    assert error_of(Answer(DONE, 0, 1, 1, b""), "list") is None
    assert error_of(Answer(DONE, 0, 1, 1, struct.pack("=i", -errno.ENOENT)), "list").code == errno.ENOENT
