"""The kernel in memory: its namespaces, and what is opened in them."""

from __future__ import annotations

import errno
import os
import weakref
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Flow, Namespace, Notice
from midonet_kubernetes.linux.twin.conntrack import TwinConntrack
from midonet_kubernetes.linux.twin.network import Network
from midonet_kubernetes.linux.twin.routing import TwinRouting
from midonet_kubernetes.linux.twin.rule_sets import TwinRuleSets
from midonet_kubernetes.linux.twin.validation import TwinTable
from midonet_kubernetes.linux.twin.watch import TwinWatch

_OF_NETWORK = frozenset({"link", "address", "route", "neighbour", "forwarding"})
_OF_RULE_SETS = frozenset({"rule set"})
_SETTINGS = ("net/ipv4/conf", "net/ipv6/conf")
_FRESH = {
    "net/ipv4/ip_forward": "0",
    "net/ipv4/ip_early_demux": "1",
    "net/ipv4/icmp_ratelimit": "1000",
    "net/ipv4/tcp_keepalive_time": "7200",
}


@dataclass(eq=False)
class NamespaceState:
    """What is in a namespace. It is there as long as it is mounted or held open."""

    identity: int
    holders: int = 0
    at_the_end: Callable[[], object] = int  # called when nothing holds it any more
    sysctls: dict[str, str] = field(default_factory=_FRESH.copy)
    tables: dict[tuple[str, str], TwinTable] = field(default_factory=dict)
    flows: Counter[Flow] = field(default_factory=Counter)
    audience: list[TwinWatch] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._cause = 0
        self.network = Network(self.tell)

    def hold(self) -> None:
        """One more user."""
        self.holders += 1

    def release(self) -> None:
        """One user less; with the last one go the links, and with a veth its other end."""
        self.holders -= 1
        if not self.holders:
            for name in [name for name in self.network.links if name != "lo"]:
                if name in self.network.links:
                    self.network.remove(name)
            self.at_the_end()

    @contextmanager
    def caused_by(self, port: int) -> Iterator[None]:
        """Changes in the ``with`` block come through the socket with this port."""
        before, self._cause = self._cause, port
        try:
            yield
        finally:
            self._cause = before

    def tell(self, notice: Notice) -> None:
        """Tell all watches."""
        for watch in self.audience:
            watch.tell(notice, self._cause)


