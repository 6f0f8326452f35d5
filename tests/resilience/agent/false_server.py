"""What listens at the server's address and is no server."""

import socket
import threading
from contextlib import suppress

HTML = b"<html><body>It works!</body></html>"


def page(status):
    """An answer as a web server in the wrong place gives it."""
    head = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {len(HTML)}\r\n\r\n"
    return lambda _request: head.encode() + HTML


def garbage(_request):
    """No HTTP at all."""
    return bytes(range(256)) * 4


def hang_up(_request):
    """Not a byte."""
    return b""


def silence(_request):
    """Never an answer."""


def half_a_snapshot(lines):
    """A server that breaks off in the middle of a host's topology: at half of ``lines``, within an object."""
    cut = b"\n".join(lines)[: sum(map(len, lines)) // 2]
    lease = b'{"leaseSeconds":12}'

    def answer(request):
        if request.startswith(b"PUT"):
            return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(lease), lease)
        return b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n" % (len(cut), cut)

    return answer


class FalseServer:
    """Answers every request with what ``answer`` makes of it and hangs up; None: holds the line without a word.

    Attributes:
        asked: how many requests came.
    """

    def __init__(self, machine, address, answer):
        self._answer, self.asked, self._held = answer, 0, []
        self._listener = machine.open(socket.SOCK_STREAM)
        self._listener.settimeout(None)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(address)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def close(self):
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for connection in (self._listener, *self._held):
            connection.close()

    def _serve(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with suppress(OSError):
                connection.settimeout(2)
                self._talk(connection)

    def _talk(self, connection):
        request = connection.recv(65536)
        self.asked += 1
        answer = self._answer(request)
        if answer is None:
            self._held.append(connection)
            return
        with connection:
            connection.sendall(answer)
