"""The namespace that the outer ends of pods' interfaces are in.

With minimidonet it is a namespace of its own, kept apart from the node's routing and firewall. The agent programs it; the
daemon and the agent make it alike, whichever comes first. With a real MidoNet it is the node's own namespace.
"""

from __future__ import annotations

import errno
from contextlib import closing

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Kernel, Namespace
from midonet_kubernetes.topology.host_network import Link
from midonet_kubernetes.topology.host_state import SYSCTLS

_NEEDED = "net.ipv4.ip_forward"


def open_datapath(kernel: Kernel, path: str) -> Namespace:
    """The namespace at ``path``, made when there is none; the node's own for an empty path.

    Raises:
        KernelError: it can neither be opened nor made.
    """
    if not path:
        return kernel.own_namespace()
    try:
        return kernel.open_namespace(path)
    except KernelError as error:
        if error.code not in {errno.ENOENT, errno.EINVAL}:
            raise
    try:
        return kernel.create_namespace(path)
    except KernelError as error:
        if error.code != errno.EEXIST:  # the agent was faster
            raise
    return kernel.open_namespace(path)


def prepare(kernel: Kernel, namespace: Namespace) -> None:
    """Write the settings that forwarding between pods needs, and set the loopback up; what is right already is left alone.

    Raises:
        KernelError: the kernel refuses one. That it does not have one is fine, but for forwarding.
    """
    for name, value in SYSCTLS.items():
        try:
            if namespace.read_sysctl(name) != value:
                namespace.write_sysctl(name, value)
        except KernelError as error:
            if error.code != errno.ENOENT or name == _NEEDED:
                raise
    with closing(kernel.routing(namespace)) as routing:
        routing.set_link(Link("lo"))
