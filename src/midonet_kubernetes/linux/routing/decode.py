"""Answers and notifications of rtnetlink as values of ``topology.host_network``."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator

from midonet_kubernetes.linux.netlink.attributes import parse, read_text, read_u32, read_u64
from midonet_kubernetes.linux.routing import encode
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, NextHop, Route, Vxlan

NameOf = Callable[[int], str]  # name of the link with this number, "" when there is none (any more)

_OPERSTATE_UNKNOWN, _OPERSTATE_UP = 0, 6
_ROUTE_KINDS = {number: kind for kind, number in encode.ROUTE_TYPES.items()}


def link(body: bytes, name_of: NameOf) -> Link:
    """From a NEWLINK or DELLINK message."""
    _, _, index, flags, _ = encode.LINK_HEADER.unpack_from(body)
    attributes = parse(body, encode.LINK_HEADER.size)
    information = parse(attributes.get(encode.IFLA_INFO, b""))
    kind = read_text(information.get(encode.INFO_KIND, b""))
    master = read_u32(attributes.get(encode.IFLA_MASTER, bytes(4)))
    state = attributes.get(encode.IFLA_OPERSTATE, b"\0")[0]
    return Link(
        name=read_text(attributes.get(encode.IFLA_NAME, b"")),
        kind=kind,
        mac=attributes.get(encode.IFLA_ADDRESS, b"").hex(":"),
        mtu=read_u32(attributes.get(encode.IFLA_MTU, bytes(4))),
        up=bool(flags & encode.UP),
        vxlan=_vxlan(information.get(encode.INFO_DATA, b"")) if kind == "vxlan" else None,
        bridge=name_of(master) if master else "",
        index=index,
        running=bool(flags & encode.UP) and state in {_OPERSTATE_UNKNOWN, _OPERSTATE_UP},
    )


def _vxlan(data: bytes) -> Vxlan:
    attributes = parse(data)
    return Vxlan(
        id=read_u32(attributes.get(encode.VXLAN_ID, bytes(4))),
        port=int.from_bytes(attributes.get(encode.VXLAN_PORT, b""), "big"),
        local=_dotted(attributes.get(encode.VXLAN_LOCAL)),
    )


def address(body: bytes, name_of: NameOf) -> Address | None:
    """From a NEWADDR or DELADDR message; None for another family and for loopback's own (127.0.0.1)."""
    family, length, _, scope, index = encode.ADDRESS_HEADER.unpack_from(body)
    if family != encode.IPV4 or scope == encode.SCOPE_HOST:
        return None
    attributes = parse(body, encode.ADDRESS_HEADER.size)
    return Address(name_of(index), f"{_dotted(attributes.get(encode.IFA_LOCAL))}/{length}")


def route(body: bytes, name_of: NameOf) -> Route | None:
    """From a NEWROUTE or DELROUTE message.

    Returns:
        None for another family or table, and for what the kernel made. Of several next hops those are left out whose
        link is down or gone.
    """
    family, length, _, _, table, protocol, _, kind, flags = encode.ROUTE_HEADER.unpack_from(body)
    if family != encode.IPV4 or table != encode.MAIN_TABLE or protocol == encode.MADE_BY_KERNEL or kind not in _ROUTE_KINDS:
        return None
    attributes = parse(body, encode.ROUTE_HEADER.size)
    index = read_u32(attributes.get(encode.RTA_LINK, bytes(4)))
    return Route(
        destination=f"{_dotted(attributes.get(encode.RTA_DESTINATION, bytes(4)))}/{length}",
        kind=_ROUTE_KINDS[kind],
        link=name_of(index) if index else "",
        via=_dotted(attributes.get(encode.RTA_GATEWAY)),
        source=_dotted(attributes.get(encode.RTA_SOURCE)),
        metric=read_u32(attributes.get(encode.RTA_METRIC, bytes(4))),
        onlink=bool(flags & encode.ONLINK),
        hops=tuple(_next_hops(attributes.get(encode.RTA_MULTIPATH, b""), name_of)),
    )


def _next_hops(data: bytes, name_of: NameOf) -> Iterator[NextHop]:
    start, header = 0, encode.NEXT_HOP_HEADER
    while start + header.size <= len(data):
        length, flags, weight, index = header.unpack_from(data, start)
        gateway = parse(data[start : start + length], header.size).get(encode.RTA_GATEWAY)
        if not flags & encode.DEAD:
            yield NextHop(_dotted(gateway), weight + 1, name_of(index))
        start += max(length + 3 & ~3, header.size)


def neighbour(body: bytes, name_of: NameOf, *, whatever_state: bool = False) -> Neighbour | None:
    """From a NEWNEIGH or DELNEIGH message; None unless it is one of IPv4, and permanent or ``whatever_state``."""
    family, index, state, _, _ = encode.NEIGHBOUR_HEADER.unpack_from(body)
    if family != encode.IPV4 or not (whatever_state or state & encode.PERMANENT):
        return None
    attributes = parse(body, encode.NEIGHBOUR_HEADER.size)
    return Neighbour(name_of(index), _dotted(attributes.get(encode.NDA_ADDRESS)), attributes.get(encode.NDA_MAC, b"").hex(":"))


def forwarding(body: bytes, name_of: NameOf) -> ForwardingEntry | None:
    """From a NEWNEIGH or DELNEIGH message; None unless it is a permanent one of a VXLAN link."""
    family, index, state, _, _ = encode.NEIGHBOUR_HEADER.unpack_from(body)
    attributes = parse(body, encode.NEIGHBOUR_HEADER.size)
    if family != encode.BRIDGE or not state & encode.PERMANENT or encode.NDA_ADDRESS not in attributes:
        return None
    return ForwardingEntry(name_of(index), attributes.get(encode.NDA_MAC, b"").hex(":"), _dotted(attributes[encode.NDA_ADDRESS]))


def proxy_delay(body: bytes) -> tuple[int, int] | None:
    """Number of the link and its delay in milliseconds, from a NEWNEIGHTBL message; None when it is not about a link."""
    parameters = parse(parse(body, 4).get(encode.NDTA_PARAMETERS, b""))
    if encode.NDTPA_LINK not in parameters or encode.NDTPA_PROXY_DELAY not in parameters:
        return None
    return read_u32(parameters[encode.NDTPA_LINK]), read_u64(parameters[encode.NDTPA_PROXY_DELAY])


def _dotted(packed: bytes | None) -> str:
    return socket.inet_ntoa(packed) if packed is not None and len(packed) == 4 else ""
