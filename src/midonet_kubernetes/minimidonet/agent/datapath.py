"""The namespace that the virtual network is in, held open and kept where others look for it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from typing import Any

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Kernel, Namespace
from midonet_kubernetes.linux.network import Batch
from midonet_kubernetes.minimidonet.agent.network import LOOPBACK, Entry, Found, Operation
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route
from midonet_kubernetes.topology.host_state import SYSCTLS, TUNNEL_LINK

_NEEDED_SETTINGS = {"net.ipv4.ip_forward", "net.ipv4.conf.default.proxy_arp"}
_NOTHING_TO_REMOVE = {errno.ESRCH, errno.ENOENT, errno.EADDRNOTAVAIL, errno.ENODEV}


class Datapath:
    """What the agent does to its namespace, which lives as long as this object, whatever happens to its path.

    Args:
        kernel: real or twin.
        namespace: that of the virtual network; closed by ``close``.
        own: the host's own, where the tunnel's UDP socket is; closed by ``close``.
    """

    def __init__(self, kernel: Kernel, namespace: Namespace, own: Namespace) -> None:
        self.namespace = namespace
        self._open_things = ExitStack()
        self._inside, self._outside = kernel.routing(namespace), kernel.routing(own)
        self.rule_sets, self.conntrack = kernel.rule_sets(namespace), kernel.conntrack(namespace)
        self.watches = (kernel.watch_network(namespace), kernel.watch_rule_sets(namespace))
        for watch, port in zip(self.watches, (self._inside.port, self.rule_sets.port), strict=True):
            watch.ignore(port)
        sockets = (self._inside, self._outside, self.rule_sets, self.conntrack)
        for open_thing in (namespace, own, *sockets, *self.watches):
            self._open_things.callback(open_thing.close)

    def close(self) -> None:
        """Let go of the namespace; what is in it stays."""
        self._open_things.close()

    def prepare(self) -> list[str]:
        """Write the namespace's settings and set its loopback up.

        Returns:
            The settings that were different.
        """
        different = []
        for name, value in SYSCTLS.items():
            try:
                if self.namespace.read_sysctl(name) != value:
                    self.namespace.write_sysctl(name, value)
                    different.append(name)
            except KernelError as error:
                if error.code != errno.ENOENT or name in _NEEDED_SETTINGS:  # a kernel without IPv6 is fine
                    raise
        loopback = self._inside.link(LOOPBACK)
        if loopback is None or not loopback.up:
            self._inside.set_link(Link(LOOPBACK))
            different.append(LOOPBACK)
        return different

    def mtu_of(self, address: str) -> int:
        """The MTU of the host's own link that has an address; 0 when none has."""
        holders = {held.link for held in self._outside.addresses() if held.address.partition("/")[0] == address}
        return next((link.mtu for link in self._outside.links() if link.name in holders), 0)

    def host_addresses(self) -> list[str]:
        """The host's own addresses, loopback left out."""
        return sorted(held.address.partition("/")[0] for held in self._outside.addresses() if held.link != LOOPBACK)

    def host_interfaces(self) -> list[dict[str, Any]]:
        """The host's own links, as MidoNet's API names their fields (rest-api 4.10)."""
        return [
            {"name": link.name, "mac": link.mac, "mtu": link.mtu, "status": 3 if link.up else 0} for link in self._outside.links()
        ]

    def links(self) -> dict[str, Link]:
        """The links in the namespace by name."""
        return {link.name: link for link in self._inside.links()}

    def found(self) -> Found:
        """All that is in the namespace but for the rule set."""
        inside = self._inside
        entries: tuple[Entry, ...] = (*inside.addresses(), *inside.routes(), *inside.neighbours(), *inside.forwarding())
        return Found(self.links(), inside.proxy_delays(), entries, inside.merges(TUNNEL_LINK))

    def do(self, operations: list[Operation]) -> list[Exception]:
        """Do operations in order; one that the kernel refuses stops no other.

        Returns:
            The refusals, but for removals of what is not there.
        """
        refused: list[Exception] = []
        batch = self._inside.batch()
        for operation in operations:
            subject = operation.subject
            if isinstance(subject, Link):
                refused += batch.send()
                refused += self._do_link(operation.verb, subject)
            else:
                _ENTRIES[operation.verb, type(subject)](batch, subject)
        refused += batch.send()
        return [error for error in refused if not (isinstance(error, KernelError) and error.code in _NOTHING_TO_REMOVE)]

    def _do_link(self, verb: str, link: Link) -> list[Exception]:
        try:
            match verb:
                case "add":  # its UDP socket stays in the host's own namespace
                    self._outside.add_vxlan(link, self.namespace)
                    # The host that sent a packet has looked at its source: a look here costs each packet half a percent.
                    self.namespace.write_sysctl(f"net/ipv4/conf/{link.name}/rp_filter", "0")
                    self._inside.set_merging(link.name, merges=False)
                case "set":
                    self._inside.set_link(link)
                case "merge nothing":  # docs/decisions/0112
                    self._inside.set_merging(link.name, merges=False)
                case "remove":
                    self._inside.delete_link(link.name)
                case _:
                    self._inside.set_proxy_delay(link.name, 0)
        except KernelError as error:
            return [error]
        return []


_ENTRIES: Mapping[tuple[str, type], Callable[[Batch, Any], None]] = {
    ("write", Address): lambda batch, entry: batch.replace_address(entry),
    ("write", Route): lambda batch, entry: batch.replace_route(entry),
    ("write", Neighbour): lambda batch, entry: batch.replace_neighbour(entry),
    ("write", ForwardingEntry): lambda batch, entry: batch.replace_forwarding(entry),
    ("remove", Address): lambda batch, entry: batch.delete_address(entry),
    ("remove", Route): lambda batch, entry: batch.delete_route(entry),
    ("remove", Neighbour): lambda batch, entry: batch.delete_neighbour(entry),
    ("remove", ForwardingEntry): lambda batch, entry: batch.delete_forwarding(entry),
}


def open_namespace(kernel: Kernel, path: str) -> Namespace:
    """The namespace at ``path``, made when there is none.

    Raises:
        KernelError: it can neither be opened nor made.
    """
    try:
        return kernel.open_namespace(path)
    except KernelError as error:
        if error.code not in {errno.ENOENT, errno.EINVAL}:
            raise
    try:
        return kernel.create_namespace(path)
    except KernelError as error:
        if error.code != errno.EEXIST:  # the node daemon was faster
            raise
    return kernel.open_namespace(path)
