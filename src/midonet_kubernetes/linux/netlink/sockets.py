"""A netlink socket inside a network namespace: requests with acknowledgement, dumps, batches, and notifications."""

from __future__ import annotations

import ctypes
import errno
import socket
import struct
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import NamedTuple

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.linux.netlink.attributes import parse, read_text

REQUEST, ACK, DUMP_INTERRUPTED, ACK_TLVS = 0x1, 0x4, 0x10, 0x200
DUMP = 0x300
REPLACE, EXCLUSIVE, CREATE, APPEND = 0x100, 0x200, 0x400, 0x800

ERROR, DONE = 2, 3
LONGEST_DATAGRAM = 65536

_SOL_NETLINK = 270
_ADD_MEMBERSHIP, _CAP_ACK, _EXT_ACK, _STRICT_CHECK = 1, 10, 11, 12
_SNDBUFFORCE, _RCVBUFFORCE, _ATTACH_FILTER = 32, 33, 26
_TRIES_OF_A_DUMP = 20
_BATCH_BYTES = 32768  # of one sendmsg: below the smallest default send buffer
_MESSAGE_FOR_USERS = 1  # NLMSGERR_ATTR_MSG

HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence number, port


class Message(NamedTuple):
    """A request.

    Args:
        operation: what it does, in words, for the error when it is refused.
        type: of the message.
        flags: beside REQUEST.
        body: the family's header and attributes.
    """

    operation: str
    type: int
    flags: int
    body: bytes


class Answer(NamedTuple):
    """A message from the kernel."""

    type: int
    flags: int
    sequence: int
    port: int
    body: bytes


def frame(message: Message, flags: int, sequence: int) -> bytes:
    """The message as it is sent, padded."""
    length = len(message.body) + 16
    return HEADER.pack(length, message.type, REQUEST | message.flags | flags, sequence, 0) + message.body + bytes(-length & 3)


def split(datagram: bytes) -> Iterator[Answer]:
    """The messages of a datagram."""
    start = 0
    while start + 16 <= len(datagram):
        length, kind, flags, sequence, port = HEADER.unpack_from(datagram, start)
        if length < 16:
            return
        yield Answer(kind, flags, sequence, port, datagram[start + 16 : start + length])
        start += (length + 3) & ~3


def error_of(answer: Answer, operation: str) -> KernelError | None:
    """The refusal that an ERROR or DONE message carries, None when all is well."""
    code = -struct.unpack_from("=i", answer.body)[0] if len(answer.body) >= 4 else 0
    if not code:
        return None
    start = 20 if answer.type == ERROR else 4  # the request's header comes before the explanation
    explanation = parse(answer.body, start).get(_MESSAGE_FOR_USERS, b"") if answer.flags & ACK_TLVS else b""
    return KernelError(operation, code, read_text(explanation))


