"""The Unix socket that the plugin calls. asyncio's streams do not take descriptors, so the first read is done by hand."""

from __future__ import annotations

import asyncio
import errno
import fcntl
import logging
import os
import socket
import stat
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

from midonet_kubernetes.errors import MachineError

_log = logging.getLogger(__name__)

LONGEST_LINE = 32 << 20  # bytes; the plugin takes 4 MiB of configuration, of which each may need six
PATIENCE = 10.0  # seconds for a plugin to send its line
_CHUNK = 1 << 16
_MOST_DESCRIPTORS = 4  # a plugin sends one; what is more is closed

Answer = Callable[[bytes, int | None], Awaitable[bytes]]


class Server:
    """Listens on a Unix socket, mode 0600.

    Args:
        path: of the socket.
        answer: the line and the descriptor, which it has to close, to the bytes that are sent back.
    """

    def __init__(self, path: Path, answer: Answer) -> None:
        self._path, self._answer = path, answer
        self._listener: socket.socket | None = None
        self._inode = 0
        self._task: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Begin to listen. A file that is in the way and that nobody listens on is replaced.

        Raises:
            MachineError: another daemon answers on the socket, or the socket cannot be made.
        """
        if _answers(self._path):
            raise MachineError(f"another midonet-kube-node answers on {self._path}: only one can run on a node, end it first")
        self._listen()
        self._task = asyncio.create_task(self._accept(), name="accept")

    def _listen(self) -> None:
        listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
        unfinished = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
            for left in self._path.parent.glob(f".{self._path.name}.*"):  # by a daemon that was killed
                left.unlink()
            mask = os.umask(0o177)
            try:
                listener.bind(str(unfinished))
            finally:
                os.umask(mask)
            listener.listen(512)
            if self._path.is_dir() and not self._path.is_symlink():
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            unfinished.replace(self._path)
            self._inode = self._path.lstat().st_ino
        except OSError as error:
            listener.close()
            with suppress(OSError):
                unfinished.unlink()
            raise MachineError(f"the socket {self._path} cannot be made: {error.strerror or error}") from None
        self._listener = listener

    def check(self) -> bool:
        """Whether the file is still our socket; if not, it is made again.

        Raises:
            MachineError: another daemon has taken it over, or it cannot be made.
        """
        with suppress(OSError):
            found = self._path.lstat()
            if stat.S_ISSOCK(found.st_mode) and found.st_ino == self._inode:
                return True
        if _answers(self._path):
            raise MachineError(f"another midonet-kube-node has taken {self._path} over")
        old = self._listener
        self._listen()
        if self._task is not None:
            self._task.cancel()
            self._task = asyncio.create_task(self._accept(), name="accept")
        if old is not None:
            old.close()
        return False

    async def close(self) -> None:
        """Stop listening, and let calls that are under way end."""
        if self._task is not None:
            self._task.cancel()
        if self._listener is not None:
            with suppress(FileNotFoundError):
                if self._path.lstat().st_ino == self._inode:
                    self._path.unlink()
            self._listener.close()
        if self._calls:
            await asyncio.wait(self._calls, timeout=PATIENCE)

    async def _accept(self) -> None:
        loop = asyncio.get_running_loop()
        assert self._listener is not None
        while True:
            try:
                connection, _ = await loop.sock_accept(self._listener)
            except OSError as error:  # out of descriptors
                _log.warning("a plugin's connection was not accepted: %s", error)
                await asyncio.sleep(0.1)
                continue
            call = asyncio.create_task(self._serve(connection), name="call")
            self._calls.add(call)
            call.add_done_callback(self._calls.discard)

    async def _serve(self, connection: socket.socket) -> None:
        descriptor: int | None = None
        with connection:
            try:
                async with asyncio.timeout(PATIENCE):
                    line, descriptor = await _receive(connection)
            except (TimeoutError, OSError, ValueError) as error:
                _log.warning("a plugin's request was not read: %s", str(error) or "it did not come in time")
                return
            output = await self._answer(line, descriptor)
            with suppress(OSError):  # the plugin has gone; its runtime will ask again
                async with asyncio.timeout(PATIENCE):
                    await asyncio.get_running_loop().sock_sendall(connection, output)


async def _receive(connection: socket.socket) -> tuple[bytes, int | None]:
    """The line without its end, and the descriptor if one came with it."""
    connection.setblocking(False)
    line, descriptors = bytearray(), list[int]()
    try:
        while True:
            data, received, _, _ = await _recv_fds(connection)
            descriptors += received
            line += data
            if line.endswith(b"\n"):
                break
            if not data:
                raise ValueError("it was cut short")
            if len(line) > LONGEST_LINE:
                raise ValueError(f"it is longer than {LONGEST_LINE} bytes")
    except BaseException:
        for descriptor in descriptors:
            os.close(descriptor)
        raise
    for extra in descriptors[1:]:
        os.close(extra)
    return bytes(line[:-1]), descriptors[0] if descriptors else None


async def _recv_fds(connection: socket.socket) -> tuple[bytes, list[int], int, object]:
    while True:
        try:
            return socket.recv_fds(connection, _CHUNK, _MOST_DESCRIPTORS, socket.MSG_CMSG_CLOEXEC)
        except BlockingIOError:
            await _readable(connection)


async def _readable(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    loop.add_reader(connection, readable.set)
    try:
        await readable.wait()
    finally:
        loop.remove_reader(connection)


def lock_socket(path: Path) -> int:
    """Claim the socket's name for this process, for as long as the returned descriptor is open.

    Raises:
        MachineError: another daemon has it, or the folder cannot be written.
    """
    lock = path.with_name(f"{path.name}.lock")
    try:
        lock.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise MachineError(f"{lock} cannot be opened: {error.strerror}") from None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        raise MachineError(f"another midonet-kube-node serves {path}: only one can run on a node, end it first") from None
    return descriptor


def _answers(path: Path) -> bool:
    """Whether somebody listens on the socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except TimeoutError:
            return True  # its queue is full
        except OSError:
            return False
    return True
