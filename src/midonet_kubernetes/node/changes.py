"""Hears at once when somebody takes away what the daemon has made, instead of at the next look at everything."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from midonet_kubernetes.linux.kernel import Kernel, Namespace, Notice, Watch
from midonet_kubernetes.model.names import NODE_PORT_INTERFACE, interface_for
from midonet_kubernetes.node.node_link import NODE_INTERFACE
from midonet_kubernetes.topology.host_network import Link

_PREFIXES = (interface_for("")[:4], NODE_PORT_INTERFACE, NODE_INTERFACE)


class Changes:
    """Watches namespaces.

    Args:
        kernel: real or twin.
        told: called when something of ours is gone or down; also after an own DEL, which does no harm.
    """

    def __init__(self, kernel: Kernel, told: Callable[[], None]) -> None:
        self._kernel, self._told = kernel, told
        self._watches: dict[int, Watch] = {}  # by the identity of the namespace

    def follow(self, namespaces: Sequence[Namespace]) -> None:
        """Watch these namespaces and no others.

        Raises:
            KernelError: one cannot be watched.
        """
        wanted = {namespace.identity: namespace for namespace in namespaces}
        for identity in self._watches.keys() - wanted.keys():
            self._drop(self._watches.pop(identity))
        for identity in wanted.keys() - self._watches.keys():
            watch = self._kernel.watch_network(wanted[identity])
            self._watches[identity] = watch
            asyncio.get_running_loop().add_reader(watch.fileno(), self._read, watch)

    def close(self) -> None:
        """Stop watching."""
        self.follow(())

    def _read(self, watch: Watch) -> None:
        if any(map(matters, list(watch.read()))):
            self._told()

    @staticmethod
    def _drop(watch: Watch) -> None:
        asyncio.get_running_loop().remove_reader(watch.fileno())
        watch.close()


def matters(notice: Notice) -> bool:
    """Whether a notice tells of a loss of ours. When a link goes down, its routes go without a notice of their own."""
    subject = notice.subject
    if subject is None:
        return notice.kind == "everything"
    if isinstance(subject, Link):
        return subject.name.startswith(_PREFIXES) and (notice.gone or not subject.up)
    return notice.gone and subject.link.startswith(_PREFIXES)
