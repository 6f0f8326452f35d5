"""How other terminals talk to a running lab: a Unix socket, one request a connection.

Request: four bytes of length, then JSON ``{"do": …}``, with the caller's standard streams as descriptors when it is ``exec``.
Answer: JSON lines. ``{"line": text}`` is for the caller to see; the last one is ``{"code": n, …}``: exit code and what was asked.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from midonet_kubernetes.errors import MidonetKubeError, UserError

LONGEST_REQUEST = 64 * 1024 * 1024
PATIENCE = 10.0  # seconds for a request to arrive whole
Say = Callable[[str], Awaitable[None]]
Handler = Callable[[Mapping[str, Any], list[int], Say], Awaitable[dict[str, Any]]]


class ControlServer:
    """Answers requests with ``handler``; a MidonetKubeError of it becomes a message and its exit code."""

    def __init__(self, path: Path, handler: Handler) -> None:
        self._path, self._handler = path, handler
        self._tasks: set[asyncio.Task[None]] = set()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(os.fspath(path))
        path.chmod(0o600)
        self._socket.listen(64)
        self._socket.setblocking(False)
        self._accepting = asyncio.create_task(self._accept(), name="control socket")

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            connection, _ = await loop.sock_accept(self._socket)
            task = asyncio.create_task(self._serve(connection))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _serve(self, connection: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        descriptors: list[int] = []

        async def send(message: Mapping[str, Any]) -> None:
            await loop.sock_sendall(connection, json.dumps(message).encode() + b"\n")

        try:
            connection.settimeout(PATIENCE)
            request, descriptors = await loop.run_in_executor(None, _receive, connection)
            connection.setblocking(False)
            try:
                answer = await self._handler(request, descriptors, lambda line: send({"line": line}))
            except MidonetKubeError as error:
                answer = {"code": error.exit_code, "error": str(error)}
            await send(answer)
        except (OSError, ValueError):
            pass  # the caller went away, or is none of ours: there is nobody to tell
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
            connection.close()

    async def close(self) -> None:
        """Stop answering; requests under way are given up."""
        for task in (self._accepting, *self._tasks):
            task.cancel()
        await asyncio.gather(self._accepting, *self._tasks, return_exceptions=True)
        self._socket.close()
        with suppress(FileNotFoundError):
            self._path.unlink()


def _receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    data, descriptors, _flags, _address = socket.recv_fds(connection, 65536, 3)
    try:
        while len(data) < 4 or len(data) < 4 + struct.unpack_from("!I", data)[0]:
            more = connection.recv(1 << 20)
            if not more or len(data) > LONGEST_REQUEST:
                raise ValueError("the request is cut short or too long")
            data += more
        request = json.loads(data[4:])
        if not isinstance(request, dict):
            raise ValueError("the request is no object")
    except (OSError, ValueError):
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    return request, list(descriptors)


def ask(path: Path, request: Mapping[str, Any], descriptors: tuple[int, ...] = ()) -> Iterator[dict[str, Any]]:
    """Send a request to a running lab and give the lines of its answer as they come; the last one has ``code``.

    Raises:
        UserError: no lab listens there, or it ended while answering.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(os.fspath(path))
        except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
            raise UserError(
                f"no lab named {path.parent.name!r} is running: start one with `midonet-kube lab`, or name another with --name"
            ) from None
        body = json.dumps(request).encode()
        message = struct.pack("!I", len(body)) + body
        sent = socket.send_fds(connection, [message], descriptors) if descriptors else connection.send(message)
        connection.sendall(message[sent:])
        with connection.makefile("r", encoding="utf-8") as lines:
            answer: dict[str, Any] = {}
            for line in lines:
                answer = json.loads(line)
                yield answer
    if "code" not in answer:
        raise UserError("the lab ended before it had answered")
