"""The rtnetlink socket of a namespace: reads what is there and changes it."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable
from functools import cache, partial
from typing import TypeVar

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.linux.netlink.attributes import text
from midonet_kubernetes.linux.netlink.sockets import Answer, Message, NetlinkSocket
from midonet_kubernetes.linux.routing import decode, encode, receive_offload
from midonet_kubernetes.linux.routing.requests import Requests, RouteBatch, index_of, name_of
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route

NETLINK_ROUTE = 0

T = TypeVar("T")


class RouteSocket(Requests):
    """``network.Routing`` of the real kernel."""

    def __init__(self, namespace: Namespace) -> None:
        self._netlink = NetlinkSocket(NETLINK_ROUTE, namespace)

    @property
    def port(self) -> int:
        """See ``network.Routing``."""
        return self._netlink.port

    def close(self) -> None:
        """See ``network.Routing``."""
        self._netlink.close()

    def batch(self) -> RouteBatch:
        """See ``network.Routing``."""
        return RouteBatch(self._netlink)

    def _take(self, link: str, build: Callable[[int], Message]) -> None:
        self._netlink.request(build(index_of(self._netlink, link) if link else 0))

    def links(self) -> list[Link]:
        """See ``network.Routing``."""
        message = Message("list the links", encode.GET_LINK, 0, encode.LINK_HEADER.pack(0, 0, 0, 0, 0))
        return self._read(message, decode.link)

    def link(self, name: str) -> Link | None:
        """See ``network.Routing``."""
        body = encode.LINK_HEADER.pack(0, 0, 0, 0, 0) + text(encode.IFLA_NAME, name)
        try:
            answer = self._netlink.ask(Message(f"read the link {name}", encode.GET_LINK, 0, body))
        except KernelError as refused:
            if refused.code == errno.ENODEV:
                return None
            raise
        return None if answer is None else decode.link(answer.body, partial(name_of, self._netlink))

    def addresses(self) -> list[Address]:
        """See ``network.Routing``."""
        body = encode.ADDRESS_HEADER.pack(encode.IPV4, 0, 0, 0, 0)
        return self._read(Message("list the addresses", encode.GET_ADDRESS, 0, body), decode.address)

    def routes(self) -> list[Route]:
        """See ``network.Routing``."""
        try:
            return self._read(encode.dump_routes(), decode.route)
        except KernelError as refused:
            if refused.code == errno.ENOENT:  # a namespace has no table before its first route
                return []
            raise

    def neighbours(self) -> list[Neighbour]:
        """See ``network.Routing``."""
        body = encode.NEIGHBOUR_HEADER.pack(encode.IPV4, 0, 0, 0, 0)
        return self._read(Message("list the neighbours", encode.GET_NEIGHBOUR, 0, body), decode.neighbour)

    def forwarding(self) -> list[ForwardingEntry]:
        """See ``network.Routing``."""
        body = encode.NEIGHBOUR_HEADER.pack(encode.BRIDGE, 0, 0, 0, 0)
        return self._read(Message("list the forwarding entries", encode.GET_NEIGHBOUR, 0, body), decode.forwarding)

    def proxy_delays(self) -> dict[str, int]:
        """See ``network.Routing``."""
        message = Message("list the proxy delays", encode.GET_NEIGHBOUR_TABLE, 0, bytes((encode.IPV4, 0, 0, 0)))
        found = (decode.proxy_delay(answer.body) for answer in self._netlink.dump(message))
        return {name_of(self._netlink, index): delay for index, delay in filter(None, found)}

    def merges(self, link: str) -> bool:
        """See ``network.Routing``."""
        return receive_offload.merges(self._netlink, link)

    def set_merging(self, link: str, *, merges: bool) -> None:
        """See ``network.Routing``."""
        receive_offload.set_merging(self._netlink, link, merges=merges)

    def _read(self, message: Message, read: Callable[[bytes, decode.NameOf], T | None]) -> list[T]:
        names = cache(partial(name_of, self._netlink))
        answers: Iterable[Answer] = self._netlink.dump(message)
        return [value for answer in answers if (value := read(answer.body, names)) is not None]
