from __future__ import annotations

import asyncio
import os
import socket

import pytest

from midonet_kubernetes.errors import UserError
from midonet_kubernetes.lab.control import ControlServer, ask


async def answers(path, request, descriptors=()):
    return await asyncio.to_thread(lambda: list(ask(path, request, descriptors)))


@pytest.fixture
async def serve(tmp_path):
    servers = []

    def start(handler):
        servers.append(ControlServer(tmp_path / "control", handler))
        return tmp_path / "control"

    yield start
    for server in servers:
        await server.close()


async def test_lines_come_before_the_answer(serve):
    async def handler(request, _descriptors, say):
        await say(f"doing {request['do']}")
        return {"code": 0}

    assert await answers(serve(handler), {"do": "this"}) == [{"line": "doing this"}, {"code": 0}]


async def test_an_error_becomes_its_message_and_exit_code(serve):
    async def handler(_request, _descriptors, _say):
        raise UserError("not like this")

    assert await answers(serve(handler), {"do": "this"}) == [{"code": 2, "error": "not like this"}]


async def test_a_large_request_arrives_whole_and_descriptors_come_along(serve):
    seen = []

    async def handler(request, descriptors, _say):
        os.write(descriptors[1], b"through")
        seen.append(len(request["objects"]))
        return {"code": 0}

    reader, writer = os.pipe()
    try:
        await answers(serve(handler), {"do": "exec", "objects": ["x" * 100] * 30_000}, (reader, writer, writer))
        assert os.read(reader, 100) == b"through"
        assert seen == [30_000]
    finally:
        os.close(reader)
        os.close(writer)


async def test_garbage_and_early_ends_do_not_stop_the_server(serve):
    async def handler(_request, _descriptors, _say):
        return {"code": 0}

    path = serve(handler)
    for garbage in (b"", b"\x00\x00", b"\x00\x00\x00\x05hello", b"\x00\x00\x00\x02[]"):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(os.fspath(path))
            client.sendall(garbage)
    assert await answers(path, {"do": "this"}) == [{"code": 0}]


async def test_only_the_owner_may_ask(serve):
    async def handler(_request, _descriptors, _say):
        return {"code": 0}

    assert serve(handler).stat().st_mode & 0o777 == 0o600


async def test_without_a_lab_the_next_step_is_named(tmp_path):
    with pytest.raises(UserError, match="start one with `midonet-kube lab`"):
        await answers(tmp_path / "no" / "control", {"do": "status"})


async def test_a_lab_that_ends_while_answering_is_noticed(serve):
    async def handler(_request, _descriptors, say):
        await say("one moment")
        raise OSError

    with pytest.raises(UserError, match="ended before"):
        await answers(serve(handler), {"do": "this"})
