import asyncio
import os
import signal
import socket
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from midonet_kubernetes.lab.relay import hand_over, relay, serve


@asynccontextmanager
async def relaying(talk):
    """A connection by way of a relay, to a server that talks so."""
    behind = await asyncio.start_server(talk, "127.0.0.1", 0)
    ours, theirs = socket.socketpair()
    serving = asyncio.create_task(serve(theirs, *behind.sockets[0].getsockname()))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        hand_over(ours, listening)
        address = listening.getsockname()
    reader, writer = await asyncio.open_connection(*address)
    try:
        yield reader, writer
    finally:
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        ours.close()
        await asyncio.wait_for(serving, 5)
        theirs.close()
        behind.close()


async def test_bytes_go_both_ways_and_an_end_is_passed_on_while_the_other_way_stays_open():
    async def count(reader, writer):
        writer.write(b"%d" % len(await reader.read(-1)))
        writer.close()

    async with relaying(count) as (reader, writer):
        writer.write(b"x" * 3_000_000)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(-1), 10) == b"3000000"


async def test_a_connection_that_breaks_behind_the_relay_breaks_in_front():
    async def abort(reader, writer):
        await reader.read(1)
        writer.transport.abort()

    async with relaying(abort) as (reader, writer):
        writer.write(b"x")
        with suppress(ConnectionResetError):  # or in order, when nothing was under way
            assert await asyncio.wait_for(reader.read(-1), 10) == b""


async def test_a_server_that_is_away_is_seen_as_a_connection_that_ends():
    with socket.create_server(("127.0.0.1", 0)) as gone:
        nowhere = gone.getsockname()
    ours, theirs = socket.socketpair()
    serving = asyncio.create_task(serve(theirs, *nowhere))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        hand_over(ours, listening)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
    assert await asyncio.wait_for(reader.read(-1), 10) == b""
    writer.close()
    ours.close()
    await asyncio.wait_for(serving, 5)
    theirs.close()


def children():
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def test_the_process_ends_with_the_context_and_signals_of_the_terminal_are_not_for_it():
    before = children()
    with relay("127.0.0.1", 1) as channel:
        (pid,) = children() - before
        with socket.create_server(("127.0.0.1", 0)) as listening:
            hand_over(channel, listening)
            address = listening.getsockname()
        with socket.create_connection(address, timeout=10) as connection:
            assert connection.recv(1) == b""
        os.kill(int(pid), signal.SIGINT)
        with socket.create_connection(address, timeout=10) as connection:
            assert connection.recv(1) == b""
    assert children() == before
