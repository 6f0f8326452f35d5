"""Changes of links, addresses, routes and neighbours: sent one at a time, or kept and sent together."""

from __future__ import annotations

import errno
import fcntl
import struct
from abc import ABC, abstractmethod
from collections.abc import Callable

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.linux.netlink.sockets import Message, NetlinkSocket
from midonet_kubernetes.linux.routing import encode
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route

_NAME_OF, _INDEX_OF = 0x8910, 0x8933  # SIOCGIFNAME, SIOCGIFINDEX (netdevice(7)); any socket of the namespace will do
_INTERFACE = struct.Struct("=16si20x")
_REPLACE, _DELETE = "replace", "delete"


def index_of(netlink: NetlinkSocket, name: str) -> int:
    """The number of a link.

    Raises:
        KernelError: ENODEV.
    """
    try:
        answer = fcntl.ioctl(netlink.fileno(), _INDEX_OF, _INTERFACE.pack(name.encode(), 0))
    except OSError as refused:
        raise KernelError(f"find the link {name}", refused.errno or errno.EIO) from None
    return int(_INTERFACE.unpack(answer)[1])


def name_of(netlink: NetlinkSocket, index: int) -> str:
    """The name of a link, "" when it is gone."""
    try:
        answer = fcntl.ioctl(netlink.fileno(), _NAME_OF, _INTERFACE.pack(b"", index))
    except OSError:
        return ""
    return bytes(_INTERFACE.unpack(answer)[0]).rstrip(b"\0").decode()


class Requests(ABC):
    """``network.NetworkRequests``, but for what becomes of a request."""

    @abstractmethod
    def _take(self, link: str, build: Callable[[int], Message]) -> None:
        """Do, or keep, the request that ``build`` makes from the number of ``link`` (0 for "")."""

    def add_veth(self, link: Link, peer: Link, peer_namespace: Namespace | None = None) -> None:
        """See ``network.NetworkRequests``."""
        descriptor = None if peer_namespace is None else peer_namespace.fileno()
        self._take(link.bridge, lambda bridge: encode.add_veth(link, bridge or None, peer, descriptor))

    def add_vxlan(self, link: Link, into: Namespace | None = None) -> None:
        """See ``network.NetworkRequests``."""
        self._take("", lambda _: encode.add_vxlan(link, None if into is None else into.fileno()))

    def add_bridge(self, link: Link) -> None:
        """See ``network.NetworkRequests``."""
        self._take("", lambda _: encode.add_bridge(link))

    def set_link(self, link: Link) -> None:
        """See ``network.NetworkRequests``."""
        self._take(link.bridge, lambda bridge: encode.set_link(link, bridge))

    def delete_link(self, name: str, index: int = 0) -> None:
        """See ``network.NetworkRequests``."""
        self._take("", lambda _: encode.delete_link(name, index))

    def move_link(self, name: str, into: Namespace) -> None:
        """See ``network.NetworkRequests``."""
        self._take("", lambda _: encode.move_link(name, into.fileno()))

    def replace_address(self, address: Address) -> None:
        """See ``network.NetworkRequests``."""
        self._take(address.link, lambda index: encode.address(_REPLACE, address, index))

    def delete_address(self, address: Address) -> None:
        """See ``network.NetworkRequests``."""
        self._take(address.link, lambda index: encode.address(_DELETE, address, index))

    def replace_route(self, route: Route) -> None:
        """See ``network.NetworkRequests``."""
        self._take(route.link, lambda index: encode.route(_REPLACE, route, index))

    def delete_route(self, route: Route) -> None:
        """See ``network.NetworkRequests``."""
        self._take(route.link, lambda index: encode.route(_DELETE, route, index))

    def replace_neighbour(self, neighbour: Neighbour) -> None:
        """See ``network.NetworkRequests``."""
        self._take(neighbour.link, lambda index: encode.neighbour(_REPLACE, neighbour, index))

    def delete_neighbour(self, neighbour: Neighbour) -> None:
        """See ``network.NetworkRequests``."""
        self._take(neighbour.link, lambda index: encode.neighbour(_DELETE, neighbour, index))

    def replace_forwarding(self, entry: ForwardingEntry) -> None:
        """See ``network.NetworkRequests``."""
        self._take(entry.link, lambda index: encode.forwarding(_REPLACE, entry, index))

    def delete_forwarding(self, entry: ForwardingEntry) -> None:
        """See ``network.NetworkRequests``."""
        self._take(entry.link, lambda index: encode.forwarding(_DELETE, entry, index))

    def set_proxy_delay(self, link: str, milliseconds: int) -> None:
        """See ``network.NetworkRequests``."""
        self._take(link, lambda index: encode.proxy_delay(link, milliseconds, index))


class RouteBatch(Requests):
    """``network.Batch``: a link must be there when a request about it is added, not only when the batch is sent."""

    def __init__(self, netlink: NetlinkSocket) -> None:
        self._netlink = netlink
        self._messages: list[Message] = []
        self._refused: list[KernelError] = []

    def _take(self, link: str, build: Callable[[int], Message]) -> None:
        try:
            self._messages.append(build(index_of(self._netlink, link) if link else 0))
        except KernelError as refused:
            self._refused.append(refused)

    def send(self) -> list[KernelError]:
        """See ``network.Batch``. Requests about links that were not there come first."""
        messages, refused = self._messages, self._refused
        self._messages, self._refused = [], []
        return refused + self._netlink.exchange(messages)
