"""Connection tracking that holds as many established connections as it may, none of which the kernel gives up for a new one."""

import socket
from contextlib import closing, contextmanager
from ipaddress import IPv4Address

from midonet_kubernetes.linux.netlink import attributes as netlink
from midonet_kubernetes.linux.netlink.sockets import CREATE, EXCLUSIVE, Message, NetlinkSocket, frame
from midonet_kubernetes.linux.real import LinuxKernel

NETFILTER, NEW, DELETE = 12, 0x100, 0x102
HEADER = bytes((socket.AF_INET, 0, 0, 0))
ORIGINAL, REPLY, STATUS, PROTOCOL_INFO, TIMEOUT, MARK, MARK_MASK = 1, 2, 3, 4, 7, 8, 21
SEEN_ASSURED_CONFIRMED, ESTABLISHED, OURS = 14, 3, 0x5EED
FIRST, PEER = int(IPv4Address("100.64.0.0")), IPv4Address("198.51.100.1").packed
A_DATAGRAM = 200  # messages: some 32 KiB


@contextmanager
def full(namespace):
    """A namespace whose table is full for as long as this lasts."""
    with closing(LinuxKernel().conntrack(namespace)) as conntrack:
        limit = conntrack.usage().limit
        with namespace.entered():
            sending = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETFILTER)
        try:
            with sending:
                sending.bind((0, 0))
                for first in range(0, limit, A_DATAGRAM):
                    sending.send(b"".join(_entry(number) for number in range(first, first + A_DATAGRAM)))
            assert conntrack.usage().entries >= limit
            yield
        finally:
            with closing(NetlinkSocket(NETFILTER, namespace)) as deleting:
                ours = _be32(MARK, OURS) + _be32(MARK_MASK, 0xFFFFFFFF)
                assert list(deleting.exchange([Message("delete what filled the table", DELETE, 0, HEADER + ours)])) == []


def _tuple(kind, source, destination, source_port, destination_port):
    addresses = netlink.nested(1, netlink.attribute(1, source), netlink.attribute(2, destination))
    ports = netlink.be16(2, source_port), netlink.be16(3, destination_port)
    return netlink.nested(kind, addresses, netlink.nested(2, netlink.u8(1, socket.IPPROTO_TCP), *ports))


def _be32(kind, value):
    return netlink.attribute(kind, value.to_bytes(4, "big"))


def _template():
    mine = b"SRC!"
    body = HEADER + _tuple(ORIGINAL, mine, PEER, 1024, 80) + _tuple(REPLY, PEER, mine, 80, 1024)
    body += _be32(STATUS, SEEN_ASSURED_CONFIRMED) + _be32(TIMEOUT, 600) + _be32(MARK, OURS)
    body += netlink.nested(PROTOCOL_INFO, netlink.nested(1, netlink.u8(1, ESTABLISHED)))
    return frame(Message("track", NEW, CREATE | EXCLUSIVE, body), 0, 1).split(mine)


_BEFORE, _BETWEEN, _BEHIND = _template()


def _entry(number):
    source = (FIRST + number).to_bytes(4, "big")
    return source.join((_BEFORE, _BETWEEN, _BEHIND))
