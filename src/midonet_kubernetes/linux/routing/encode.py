"""rtnetlink requests for values of ``topology.host_network`` (rtnetlink(7), ``linux/rtnetlink.h``, ``linux/if_link.h``).

Links are named by name in requests about links, and by number (``index``) in all others.
"""

from __future__ import annotations

import socket
import struct

from midonet_kubernetes.linux.netlink.attributes import attribute, nested, text, u8, u32, u64
from midonet_kubernetes.linux.netlink.sockets import CREATE, EXCLUSIVE, REPLACE, Message
from midonet_kubernetes.topology.host_network import Address, ForwardingEntry, Link, Neighbour, NextHop, Route

NEW_LINK, DELETE_LINK, GET_LINK = 16, 17, 18
NEW_ADDRESS, DELETE_ADDRESS, GET_ADDRESS = 20, 21, 22
NEW_ROUTE, DELETE_ROUTE, GET_ROUTE = 24, 25, 26
NEW_NEIGHBOUR, DELETE_NEIGHBOUR, GET_NEIGHBOUR = 28, 29, 30
GET_NEIGHBOUR_TABLE, SET_NEIGHBOUR_TABLE = 66, 67

LINK_HEADER = struct.Struct("=BxHiII")  # family, hardware type, index, flags, mask of flags
ADDRESS_HEADER = struct.Struct("=BBBBI")  # family, prefix length, flags, scope, link
ROUTE_HEADER = struct.Struct("=BBBBBBBBI")  # family, destination and source length, tos, table, protocol, scope, type, flags
NEXT_HOP_HEADER = struct.Struct("=HBBi")  # length with attributes, flags, weight less one, link
NEIGHBOUR_HEADER = struct.Struct("=BxxxiHBB")  # family, link, state, flags, type

IPV4, BRIDGE = socket.AF_INET, 7
UP = 1
IFLA_ADDRESS, IFLA_NAME, IFLA_MTU, IFLA_MASTER, IFLA_OPERSTATE, IFLA_INFO, IFLA_NET_NS_FD = 1, 3, 4, 10, 16, 18, 28
INFO_KIND, INFO_DATA = 1, 2
VETH_PEER = 1
VXLAN_ID, VXLAN_LOCAL, VXLAN_LEARNING, VXLAN_PORT = 1, 4, 7, 15
IFA_ADDRESS, IFA_LOCAL = 1, 2
RTA_DESTINATION, RTA_LINK, RTA_GATEWAY, RTA_METRIC, RTA_SOURCE, RTA_MULTIPATH, RTA_TABLE = 1, 4, 5, 6, 7, 9, 15
ROUTE_TYPES = {"unicast": 1, "blackhole": 6, "unreachable": 7, "prohibit": 8}
MAIN_TABLE = 254
MADE_BY_KERNEL, MADE_STATIC = 2, 4  # rtm_protocol
SCOPE_UNIVERSE, SCOPE_LINK, SCOPE_HOST, SCOPE_ANY = 0, 253, 254, 255
ONLINK = 4
DEAD = 1
NDA_ADDRESS, NDA_MAC = 1, 2
PERMANENT = 0x80
SELF = 2
NDTA_NAME, NDTA_PARAMETERS = 1, 6
NDTPA_LINK, NDTPA_PROXY_DELAY = 1, 13


def mac_bytes(mac: str) -> bytes:
    """Six bytes of ``aa:bb:cc:dd:ee:ff``."""
    return bytes.fromhex(mac.replace(":", ""))


def _link_attributes(link: Link, master: int | None) -> bytes:
    parts = [text(IFLA_NAME, link.name)]
    if link.mac:
        parts.append(attribute(IFLA_ADDRESS, mac_bytes(link.mac)))
    if link.mtu:
        parts.append(u32(IFLA_MTU, link.mtu))
    if master is not None:
        parts.append(u32(IFLA_MASTER, master))
    return b"".join(parts)


def _link_header(*, up: bool) -> bytes:
    return LINK_HEADER.pack(0, 0, 0, UP if up else 0, UP)


def _new_link(link: Link, master: int | None, kind: str, data: bytes, into: int | None) -> Message:
    body = _link_header(up=link.up) + _link_attributes(link, master)
    if into is not None:
        body += u32(IFLA_NET_NS_FD, into)
    body += nested(IFLA_INFO, text(INFO_KIND, kind), nested(INFO_DATA, data))
    return Message(f"add the {kind} link {link.name}", NEW_LINK, CREATE | EXCLUSIVE, body)


def add_veth(link: Link, master: int | None, peer: Link, peer_namespace: int | None) -> Message:
    """``peer_namespace`` is a descriptor, ``master`` the number of the bridge."""
    data = _link_header(up=False) + _link_attributes(peer, None)  # up: ENOTCONN, the pair is not joined yet
    if peer_namespace is not None:
        data += u32(IFLA_NET_NS_FD, peer_namespace)
    return _new_link(link, master, "veth", nested(VETH_PEER, data), None)


def add_vxlan(link: Link, into: int | None) -> Message:
    """``into`` is a descriptor. The tunnel's UDP socket stays in the namespace in which this is asked."""
    if link.vxlan is None:
        raise ValueError(f"link {link.name} has no VXLAN parameters")
    data = (
        u32(VXLAN_ID, link.vxlan.id)
        + attribute(VXLAN_LOCAL, socket.inet_aton(link.vxlan.local))
        + u8(VXLAN_LEARNING, 0)
        + attribute(VXLAN_PORT, link.vxlan.port.to_bytes(2, "big"))
    )
    return _new_link(link, None, "vxlan", data, into)


