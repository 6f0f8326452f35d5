"""Notices of the kernel in memory."""

from __future__ import annotations

import os

from midonet_kubernetes.linux.kernel import Notice


class TwinWatch:
    """``kernel.Watch``.

    Args:
        audience: of the namespace; the watch adds itself and takes itself out.
        kinds: of notices to hear.
    """

    def __init__(self, audience: list[TwinWatch], kinds: frozenset[str]) -> None:
        self._audience, self._kinds = audience, kinds
        self._waiting: list[Notice] = []
        self._own: set[int] = set()
        self._readable = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        audience.append(self)

    def fileno(self) -> int:
        """See ``kernel.Watch``."""
        return self._readable

    def ignore(self, port: int) -> None:
        """See ``kernel.Watch``."""
        self._own.add(port)

    def tell(self, notice: Notice, port: int) -> None:
        """Something changed, through the socket with this port."""
        if port not in self._own and (notice.kind in self._kinds or notice.kind == "everything"):
            self._waiting.append(notice)
            os.eventfd_write(self._readable, 1)

    def read(self) -> list[Notice]:
        """See ``kernel.Watch``."""
        if self._waiting:
            os.eventfd_read(self._readable)
        notices, self._waiting = self._waiting, []
        return notices

    def close(self) -> None:
        """See ``kernel.Watch``."""
        if self in self._audience:
            self._audience.remove(self)
            os.close(self._readable)
