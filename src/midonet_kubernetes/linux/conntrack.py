"""Connection tracking of a namespace by netlink (``linux/netfilter/nfnetlink_conntrack.h``)."""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection

from midonet_kubernetes.linux.kernel import Flow, Namespace, Usage
from midonet_kubernetes.linux.netlink.attributes import attribute, be16, nested, parse, read_be32, u8, u32
from midonet_kubernetes.linux.netlink.sockets import Answer, Message, NetlinkSocket

_NETLINK_NETFILTER = 12
_SUBSYSTEM = 1 << 8
_GET, _DELETE, _GET_STATISTICS = _SUBSYSTEM + 1, _SUBSYSTEM + 2, _SUBSYSTEM + 5
_HEADER = bytes((socket.AF_INET, 0, 0, 0))
_ORIGINAL, _REPLY, _ID, _ZONE, _FILTER = 1, 2, 12, 18, 25
_TUPLE_IP, _TUPLE_PROTOCOL = 1, 2
_IP_SOURCE, _IP_DESTINATION = 1, 2
_PROTOCOL_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_FILTER_ORIGINAL = 1
_BY_DESTINATION, _BY_PROTOCOL, _BY_DESTINATION_PORT = 1 << 1, 1 << 3, 1 << 5  # CTA_FILTER_F_CTA_…
_ENTRIES, _LIMIT = 1, 2
_FEW = 3  # frontends for which the kernel is asked one by one, rather than once for all of UDP: each walks the whole table


class ConntrackSocket:
    """``kernel.Conntrack`` of the real kernel."""

    def __init__(self, namespace: Namespace) -> None:
        self._netlink = NetlinkSocket(_NETLINK_NETFILTER, namespace)

    def close(self) -> None:
        """See ``kernel.Conntrack``."""
        self._netlink.close()

    def usage(self) -> Usage:
        """See ``kernel.Conntrack``."""
        answer = self._netlink.ask(Message("read the use of connection tracking", _GET_STATISTICS, 0, _HEADER))
        numbers = parse(answer.body, 4) if answer else {}
        return Usage(read_be32(numbers.get(_ENTRIES, b"")), read_be32(numbers.get(_LIMIT, b"")))

    def forget(self, flows: Collection[Flow]) -> int:
        """See ``kernel.Conntrack``. The kernel filters the dump (Linux 5.8), so that it costs little beside a full table."""
        wanted = {(_end(flow.address, flow.port), _end(flow.endpoint, flow.endpoint_port)) for flow in flows}
        frontends = {frontend for frontend, _ in wanted}
        filters = [_filter(frontend) for frontend in frontends] if len(frontends) <= _FEW else [_filter(None)]
        deletions = []
        for body in filters:
            for answer in self._netlink.dump(Message("list tracked UDP flows", _GET, 0, _HEADER + body)):
                deletion = _deletion(answer, wanted)
                if deletion:
                    deletions.append(deletion)
        gone = 0
        for refused in self._netlink.exchange(deletions):
            if refused.code != errno.ENOENT:  # it ended by itself
                raise refused
            gone += 1
        return len(deletions) - gone


def _end(address: str, port: int) -> bytes:
    return socket.inet_aton(address) + port.to_bytes(2, "big")


def _filter(frontend: bytes | None) -> bytes:
    """Attributes of a dump of UDP flows, to one address and port or to all."""
    protocol = u8(_PROTOCOL_NUMBER, socket.IPPROTO_UDP)
    if frontend is None:
        flags, original = _BY_PROTOCOL, nested(_ORIGINAL, nested(_TUPLE_PROTOCOL, protocol))
    else:
        flags = _BY_DESTINATION | _BY_PROTOCOL | _BY_DESTINATION_PORT
        destination = nested(_TUPLE_IP, attribute(_IP_DESTINATION, frontend[:4]))
        port = be16(_DESTINATION_PORT, int.from_bytes(frontend[4:], "big"))
        original = nested(_ORIGINAL, destination, nested(_TUPLE_PROTOCOL, protocol, port))
    return original + nested(_FILTER, u32(_FILTER_ORIGINAL, flags))


def _deletion(answer: Answer, wanted: Collection[tuple[bytes, bytes]]) -> Message | None:
    """The request that deletes exactly this entry, if it is of a wanted flow."""
    attributes = parse(answer.body, 4)
    if _ORIGINAL not in attributes or _REPLY not in attributes:
        return None
    protocol, _, frontend = _ends(attributes[_ORIGINAL])
    _, endpoint, _ = _ends(attributes[_REPLY])
    if protocol != socket.IPPROTO_UDP or (frontend, endpoint) not in wanted:
        return None
    body = _HEADER + nested(_ORIGINAL, attributes[_ORIGINAL]) + attribute(_ID, attributes[_ID])
    if _ZONE in attributes:
        body += attribute(_ZONE, attributes[_ZONE])
    return Message("delete a tracked flow", _DELETE, 0, body)


def _ends(flow: bytes) -> tuple[int, bytes, bytes]:
    """Protocol, source and destination of a tuple."""
    parts = parse(flow)
    addresses, protocol = parse(parts.get(_TUPLE_IP, b"")), parse(parts.get(_TUPLE_PROTOCOL, b""))
    number = protocol.get(_PROTOCOL_NUMBER, b"\0")[0]
    source = addresses.get(_IP_SOURCE, b"") + protocol.get(_SOURCE_PORT, b"")
    return number, source, addresses.get(_IP_DESTINATION, b"") + protocol.get(_DESTINATION_PORT, b"")
