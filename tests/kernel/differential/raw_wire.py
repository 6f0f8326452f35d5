"""One host of the real kernel with pods that send and receive raw frames; the pods' own kernels answer nothing."""

import os
import select
import socket
import struct
import time
from contextlib import ExitStack, closing
from ipaddress import IPv4Address

from random_rules import HOST, POD_NUMBERS, interface_of, mac_of

from midonet_kubernetes.linux import namespaces
from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.minimidonet.agent.datapath import Datapath
from midonet_kubernetes.minimidonet.agent.programmer import Programmer
from midonet_kubernetes.minimidonet.agent.stream import Commit, Position
from midonet_kubernetes.simulate.packet import ICMP, TCP, UDP
from midonet_kubernetes.simulate.packets import ip
from midonet_kubernetes.testing.random_routers import router_mac
from midonet_kubernetes.topology.host_network import Link

MARK = b"differential"
GRACE = 0.004  # seconds that a packet may take which is not expected
PATIENCE = 0.5  # seconds that one may take which is


class Wire:
    """The datapath of a host, and an AF_PACKET socket in each pod."""

    def __init__(self):
        self._open = ExitStack()
        self.kernel = LinuxKernel()
        self._datapath = self._open.enter_context(closing(namespaces.create_unnamed()))
        own = self._open.enter_context(closing(namespaces.create_unnamed()))
        inside = self._open.enter_context(closing(self.kernel.routing(self._datapath)))
        self._sockets = {pod: self._wire(inside, pod) for pod in POD_NUMBERS}
        adopted = [self.kernel.adopt_namespace(os.dup(each.fileno())) for each in (self._datapath, own)]
        self.datapath = Datapath(self.kernel, *adopted)
        self._open.callback(self.datapath.close)
        self.programmer = Programmer(HOST, self.datapath)
        self.datapath.prepare()
        self._revision = 0

    def _wire(self, inside, pod):
        namespace = self._open.enter_context(closing(namespaces.create_unnamed()))
        inside.add_veth(Link(interface_of(pod), mac=router_mac(pod[0])), Link("eth0", mac=mac_of(pod)), namespace)
        routing = self._open.enter_context(closing(self.kernel.routing(namespace)))
        routing.set_link(Link("eth0"))
        with namespace.entered():
            made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(0x0800))
        made.bind(("eth0", 0x0800))
        made.setblocking(False)
        return self._open.enter_context(made)

    def program(self, changes):
        """Make the kernel hold what a view says, and nothing else.

        Returns:
            What it cannot do as MidoNet would.
        """
        self._revision += 1
        report = self.programmer.take(Commit(tuple(changes), Position("s", self._revision), True))
        assert report.refused == ()
        return self.programmer.unsupported

    def exchange(self, sent, expected, *, answers=False):
        """Send packets, each from a pod, and collect what arrives anywhere.

        Args:
            sent: pod and packet, by number.
            expected: numbers of the packets that have to be waited for.
            answers: whether these packets answer others.

        Returns:
            Pod and packet of everything that arrived, by number.
        """
        for number, (pod, packet) in sent.items():
            self._sockets[pod].send(frame(packet, number, answers=answers))
        arrived, deadline, missing = {}, time.monotonic() + PATIENCE, set(expected)
        while True:
            for pod, made in self._sockets.items():
                for data in _pending(made):
                    read = parse(data)
                    if read is not None and read[0] in sent:
                        arrived.setdefault(read[0], []).append((pod, read[1]))
            missing -= arrived.keys()
            now = time.monotonic()
            if not missing:
                deadline = min(deadline, now + GRACE) if deadline > now + GRACE else deadline
            if now >= deadline:
                return arrived
            select.select([*self._sockets.values()], [], [], deadline - now)

    def close(self):
        self._open.close()


def _pending(made):
    while True:
        try:
            data, address = made.recvfrom(2048)
        except BlockingIOError:
            return
        if address[2] != socket.PACKET_OUTGOING:
            yield data


def _checksum(data):
    padded = data + b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f">{len(padded) // 2}H", padded))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


def frame(packet, number, *, answers=False):
    """The bytes of a packet as a pod sends it: always to the router's MAC, since the kernel routes all.

    Args:
        packet: the packet.
        number: what it is recognised by.
        answers: of TCP, whether it answers a connection's first packet.
    """
    payload = MARK + struct.pack(">I", number)
    ends = packet.nw_src.packed + packet.nw_dst.packed
    if packet.nw_proto == TCP:
        flags = 0x12 if answers else 0x02
        head = struct.pack(">HHIIBBHHH", packet.tp_src, packet.tp_dst, number, int(answers), 0x50, flags, 1024, 0, 0)
        body = head + payload
        total = _checksum(ends + struct.pack(">HH", TCP, len(body)) + body)
        body = head[:16] + struct.pack(">HH", total, 0) + payload
    elif packet.nw_proto == UDP:
        head = struct.pack(">HHHH", packet.tp_src, packet.tp_dst, 8 + len(payload), 0)
        total = _checksum(ends + struct.pack(">HH", UDP, 8 + len(payload)) + head + payload)
        body = head[:6] + struct.pack(">H", total) + payload
    elif packet.nw_proto == ICMP:
        head = struct.pack(">BBHHH", packet.tp_src, packet.tp_dst, 0, packet.icmp_id, 1)
        body = head[:2] + struct.pack(">H", _checksum(head + payload)) + head[4:] + payload
    else:
        body = payload
    fields = (0x45, packet.nw_tos, 20 + len(body), number & 0xFFFF, 0, packet.nw_ttl, packet.nw_proto, 0)
    head = struct.pack(">BBHHHBBH", *fields) + ends
    head = head[:10] + struct.pack(">H", _checksum(head)) + head[12:]
    macs = bytes.fromhex(packet.eth_dst.replace(":", "") + packet.eth_src.replace(":", ""))
    return macs + b"\x08\x00" + head + body


def parse(data):
    """Number and packet of one of our frames; None: it is somebody else's, or an ICMP error about ours."""
    if len(data) < 34 or data[12:14] != b"\x08\x00":
        return None
    head, body = data[14:34], data[34 : 14 + struct.unpack(">H", data[16:18])[0]]
    if MARK not in body or (head[9] == ICMP and body[0] not in {0, 8}):
        return None
    number = struct.unpack(">I", body[body.index(MARK) + len(MARK) :][:4])[0]
    fields = {"nw_tos": head[1], "nw_ttl": head[8]}
    if head[9] in {TCP, UDP}:
        fields["tp_src"], fields["tp_dst"] = struct.unpack(">HH", body[:4])
    if head[9] == ICMP:
        fields["tp_src"], fields["tp_dst"], fields["icmp_id"] = body[0], body[1], struct.unpack(">H", body[4:6])[0]
    macs = data[6:12].hex(":"), data[0:6].hex(":")
    source, destination = str(IPv4Address(head[12:16])), str(IPv4Address(head[16:20]))
    return number, ip(macs, source, destination, head[9], **fields)