class TwinNamespace:
    """``kernel.Namespace``. Its descriptor is a real one, of an empty file, so that it can be sent to another process' socket."""

    def __init__(self, state: NamespaceState, descriptor: int, path: str) -> None:
        self.state, self._descriptor, self._path = state, descriptor, path
        state.hold()

    @property
    def path(self) -> str:
        """See ``kernel.Namespace``."""
        return self._path

    @property
    def identity(self) -> int:
        """See ``kernel.Namespace``."""
        return self.state.identity

    def fileno(self) -> int:
        """See ``kernel.Namespace``."""
        return self._descriptor

    def close(self) -> None:
        """See ``kernel.Namespace``."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self.state.release()

    @contextmanager
    def entered(self) -> Iterator[None]:
        """See ``kernel.Namespace``; nothing happens."""
        yield

    def read_sysctl(self, name: str) -> str:
        """See ``kernel.Namespace``. What was never written is "0"."""
        return self.state.sysctls.get(self._setting(name, f"read {name}"), "0")

    def write_sysctl(self, name: str, value: str) -> None:
        """See ``kernel.Namespace``."""
        self.state.sysctls[self._setting(name, f"set {name} to {value}")] = value

    def _setting(self, name: str, operation: str) -> str:
        path = name if "/" in name else name.replace(".", "/")
        folder, _, rest = path.rpartition("/")
        group, _, link = folder.rpartition("/")
        known = path in self.state.sysctls
        of_a_link = group in _SETTINGS and rest and (link in {"all", "default"} or link in self.state.network.links)
        if not known and not of_a_link:
            raise KernelError(operation, errno.ENOENT)
        return path


class TwinKernel:
    """``kernel.Kernel``. Everything in one object: another one is another machine."""

    def __init__(self) -> None:
        self._mounted: dict[str, tuple[NamespaceState, int]] = {}
        self._states: weakref.WeakValueDictionary[int, NamespaceState] = weakref.WeakValueDictionary()
        self._ports = count(1000)
        self._own, self._own_descriptor = self._new()
        self._own.hold()

    def create_namespace(self, path: str) -> TwinNamespace:
        """See ``kernel.Kernel``."""
        if path in self._mounted:
            raise KernelError(f"make the network namespace {path}", errno.EEXIST)
        state, descriptor = self._new()
        state.hold()
        self._mounted[path] = state, descriptor
        return self.open_namespace(path)

    def open_namespace(self, path: str) -> TwinNamespace:
        """See ``kernel.Kernel``."""
        if path not in self._mounted:
            raise KernelError(f"open the network namespace {path}", errno.ENOENT)
        state, descriptor = self._mounted[path]
        return TwinNamespace(state, os.dup(descriptor), path)

    def adopt_namespace(self, descriptor: int) -> TwinNamespace:
        """See ``kernel.Kernel``."""
        state = self._states.get(os.fstat(descriptor).st_ino)
        if state is None:
            os.close(descriptor)
            raise KernelError("open the network namespace ", errno.EINVAL, "it is something else")
        return TwinNamespace(state, descriptor, "")

    def own_namespace(self) -> TwinNamespace:
        """See ``kernel.Kernel``."""
        return TwinNamespace(self._own, os.dup(self._own_descriptor), "")

    def remove_namespace(self, path: str) -> None:
        """See ``kernel.Kernel``."""
        if path in self._mounted:
            self._mounted.pop(path)[0].release()

    def namespaces(self, folder: str) -> list[str]:
        """See ``kernel.Kernel``."""
        return sorted(path for path in self._mounted if path.rpartition("/")[0] == folder.rstrip("/"))

    def routing(self, namespace: Namespace) -> TwinRouting:
        """See ``kernel.Kernel``."""
        return TwinRouting(self._state_of(namespace), self._state_of, next(self._ports))

    def rule_sets(self, namespace: Namespace) -> TwinRuleSets:
        """See ``kernel.Kernel``."""
        return TwinRuleSets(self._state_of(namespace), next(self._ports))

    def conntrack(self, namespace: Namespace) -> TwinConntrack:
        """See ``kernel.Kernel``."""
        return TwinConntrack(self._state_of(namespace).flows)

    def track(self, namespace: Namespace, flow: Flow, entries: int = 1) -> None:
        """Clients of the namespace sent UDP packets: what ``conntrack`` then has."""
        self._state_of(namespace).flows[flow] += entries

    def watch_network(self, namespace: Namespace) -> TwinWatch:
        """See ``kernel.Kernel``."""
        return TwinWatch(self._state_of(namespace).audience, _OF_NETWORK)

    def watch_rule_sets(self, namespace: Namespace) -> TwinWatch:
        """See ``kernel.Kernel``."""
        return TwinWatch(self._state_of(namespace).audience, _OF_RULE_SETS)

    def _new(self) -> tuple[NamespaceState, int]:
        descriptor = os.memfd_create("namespace", os.MFD_CLOEXEC)
        state = NamespaceState(os.fstat(descriptor).st_ino)
        state.at_the_end = weakref.finalize(state, self._forget, self._states, state.identity, descriptor)
        self._states[state.identity] = state
        return state, descriptor

    @staticmethod
    def _forget(states: weakref.WeakValueDictionary[int, NamespaceState], identity: int, descriptor: int) -> None:
        states.pop(identity, None)
        os.close(descriptor)

    @staticmethod
    def _state_of(namespace: Namespace) -> NamespaceState:
        if not isinstance(namespace, TwinNamespace):
            raise TypeError(f"{namespace!r} is of another kernel")
        return namespace.state