def add_bridge(link: Link) -> Message:
    """An Ethernet bridge with the kernel's settings."""
    return _new_link(link, None, "bridge", b"", None)


def set_link(link: Link, master: int) -> Message:
    """``master`` is 0 for none."""
    return Message(f"set the link {link.name}", NEW_LINK, 0, _link_header(up=link.up) + _link_attributes(link, master))


def delete_link(name: str, index: int) -> Message:
    """By ``index``, or by name when that is 0."""
    body = LINK_HEADER.pack(0, 0, index, 0, 0) + (b"" if index else text(IFLA_NAME, name))
    return Message(f"delete the link {name}", DELETE_LINK, 0, body)


def move_link(name: str, into: int) -> Message:
    """``into`` is a descriptor."""
    body = LINK_HEADER.pack(0, 0, 0, 0, 0) + text(IFLA_NAME, name) + u32(IFLA_NET_NS_FD, into)
    return Message(f"move the link {name}", NEW_LINK, 0, body)


def address(verb: str, value: Address, index: int) -> Message:
    """``verb``: "replace" or "delete"."""
    host, _, length = value.address.partition("/")
    packed = socket.inet_aton(host)
    body = ADDRESS_HEADER.pack(IPV4, int(length), 0, SCOPE_UNIVERSE, index)
    body += attribute(IFA_LOCAL, packed) + attribute(IFA_ADDRESS, packed)
    operation = f"{verb} the address {value.address} of {value.link}"
    return _replace_or_delete(verb, operation, NEW_ADDRESS, DELETE_ADDRESS, body)


def route(verb: str, value: Route, index: int) -> Message:
    """``verb``: "replace" or "delete"; ``index`` is 0 without a link."""
    network, _, length = value.destination.partition("/")
    scope = SCOPE_LINK if value.kind == "unicast" and not (value.via or value.hops) else SCOPE_UNIVERSE
    body = ROUTE_HEADER.pack(
        IPV4,
        int(length),
        0,
        0,
        MAIN_TABLE,
        MADE_STATIC if verb == "replace" else 0,
        scope if verb == "replace" else SCOPE_ANY,
        ROUTE_TYPES[value.kind],
        ONLINK if value.onlink else 0,
    )
    body += attribute(RTA_DESTINATION, socket.inet_aton(network)) if int(length) else b""
    body += u32(RTA_LINK, index) if index else b""
    body += attribute(RTA_GATEWAY, socket.inet_aton(value.via)) if value.via else b""
    body += attribute(RTA_SOURCE, socket.inet_aton(value.source)) if value.source else b""
    body += attribute(RTA_MULTIPATH, b"".join(map(_next_hop, value.hops))) if value.hops else b""
    body += u32(RTA_METRIC, value.metric) if value.metric else b""
    return _replace_or_delete(verb, f"{verb} the route to {value.destination}", NEW_ROUTE, DELETE_ROUTE, body)


def _next_hop(hop: NextHop) -> bytes:
    """Without the number of its link, which the kernel finds."""
    gateway = attribute(RTA_GATEWAY, socket.inet_aton(hop.via))
    return NEXT_HOP_HEADER.pack(NEXT_HOP_HEADER.size + len(gateway), 0, hop.weight - 1, 0) + gateway


def neighbour(verb: str, value: Neighbour, index: int) -> Message:
    """``verb``: "replace" or "delete"."""
    body = NEIGHBOUR_HEADER.pack(IPV4, index, PERMANENT, 0, 0)
    body += attribute(NDA_ADDRESS, socket.inet_aton(value.address)) + attribute(NDA_MAC, mac_bytes(value.mac))
    operation = f"{verb} the neighbour {value.address} on {value.link}"
    return _replace_or_delete(verb, operation, NEW_NEIGHBOUR, DELETE_NEIGHBOUR, body)


def forwarding(verb: str, value: ForwardingEntry, index: int) -> Message:
    """``verb``: "replace" or "delete"."""
    body = NEIGHBOUR_HEADER.pack(BRIDGE, index, PERMANENT, SELF, 0) + attribute(NDA_MAC, mac_bytes(value.mac))
    if verb == "replace":  # with another address, the kernel would delete nothing and say nothing
        body += attribute(NDA_ADDRESS, socket.inet_aton(value.address))
    operation = f"{verb} the forwarding entry {value.mac} on {value.link}"
    return _replace_or_delete(verb, operation, NEW_NEIGHBOUR, DELETE_NEIGHBOUR, body)


def proxy_delay(link: str, milliseconds: int, index: int) -> Message:
    """Of one link; in a namespace other than the first there is no setting for all."""
    parameters = nested(NDTA_PARAMETERS, u32(NDTPA_LINK, index), u64(NDTPA_PROXY_DELAY, milliseconds))
    body = bytes((IPV4, 0, 0, 0)) + text(NDTA_NAME, "arp_cache") + parameters
    return Message(f"set the proxy delay of {link}", SET_NEIGHBOUR_TABLE, REPLACE, body)


def dump_routes() -> Message:
    """Of the main table."""
    body = ROUTE_HEADER.pack(IPV4, 0, 0, 0, 0, 0, 0, 0, 0) + u32(RTA_TABLE, MAIN_TABLE)
    return Message("list the routes", GET_ROUTE, 0, body)


def _replace_or_delete(verb: str, operation: str, new: int, delete: int, body: bytes) -> Message:
    if verb == "replace":
        return Message(operation, new, CREATE | REPLACE, body)
    return Message(operation, delete, 0, body)
