"""What runs in a pod of the lab: it answers with its name on every port, TCP and UDP.

A line sent over TCP, or any datagram over UDP, is answered by ``NAME CLIENT-ADDRESS CLIENT-PORT`` and a newline; an HTTP request
gets the same as a page. Started as a program of its own (``python -I -S answering.py NAME FD PORT…``), so it imports the standard
library only: a pod costs some 10 ms and 9 MB. It writes one byte to the descriptor FD when all ports listen.
"""

import os
import selectors
import socket
import struct
import sys

READ = selectors.EVENT_READ
LONGEST_LINE = 65536
IP_PKTINFO = 8  # ip(7); the socket module names it from Python 3.12 on
PKTINFO = struct.Struct("=I4s4s")  # link, local address of the packet, destination in its header


def listen(selector: selectors.BaseSelector, port: int) -> None:
    """Listen on ``port`` for TCP and UDP, on all addresses."""
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        server = socket.socket(socket.AF_INET, kind)
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.setblocking(False)
        if kind == socket.SOCK_DGRAM:
            server.setsockopt(socket.IPPROTO_IP, IP_PKTINFO, 1)
        server.bind(("", port))
        if kind == socket.SOCK_STREAM:
            server.listen(4096)
        selector.register(server, READ, accept if kind == socket.SOCK_STREAM else answer_datagram)


def accept(selector: selectors.BaseSelector, server: socket.socket, _name: bytes) -> None:
    """Take every waiting connection."""
    while True:
        try:
            client, _address = server.accept()
        except OSError:  # no more, or gone before it was accepted
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        selector.register(client, READ, answer_lines)


def answer_datagram(_selector: selectors.BaseSelector, server: socket.socket, name: bytes) -> None:
    """Answer every waiting datagram, from the address that it was sent to: a node has several."""
    while True:
        try:
            _data, control, _flags, (host, port) = server.recvmsg(65536, socket.CMSG_SPACE(PKTINFO.size))
            _link, to, _header = PKTINFO.unpack(control[0][2])
            answer = b"%s %s %d\n" % (name, host.encode(), port)
            server.sendmsg([answer], [(socket.IPPROTO_IP, IP_PKTINFO, PKTINFO.pack(0, to, bytes(4)))], 0, (host, port))
        except OSError:  # no more, or an ICMP error of an earlier answer
            return


def answer_lines(selector: selectors.BaseSelector, client: socket.socket, name: bytes) -> None:
    """Answer each line; close after an HTTP request or when the client has closed."""
    try:
        data = client.recv(LONGEST_LINE)
        host, port = client.getpeername()
        line = b"%s %s %d\n" % (name, host.encode(), port)
        if data.startswith((b"GET ", b"HEAD ", b"POST ")):
            head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(line)
            client.sendall(head + (b"" if data.startswith(b"HEAD ") else line))
            data = b""
        elif data:
            client.sendall(line * (data.count(b"\n") or 1))
    except OSError:  # reset, or a client that does not read: either way this connection is over
        data = b""
    if not data:
        selector.unregister(client)
        client.close()


def main(arguments: list[str]) -> None:
    """Serve for ever."""
    name, ready, *ports = arguments
    selector = selectors.DefaultSelector()
    for port in ports:
        listen(selector, int(port))
    os.write(int(ready), b"\n")
    os.close(int(ready))
    while True:
        for key, _events in selector.select():
            key.data(selector, key.fileobj, name.encode())


if __name__ == "__main__":
    main(sys.argv[1:])
