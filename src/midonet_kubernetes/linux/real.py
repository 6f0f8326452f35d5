"""The kernel that this program runs on."""

from __future__ import annotations

from midonet_kubernetes.linux import namespaces
from midonet_kubernetes.linux.conntrack import ConntrackSocket
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.linux.namespaces import LinuxNamespace
from midonet_kubernetes.linux.nftables.sockets import RuleSetSocket
from midonet_kubernetes.linux.nftables.watch import RuleSetWatch
from midonet_kubernetes.linux.routing.sockets import RouteSocket
from midonet_kubernetes.linux.routing.watch import NetworkWatch


class LinuxKernel:
    """``kernel.Kernel``. It has no state of its own: any number of them are the same kernel."""

    def create_namespace(self, path: str) -> LinuxNamespace:
        """See ``kernel.Kernel``."""
        return namespaces.create(path)

    def open_namespace(self, path: str) -> LinuxNamespace:
        """See ``kernel.Kernel``."""
        return namespaces.open_at(path)

    def adopt_namespace(self, descriptor: int) -> LinuxNamespace:
        """See ``kernel.Kernel``."""
        return LinuxNamespace(descriptor)

    def own_namespace(self) -> LinuxNamespace:
        """See ``kernel.Kernel``."""
        return namespaces.own()

    def remove_namespace(self, path: str) -> None:
        """See ``kernel.Kernel``."""
        namespaces.remove(path)

    def namespaces(self, folder: str) -> list[str]:
        """See ``kernel.Kernel``."""
        return namespaces.mounted_in(folder)

    def routing(self, namespace: Namespace) -> RouteSocket:
        """See ``kernel.Kernel``."""
        return RouteSocket(namespace)

    def rule_sets(self, namespace: Namespace) -> RuleSetSocket:
        """See ``kernel.Kernel``."""
        return RuleSetSocket(namespace)

    def watch_network(self, namespace: Namespace) -> NetworkWatch:
        """See ``kernel.Kernel``."""
        return NetworkWatch(namespace)

    def watch_rule_sets(self, namespace: Namespace) -> RuleSetWatch:
        """See ``kernel.Kernel``."""
        return RuleSetWatch(namespace)

    def conntrack(self, namespace: Namespace) -> ConntrackSocket:
        """See ``kernel.Kernel``."""
        return ConntrackSocket(namespace)
