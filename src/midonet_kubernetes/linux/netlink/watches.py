"""Notifications: a socket in multicast groups, read whenever it is readable."""

from __future__ import annotations

from abc import ABC, abstractmethod

from midonet_kubernetes.linux.kernel import Notice
from midonet_kubernetes.linux.netlink.sockets import Answer, NetlinkSocket, split

_RECEIVE_BUFFER = 4 << 20


class NetlinkWatch(ABC):
    """``kernel.Watch``, but for what a message says.

    Args:
        netlink: in its groups.
    """

    def __init__(self, netlink: NetlinkSocket) -> None:
        self._netlink = netlink
        self._netlink.enlarge(receive=_RECEIVE_BUFFER)
        self._own: set[int] = set()

    def fileno(self) -> int:
        """See ``kernel.Watch``."""
        return self._netlink.fileno()

    def close(self) -> None:
        """See ``kernel.Watch``."""
        self._netlink.close()

    def ignore(self, port: int) -> None:
        """See ``kernel.Watch``."""
        self._own.add(port)

    def read(self) -> list[Notice]:
        """See ``kernel.Watch``."""
        notices: list[Notice] = []
        for datagram in self._netlink.waiting():
            if datagram is None:
                notices.append(Notice("everything"))
                continue
            foreign = (answer for answer in split(datagram) if answer.port not in self._own)
            notices += filter(None, map(self._notice, foreign))
        return notices

    @abstractmethod
    def _notice(self, answer: Answer) -> Notice | None:
        """What a message says, None when it is of no interest."""
