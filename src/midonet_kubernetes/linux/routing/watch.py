"""Notices of links, addresses, routes and neighbours."""

from __future__ import annotations

from functools import partial

from midonet_kubernetes.linux.kernel import Namespace, Notice
from midonet_kubernetes.linux.netlink.sockets import Answer, NetlinkSocket
from midonet_kubernetes.linux.netlink.watches import NetlinkWatch
from midonet_kubernetes.linux.routing import decode, encode
from midonet_kubernetes.linux.routing.requests import name_of
from midonet_kubernetes.linux.routing.sockets import NETLINK_ROUTE
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, Route

_LINKS, _NEIGHBOURS, _ADDRESSES, _ROUTES = 1, 3, 5, 7  # RTNLGRP_…, the latter two of IPv4
_GOING = {encode.DELETE_LINK, encode.DELETE_ADDRESS, encode.DELETE_ROUTE, encode.DELETE_NEIGHBOUR}


class NetworkWatch(NetlinkWatch):
    """``kernel.Watch`` of a namespace's network.

    When a link goes down, the kernel takes its IPv4 routes and neighbours along without a notice of each: the link's is all.
    Some notices of links say of no port that it was the cause, so a program hears of own links too.
    """

    def __init__(self, namespace: Namespace) -> None:
        super().__init__(NetlinkSocket(NETLINK_ROUTE, namespace, (_LINKS, _NEIGHBOURS, _ADDRESSES, _ROUTES)))
        self._name_of = partial(name_of, self._netlink)

    def _notice(self, answer: Answer) -> Notice | None:
        body, name = answer.body, self._name_of
        subject: Link | Address | Route | Neighbour | ForwardingEntry | None
        match answer.type:
            case encode.NEW_LINK | encode.DELETE_LINK:
                kind, subject = "link", decode.link(body, name)
            case encode.NEW_ADDRESS | encode.DELETE_ADDRESS:
                kind, subject = "address", decode.address(body, name)
            case encode.NEW_ROUTE | encode.DELETE_ROUTE:
                kind, subject = "route", decode.route(body, name)
            case encode.NEW_NEIGHBOUR | encode.DELETE_NEIGHBOUR if body[0] == encode.BRIDGE:
                kind, subject = "forwarding", decode.forwarding(body, name)
            case encode.NEW_NEIGHBOUR | encode.DELETE_NEIGHBOUR:
                going = answer.type == encode.DELETE_NEIGHBOUR  # one that goes is not permanent any more
                kind, subject = "neighbour", decode.neighbour(body, name, whatever_state=going)
            case _:
                return None
        return Notice(kind, subject, answer.type in _GOING) if subject else None
