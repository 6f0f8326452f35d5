"""The nf_tables socket of a namespace: reads tables and applies transactions."""

from __future__ import annotations

import errno
from collections.abc import Sequence

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.linux.netlink.attributes import parse, read_text
from midonet_kubernetes.linux.netlink.sockets import ACK, ERROR, Message, NetlinkSocket, error_of, frame, split
from midonet_kubernetes.linux.nftables import numbers, reading
from midonet_kubernetes.linux.nftables.messages import TABLE_NAME, Messages, batch_mark, owned_table
from midonet_kubernetes.linux.nftables.transaction import InstalledTable, Transaction

NETLINK_NETFILTER = 12
_SEND_BUFFER, _RECEIVE_BUFFER = 128 << 20, 4 << 20  # a million elements in one transaction; not allocated before they are used
_TRIES = 20


class RuleSetSocket:
    """``kernel.RuleSets`` of the real kernel."""

    def __init__(self, namespace: Namespace) -> None:
        self._netlink = NetlinkSocket(NETLINK_NETFILTER, namespace)
        self._longest = self._netlink.enlarge(send=_SEND_BUFFER, receive=_RECEIVE_BUFFER)

    @property
    def port(self) -> int:
        """See ``kernel.RuleSets``."""
        return self._netlink.port

    def close(self) -> None:
        """See ``kernel.RuleSets``."""
        self._netlink.close()

    def tables(self) -> list[tuple[str, str]]:
        """See ``kernel.RuleSets``."""
        families = {number: name for name, number in numbers.FAMILIES.items()}
        answers = self._netlink.dump(Message("list the tables", numbers.GET_TABLE, 0, bytes(4)))
        return [(families[answer.body[0]], read_text(parse(answer.body, 4)[TABLE_NAME])) for answer in answers]

    def dump(self, name: str, family: str = "ip") -> InstalledTable | None:
        """See ``kernel.RuleSets``.

        Raises:
            KernelError: EINTR, it changed during every attempt to read it.
        """
        for _ in range(_TRIES):
            before = self._generation()
            table = self._dump(name, family)
            if self._generation() == before:
                return table
        raise KernelError(f"read table {name}", errno.EINTR, "it changed during every attempt to read it")

    def _dump(self, name: str, family: str) -> InstalledTable | None:
        try:
            self._netlink.ask(reading.get_table(name, family))
            return reading.read_table(self._netlink, name, family)
        except KernelError as refused:
            if refused.code == errno.ENOENT:
                return None
            raise

    def _generation(self) -> bytes:
        answer = self._netlink.ask(Message("read the generation", numbers.GET_GENERATION, 0, bytes(4)))
        return parse(answer.body, 4).get(1, b"") if answer else b""

    def apply(self, transaction: Transaction) -> None:
        """See ``kernel.RuleSets``.

        Without privileges outside its user namespace a program cannot have a send buffer of any size. A transaction that
        is longer than the buffer is then applied in several: in order, so that nothing refers to what is not there, but
        not all or nothing.
        """
        if not transaction:
            return
        for messages in self._cut(list(Messages(transaction))):
            self._apply(messages, transaction.table)

    def own(self, table: str, family: str = "ip") -> bool:
        """See ``kernel.RuleSets``."""
        try:
            self._apply([owned_table(table, family)], table)
        except KernelError as refused:
            if refused.code in (errno.EOPNOTSUPP, errno.EINVAL, errno.EPERM):
                return False
            raise
        return True

    def _cut(self, messages: list[Message]) -> list[list[Message]]:
        room = self._longest - 2 * 20
        pieces: list[list[Message]] = [[]]
        size = 0
        for message in messages:
            size += len(message.body) + 20
            if size > room and pieces[-1]:
                pieces.append([])
                size = len(message.body) + 20
            pieces[-1].append(message)
        return pieces

    def _apply(self, messages: Sequence[Message], table: str) -> None:
        first = self._netlink.sequences(len(messages) + 2)
        last = first + len(messages)
        frames = [frame(batch_mark(numbers.BATCH_BEGIN), 0, first)]
        frames += [frame(message, 0, sequence) for sequence, message in enumerate(messages[:-1], first + 1)]
        frames.append(frame(messages[-1], ACK, last))
        frames.append(frame(batch_mark(numbers.BATCH_END), 0, last + 1))
        self._netlink.send(b"".join(frames), f"change table {table}")
        refused = self._refusals(first, messages, table)
        if refused:
            raise refused[min(refused)]

    def _refusals(self, first: int, messages: Sequence[Message], table: str) -> dict[int, KernelError]:
        """By sequence number. All answers are there as soon as the batch is sent."""
        refused: dict[int, KernelError] = {}
        acknowledged = False
        for datagram in self._netlink.waiting():
            for answer in split(datagram or b""):  # of more refusals than there is room for, the first ones count
                place = answer.sequence - first - 1
                if answer.type != ERROR or not -1 <= place < len(messages):
                    continue
                acknowledged = True
                error = error_of(answer, messages[place].operation if place >= 0 else f"commit the change of table {table}")
                if error:
                    refused.setdefault(place, error)
        if not acknowledged:
            raise KernelError(f"change table {table}", errno.EIO, "the kernel did not answer")
        return refused
