import asyncio
import contextlib
import os
import random
import socket
import stat
from pathlib import Path

import pytest

from midonet_kubernetes.errors import MachineError
from midonet_kubernetes.node import server as server_module
from midonet_kubernetes.node.server import Server, lock_socket
from midonet_kubernetes.testing.virtual_time import turn


async def echo(line, descriptor):
    """Says what came: the line, and what can be read from the descriptor."""
    content = b""
    if descriptor is not None:
        with open(descriptor, "rb") as file:  # noqa: ASYNC230, PTH123 - a pipe that is full already
            content = file.read()
    return line + b"|" + content


@contextlib.asynccontextmanager
async def serving(path, answer=echo):
    server = Server(path, answer)
    await server.start()
    try:
        yield server
    finally:
        await server.close()


def descriptor_of(content):
    reading, writing = os.pipe()
    os.write(writing, content)
    os.close(writing)
    return reading


async def talk(path, *pieces, descriptors=()):
    """Send pieces, the descriptors with the first, and read all that comes back."""
    loop = asyncio.get_running_loop()
    with socket.socket(socket.AF_UNIX) as client:
        client.setblocking(False)
        await loop.sock_connect(client, str(path))
        for piece in pieces:
            if descriptors:
                socket.send_fds(client, [piece], descriptors)
                for descriptor in descriptors:
                    os.close(descriptor)
                descriptors = ()
            else:
                await loop.sock_sendall(client, piece)
            await turn()
        client.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while data := await loop.sock_recv(client, 1 << 16):
                answer += data
        return answer


def open_pipes():
    """How many descriptors of pipes this process has; only tests of this file make any."""
    found = 0
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found += str(entry.readlink()).startswith("pipe:")
    return found


async def test_line_and_descriptor_arrive_in_pieces_or_whole(tmp_path):
    async with serving(tmp_path / "api"):
        assert await talk(tmp_path / "api", b"abc\n") == b"abc|"
        assert await talk(tmp_path / "api", b"a", b"b", b"c\n", descriptors=[descriptor_of(b"xyz")]) == b"abc|xyz"
        assert await talk(tmp_path / "api", b"x" * 3_000_000, b"\n") == b"x" * 3_000_000 + b"|"


async def test_many_are_served_at_once(tmp_path):
    async with serving(tmp_path / "api"):
        answers = await asyncio.gather(*(talk(tmp_path / "api", f"{n}\n".encode()) for n in range(100)))
    assert answers == [f"{n}|".encode() for n in range(100)]


async def test_descriptors_too_many_are_closed(tmp_path):
    async with serving(tmp_path / "api"):
        before = open_pipes()
        assert await talk(tmp_path / "api", b"a\n", descriptors=[descriptor_of(c) for c in (b"1", b"2", b"3")]) == b"a|1"
        assert await talk(tmp_path / "api", b"cut short", descriptors=[descriptor_of(b"1")]) == b""
        assert open_pipes() == before


async def test_a_request_that_is_none_is_not_answered(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(server_module, "LONGEST_LINE", 100)
    async with serving(tmp_path / "api"):
        assert await talk(tmp_path / "api") == b""
        assert await talk(tmp_path / "api", b"no end") == b""
        assert await talk(tmp_path / "api", b"x" * 200, b"y") == b""
        assert await talk(tmp_path / "api", b"still here\n") == b"still here|"
    assert "cut short" in caplog.text
    assert "longer than" in caplog.text


async def test_a_plugin_that_says_nothing_is_given_up(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(server_module, "PATIENCE", 0.01)
    async with serving(tmp_path / "api"):
        with socket.socket(socket.AF_UNIX) as client:
            client.setblocking(False)
            await asyncio.get_running_loop().sock_connect(client, str(tmp_path / "api"))
            assert await asyncio.get_running_loop().sock_recv(client, 1) == b""
    assert "did not come in time" in caplog.text


async def test_random_bytes_harm_nobody(tmp_path):
    chance = random.Random(4713)
    async with serving(tmp_path / "api"):
        before = open_pipes()
        for _ in range(200):
            pieces = [chance.randbytes(chance.randint(1, 50)) for _ in range(chance.randint(1, 4))]
            await talk(tmp_path / "api", *pieces, descriptors=[descriptor_of(b"") for _ in range(chance.randint(0, 5))])
        assert await talk(tmp_path / "api", b"a\n") == b"a|"
        assert open_pipes() == before


async def test_only_root_may_connect(tmp_path):
    async with serving(tmp_path / "folder" / "api"):
        assert stat.S_IMODE((tmp_path / "folder" / "api").stat().st_mode) == 0o600


@pytest.mark.parametrize("harm", ["a file", "a stale socket", "a dangling link", "half a start"])
async def test_what_is_in_the_way_is_replaced(tmp_path, harm):
    path = tmp_path / "api"
    if harm == "a file":
        path.write_text("x")
    elif harm == "half a start":
        (tmp_path / ".api.4711").write_text("")
    elif harm == "a dangling link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        with socket.socket(socket.AF_UNIX) as forgotten:
            forgotten.bind(str(path))
    async with serving(path):
        assert await talk(path, b"a\n") == b"a|"
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_in_the_way_is_the_machines_fault(tmp_path):
    (tmp_path / "api").mkdir()
    with pytest.raises(MachineError, match="cannot be made"):
        await Server(tmp_path / "api", echo).start()
    assert [path.name for path in tmp_path.iterdir()] == ["api"]


async def test_a_second_server_is_refused_while_the_first_answers(tmp_path):
    async with serving(tmp_path / "api"):
        with pytest.raises(MachineError, match="another midonet-kube-node answers"):
            await Server(tmp_path / "api", echo).start()
        assert await talk(tmp_path / "api", b"a\n") == b"a|"


async def test_a_socket_that_is_replaced_is_noticed_and_made_again(tmp_path):
    path = tmp_path / "api"
    async with serving(path) as server:
        assert server.check()
        path.unlink()
        path.write_text("foreign")
        assert not server.check()
        assert server.check()
        assert await talk(path, b"a\n") == b"a|"


async def test_a_server_that_was_displaced_says_so(tmp_path):
    path = tmp_path / "api"
    async with serving(path) as first:
        path.unlink()
        async with serving(path):
            with pytest.raises(MachineError, match="taken"):
                first.check()


async def test_closing_waits_for_a_call_that_is_under_way(tmp_path):
    started, finish = asyncio.Event(), asyncio.Event()

    async def slow(line, _descriptor):
        started.set()
        await finish.wait()
        return line

    async with serving(tmp_path / "api", slow):
        call = asyncio.create_task(talk(tmp_path / "api", b"a\n"))
        await started.wait()
        asyncio.get_running_loop().call_later(0.01, finish.set)
    assert await call == b"a"


def test_only_one_process_can_have_the_lock(tmp_path):
    first = lock_socket(tmp_path / "run" / "api")
    with pytest.raises(MachineError, match="only one can run on a node"):
        lock_socket(tmp_path / "run" / "api")
    os.close(first)
    os.close(lock_socket(tmp_path / "run" / "api"))
