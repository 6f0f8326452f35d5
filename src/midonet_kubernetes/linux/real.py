"""The kernel that this program runs on."""

from __future__ import annotations

from midonet_kubernetes.linux import namespaces
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.linux.namespaces import LinuxNamespace
from midonet_kubernetes.linux.nftables.sockets import RuleSetSocket
from midonet_kubernetes.linux.routing.sockets import RouteSocket


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
