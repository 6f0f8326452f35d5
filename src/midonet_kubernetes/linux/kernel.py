"""What the kernel edge offers, as protocols: the programs are written against these, and the twin takes the same calls."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from midonet_kubernetes.linux.network import Routing
from midonet_kubernetes.linux.nftables.transaction import InstalledTable, Transaction
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route


class Namespace(Protocol):
    """A network namespace, held open: it lives at least until ``close``.

    Attributes:
        path: where it is mounted, "" when it was adopted from a descriptor.
        identity: the same number for two handles of one namespace, and for nothing else while either is open.
    """

    @property
    def path(self) -> str: ...  # noqa: D102 - described above
    @property
    def identity(self) -> int: ...  # noqa: D102 - described above

    def fileno(self) -> int:
        """The descriptor."""
        ...

    def entered(self) -> AbstractContextManager[None]:
        """The calling thread is in the namespace inside the ``with`` block, which must neither await nor start a thread."""
        ...

    def read_sysctl(self, name: str) -> str:
        """The value of ``net.ipv4.ip_forward`` or, for names with dots in them, ``net/ipv4/conf/eth0.1/rp_filter``.

        Raises:
            KernelError: ENOENT, there is no such setting (or no such link).
        """
        ...

    def write_sysctl(self, name: str, value: str) -> None:
        """Set a value; see ``read_sysctl``."""
        ...

    def close(self) -> None:
        """Let go of it. The namespace stays if it is mounted or in use. Closing twice is fine."""
        ...


class RuleSets(Protocol):
    """The nftables tables of one namespace."""

    @property
    def port(self) -> int:
        """The netlink port: notifications of own changes carry it."""
        ...

    def tables(self) -> list[tuple[str, str]]:
        """Family and name of each table."""
        ...

    def dump(self, name: str, family: str = "ip") -> InstalledTable | None:
        """A table as it is, None when there is none."""
        ...

    def apply(self, transaction: Transaction) -> None:
        """Do all of it, or nothing.

        Raises:
            KernelError: the first refusal; ``operation`` names the step that was refused.
        """
        ...

    def own(self, table: str, family: str = "ip") -> bool:
        """Make the table if it is not there, and keep everybody else from changing it, by ``nft flush ruleset`` too.

        That lasts until this socket is closed; then the table stays for the next owner.

        Returns:
            False: the kernel cannot (before Linux 6.9), the table was not made to be owned, or another socket owns it.
        """
        ...

    def close(self) -> None:
        """Close the socket. Closing twice is fine."""
        ...


@dataclass(frozen=True, slots=True)
class Flow:
    """UDP packets to ``address``:``port`` that were sent on to ``endpoint``:``endpoint_port``."""

    address: str
    port: int
    endpoint: str
    endpoint_port: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Entries of a namespace's connection tracking, and how many there may be."""

    entries: int
    limit: int


class Conntrack(Protocol):
    """Connection tracking of one namespace."""

    def usage(self) -> Usage:
        """How full it is."""
        ...

    def forget(self, flows: Collection[Flow]) -> int:
        """Delete the entries of these flows, so that the next packet of a client is balanced anew.

        The kernel walks its whole table, some 20 ms even when that is empty: call it for many flows at once, from a thread.

        Returns:
            How many entries there were.
        """
        ...

    def close(self) -> None:
        """Close the socket. Closing twice is fine."""
        ...


@dataclass(frozen=True, slots=True)
class Notice:
    """Something changed.

    Args:
        kind: "link", "address", "route", "neighbour", "forwarding", "rule set", or "everything": notices were lost, read all
            again.
        subject: what it is now, or was when ``gone``; None for "rule set" and "everything".
        gone: it is not there any more.
    """

    kind: str
    subject: Link | Address | Route | Neighbour | ForwardingEntry | None = None
    gone: bool = False


class Watch(Protocol):
    """Notices of changes that others made."""

    def fileno(self) -> int:
        """Readable when there is something to read."""
        ...

    def ignore(self, port: int) -> None:
        """Leave out what the socket with this port changes from now on."""
        ...

    def read(self) -> Iterable[Notice]:
        """What came since the last time; never waits."""
        ...

    def close(self) -> None:
        """Close the socket. Closing twice is fine."""
        ...


class Kernel(Protocol):
    """A Linux kernel."""

    def create_namespace(self, path: str) -> Namespace:
        """Make a namespace and mount it at ``path`` (its folder is made when missing; an empty file there is used).

        Raises:
            KernelError: EEXIST, a namespace is mounted there.
        """
        ...

    def open_namespace(self, path: str) -> Namespace:
        """A namespace that is mounted at ``path``.

        Raises:
            KernelError: ENOENT, nothing is there; EINVAL, it is not a network namespace.
        """
        ...

    def adopt_namespace(self, descriptor: int) -> Namespace:
        """A namespace by a descriptor, which from now on belongs to it."""
        ...

    def own_namespace(self) -> Namespace:
        """The namespace that the calling thread is in."""
        ...

    def remove_namespace(self, path: str) -> None:
        """Unmount it and remove the file; the namespace goes when nothing uses it. Nothing there: nothing to do."""
        ...

    def namespaces(self, folder: str) -> list[str]:
        """Paths of the namespaces mounted in a folder, sorted; none when the folder is missing."""
        ...

    def routing(self, namespace: Namespace) -> Routing:
        """A socket in the namespace."""
        ...

    def rule_sets(self, namespace: Namespace) -> RuleSets:
        """A socket in the namespace."""
        ...

    def conntrack(self, namespace: Namespace) -> Conntrack:
        """A socket in the namespace."""
        ...

    def watch_network(self, namespace: Namespace) -> Watch:
        """Notices of links, addresses, routes and neighbours."""
        ...

    def watch_rule_sets(self, namespace: Namespace) -> Watch:
        """Notices of rule sets."""
        ...
