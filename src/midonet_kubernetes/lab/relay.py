"""The way out of a lab to an API server of the machine, which the lab's network does not reach.

A process that stays in the machine's network accepts connections on a socket that listens inside the lab, and passes their
bytes on, both ways; TLS goes through untouched. The lab makes the socket and sends it here. The process ends with the command.

::

    program ──► node-1:6443, in the lab ··accepted by··► relay, on the machine ──► API server
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NoReturn

from midonet_kubernetes.lab.isolation import die_with_parent, leave_signals_to_the_lab

CHUNK = 256 * 1024  # bytes


@contextmanager
def relay(host: str, port: int) -> Iterator[socket.socket]:
    """Start the process, and end it with the context; to be called where threads and an event loop are not running.

    Args:
        host: of the API server, as the machine knows it.
        port: of the API server.

    Yields:
        Where ``hand_over`` sends the sockets that listen.
    """
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        _run(theirs, host, port)
    theirs.close()
    try:
        yield ours
    finally:
        ours.close()  # the lab's copies ended with it, so the relay sees the end and goes
        os.waitpid(pid, 0)


def hand_over(channel: socket.socket, listening: socket.socket) -> None:
    """Have the relay accept what comes to a listening socket, from whichever network namespace the socket is."""
    socket.send_fds(channel, [b"\n"], [listening.fileno()])


def _run(channel: socket.socket, host: str, port: int) -> NoReturn:
    try:
        die_with_parent()
        leave_signals_to_the_lab()
        asyncio.run(serve(channel, host, port))
    finally:
        os._exit(0)


async def serve(channel: socket.socket, host: str, port: int) -> None:
    """Relay what comes to the sockets that ``channel`` brings, until its other end is closed."""
    loop, closed = asyncio.get_running_loop(), asyncio.Event()
    servers: list[asyncio.Task[asyncio.Server]] = []

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await _join(reader, writer, host, port)

    def receive() -> None:
        data, descriptors, _flags, _address = socket.recv_fds(channel, 1, 1)
        servers.extend(
            asyncio.create_task(asyncio.start_server(connected, sock=socket.socket(fileno=descriptor), limit=CHUNK))
            for descriptor in descriptors
        )
        if not data:
            closed.set()

    loop.add_reader(channel, receive)
    try:
        await closed.wait()
    finally:
        loop.remove_reader(channel)
        for server in await asyncio.gather(*servers):
            server.close()


async def _join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int) -> None:
    try:
        onward_reader, onward_writer = await asyncio.open_connection(host, port, limit=CHUNK)
    except OSError:  # the client sees its connection end, as it would see it refused
        writer.transport.abort()
        return
    try:
        await asyncio.gather(_pump(reader, onward_writer), _pump(onward_reader, writer))
    except OSError:
        pass  # one side broke off: so does the other
    finally:
        onward_writer.transport.abort()
        writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()
    with suppress(OSError):  # it has closed as well
        writer.write_eof()