class NetlinkSocket:
    """A socket that stays in the namespace in which it was opened, whatever becomes of the namespace's name.

    Args:
        protocol: NETLINK_ROUTE or another family's number.
        namespace: None for the calling thread's.
        groups: numbers of the multicast groups to hear.

    Raises:
        KernelError: the kernel lacks the protocol or a group.
    """

    def __init__(self, protocol: int, namespace: Namespace | None = None, groups: Sequence[int] = ()) -> None:
        try:
            with nullcontext() if namespace is None else namespace.entered():
                self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, protocol)
            try:
                self._prepare(groups)
            except OSError:
                self._socket.close()
                raise
        except OSError as refused:
            raise KernelError(f"open a netlink socket of protocol {protocol}", refused.errno or errno.EIO) from None
        self.port: int = self._socket.getsockname()[0]
        self._sequence = 0

    def _prepare(self, groups: Sequence[int]) -> None:
        self._socket.bind((0, 0))
        for option in (_CAP_ACK, _EXT_ACK, _STRICT_CHECK):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        for group in groups:
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)

    def fileno(self) -> int:
        """The descriptor, for waiting."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close it. Closing twice is fine."""
        self._socket.close()

    def enlarge(self, *, send: int = 0, receive: int = 0) -> int:
        """Ask for larger buffers: beyond the machine's limit with privileges, else up to it.

        Returns:
            The longest datagram that can be sent now, in bytes.
        """
        for size, force, polite in ((send, _SNDBUFFORCE, socket.SO_SNDBUF), (receive, _RCVBUFFORCE, socket.SO_RCVBUF)):
            if size > self._socket.getsockopt(socket.SOL_SOCKET, polite):
                try:
                    self._socket.setsockopt(socket.SOL_SOCKET, force, size)
                except PermissionError:
                    self._socket.setsockopt(socket.SOL_SOCKET, polite, size)
        return self._socket.getsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF) - 32  # netlink_sendmsg keeps 32 for itself

    def attach_filter(self, program: bytes) -> None:
        """Let only those datagrams in for which a classic BPF program (8 bytes an instruction) returns their length."""
        instructions = ctypes.create_string_buffer(program, len(program))
        description = struct.pack("HP", len(program) // 8, ctypes.addressof(instructions))
        self._socket.setsockopt(socket.SOL_SOCKET, _ATTACH_FILTER, description)

    def sequences(self, count: int) -> int:
        """Reserve ``count`` sequence numbers; the first of them."""
        first = self._sequence + 1
        self._sequence = (self._sequence + count) & 0x7FFFFFFF
        return first

    def request(self, message: Message) -> None:
        """Send one request and wait for its acknowledgement.

        Raises:
            KernelError: refused.
        """
        for refused in self.exchange((message,)):
            raise refused

    def exchange(self, messages: Sequence[Message]) -> list[KernelError]:
        """Send requests, many in one system call, in order; one refused does not stop the others.

        Only the last one of each call asks for an acknowledgement: refusals come anyway.

        Returns:
            The refusals, in order.
        """
        refusals: list[KernelError] = []
        start = 0
        while start < len(messages):
            size, stop = 0, start
            while stop < len(messages) and (stop == start or size + len(messages[stop].body) + 20 <= _BATCH_BYTES):
                size += len(messages[stop].body) + 20
                stop += 1
            refusals += self._exchange(messages[start:stop])
            start = stop
        return refusals

    def _exchange(self, messages: Sequence[Message]) -> list[KernelError]:
        first = self.sequences(len(messages))
        last = first + len(messages) - 1
        frames = [frame(message, ACK if first + i == last else 0, first + i) for i, message in enumerate(messages)]
        self.send(b"".join(frames), messages[0].operation)
        refusals = []
        while True:
            for answer in split(self.receive(messages[0].operation)):
                if answer.type == ERROR and first <= answer.sequence <= last:
                    refused = error_of(answer, messages[answer.sequence - first].operation)
                    if refused:
                        refusals.append(refused)
                    if answer.sequence == last:
                        return refusals

    def ask(self, message: Message) -> Answer | None:
        """Send a request that is answered by one message.

        Returns:
            The answer; None when the request was only acknowledged.

        Raises:
            KernelError: refused.
        """
        sequence = self.sequences(1)
        self.send(frame(message, 0, sequence), message.operation)
        while True:
            for answer in split(self.receive(message.operation)):
                if answer.sequence == sequence:
                    if answer.type != ERROR:
                        return answer
                    refused = error_of(answer, message.operation)
                    if refused:
                        raise refused
                    return None

    def dump(self, message: Message) -> list[Answer]:
        """Send a request that is answered by all there is. Begun again when something changed meanwhile.

        Raises:
            KernelError: refused; EINTR when it never stood still.
        """
        for _ in range(_TRIES_OF_A_DUMP):
            answers, interrupted = self._dump(message)
            if not interrupted:
                return answers
        raise KernelError(message.operation, errno.EINTR, "it changed during every attempt to read it")

    def _dump(self, message: Message) -> tuple[list[Answer], bool]:
        sequence = self.sequences(1)
        self.send(frame(message, DUMP, sequence), message.operation)
        answers: list[Answer] = []
        interrupted = False
        while True:
            for answer in split(self.receive(message.operation)):
                if answer.sequence != sequence:
                    continue
                interrupted |= bool(answer.flags & DUMP_INTERRUPTED)
                if answer.type not in {DONE, ERROR}:
                    answers.append(answer)
                    continue
                refused = error_of(answer, message.operation)
                if refused and refused.code != errno.EINTR:
                    raise refused
                return answers, interrupted or refused is not None

    def send(self, datagram: bytes, operation: str) -> None:
        """Send bytes to the kernel, which has worked through them when this returns."""
        try:
            self._socket.send(datagram)
        except OSError as refused:
            raise KernelError(operation, refused.errno or errno.EIO) from None

    def receive(self, operation: str) -> bytes:
        """Wait for a datagram."""
        try:
            return self._socket.recv(LONGEST_DATAGRAM)
        except OSError as refused:
            raise KernelError(operation, refused.errno or errno.EIO) from None

    def waiting(self) -> Iterator[bytes | None]:
        """The datagrams that are there now; None in the place of some that the kernel had to drop, for want of room."""
        while True:
            try:
                yield self._socket.recv(LONGEST_DATAGRAM, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except OSError as refused:
                if refused.errno != errno.ENOBUFS:
                    raise KernelError("read what came", refused.errno or errno.EIO) from None
                yield None
