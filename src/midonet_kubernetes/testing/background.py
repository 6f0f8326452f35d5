"""Programs that run beside a test, each with its output in a file, and the waiting for what they do."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

T = TypeVar("T")

_TAIL = 4000  # characters of a log in a message
_PATIENCE = 10.0  # seconds between SIGTERM and SIGKILL


class Background:
    """A running program; leaving it as a context ends it.

    Args:
        argv: what to execute.
        log: file for both outputs; a program that is started again goes on in it.
        environment: added to ours.
    """

    def __init__(self, argv: Sequence[str | Path], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.name, self.log = Path(argv[0]).name, log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(word) for word in argv], stdout=output, stderr=output, env={**os.environ, **(environment or {})}
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, type_: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        """End it, by SIGTERM if that helps."""
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it by SIGKILL."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def alive(self) -> bool:
        """Whether it runs."""
        return self.process.poll() is None

    def tail(self) -> str:
        """The end of what it said."""
        return self.log.read_text(errors="replace")[-_TAIL:]

    def check(self) -> None:
        """Complain if it has ended.

        Raises:
            AssertionError: with the end of its log.
        """
        assert self.alive(), f"{self.name} ended with {self.process.returncode}:\n{self.tail()}"

    def memory(self) -> tuple[int, int]:
        """Resident memory in bytes: now, and at most since ``forget_peak``."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        sizes = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if line.startswith(("VmRSS", "VmHWM"))}
        return sizes["VmRSS"], sizes["VmHWM"]

    def forget_peak(self) -> None:
        """The greatest memory counts from here."""
        Path(f"/proc/{self.process.pid}/clear_refs").write_text("5\n", encoding="ascii")

    def cpu_seconds(self) -> float:
        """Processor time that it has used, in user and kernel mode."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / float(os.sysconf("SC_CLK_TCK"))


def ours(name: str) -> Path:
    """One of the programs of this package."""
    return Path(sys.executable).with_name(name)


def free_ports(number: int) -> list[int]:
    """Ports of the loopback address on which nobody listens just now."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports: list[int] = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


async def until(
    what: str,
    look: Callable[[], Awaitable[T]],
    *,
    seconds: float = 30.0,
    every: float = 0.05,
    programs: Sequence[Background] = (),
) -> T:
    """Look again and again until there is something to see, and return that.

    Args:
        what: is awaited, for the message.
        look: answers something true when it is there; an AssertionError of it says what is missing.
        seconds: to wait at most.
        every: seconds between two looks.
        programs: that must not end meanwhile.

    Raises:
        AssertionError: it did not come; with what was seen last and the ends of the programs' logs.
    """
    ends_at = time.monotonic() + seconds
    while True:
        try:
            seen = await look()
            missing = repr(seen)
            if seen:
                return seen
        except AssertionError as error:
            missing = str(error)
        for program in programs:
            program.check()
        if time.monotonic() > ends_at:
            logs = "".join(f"\n--- {program.name}:\n{program.tail()}" for program in programs)
            raise AssertionError(f"after {seconds} s there is still not {what}: {missing}{logs}")
        await asyncio.sleep(every)
