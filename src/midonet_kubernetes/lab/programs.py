"""The lab's programs: each is started in its node's namespace, logged to its own file, and started again when it dies."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from midonet_kubernetes.lab.isolation import enter_network

FIRST_PAUSE, LONGEST_PAUSE, SOUND = 0.1, 5.0, 10.0  # seconds: before a restart; up to; a run this long forgives the ones before
PATIENCE = 3.0  # seconds between SIGTERM and SIGKILL


@dataclass(frozen=True)
class Program:
    """A program of the lab.

    Args:
        name: for the operator; also the name of its log.
        argv: what to execute.
        namespace: file of the network namespace that it runs in.
        environment: added to the lab's own.
        inherited: descriptors that it keeps.
    """

    name: str
    argv: Sequence[str]
    namespace: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    inherited: tuple[int, ...] = ()


@dataclass
class Running:
    """A program with what has become of it."""

    program: Program
    pid: int = 0
    restarts: int = -1
    since: float = 0.0
    last_exit: str = ""

    def as_dict(self, now: float) -> dict[str, Any]:
        """For ``lab status``."""
        up = round(now - self.since, 1) if self.pid else 0.0
        return {
            "name": self.program.name,
            "pid": self.pid,
            "upSeconds": up,
            "restarts": max(0, self.restarts),
            "lastExit": self.last_exit,
        }


class Programs:
    """Keeps programs running until it is left.

    Args:
        logs: an existing folder.
        say: told in one line when a program died and was started again.
    """

    def __init__(self, logs: Path, say: Callable[[str], None]) -> None:
        self.running: dict[str, Running] = {}
        self._logs, self._say = logs, say
        self._keepers: dict[str, asyncio.Task[None]] = {}

    def start(self, program: Program) -> None:
        """Start it and keep it running; one of the same name is left as it is."""
        if program.name not in self.running:
            running = self.running[program.name] = Running(program)
            self._keepers[program.name] = asyncio.create_task(self._keep(running), name=f"keep {program.name}")

    async def stop(self, *names: str) -> None:
        """Stop programs (all, when none is named) and wait for their end."""
        chosen = names or tuple(reversed(self.running))
        keepers = [self._keepers.pop(name) for name in chosen if name in self._keepers]
        for keeper in keepers:
            keeper.cancel()
        await asyncio.gather(*keepers, return_exceptions=True)
        for name in chosen:
            self.running.pop(name, None)

    async def _keep(self, running: Running) -> None:
        loop, pause = asyncio.get_running_loop(), FIRST_PAUSE
        while True:
            process = await self._spawn(running.program)
            running.pid, running.since = process.pid, loop.time()
            running.restarts += 1
            try:
                code = await process.wait()
            except asyncio.CancelledError:
                await _end(process)
                raise
            running.pid = 0
            running.last_exit = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
            pause = FIRST_PAUSE if loop.time() - running.since > SOUND else min(pause * 2, LONGEST_PAUSE)
            self._say(
                f"{running.program.name} ended ({running.last_exit}); starting it again (log: {self.log(running.program.name)})"
            )
            await asyncio.sleep(pause)

    def log(self, name: str) -> Path:
        """The log file of a program."""
        return self._logs / f"{name}.log"

    async def _spawn(self, program: Program) -> asyncio.subprocess.Process:
        with self.log(program.name).open("ab") as log:
            return await spawn(
                program.argv,
                program.namespace,
                environment=program.environment,
                inherited=program.inherited,
                stdout=log,
                stderr=log,
            )


async def spawn(
    argv: Sequence[str],
    namespace: Path,
    *,
    environment: Mapping[str, str] | None = None,
    inherited: tuple[int, ...] = (),
    **streams: Any,
) -> asyncio.subprocess.Process:
    """Start a program in a network namespace, in a session of its own (a terminal's Ctrl-C is for the lab, not for it).

    Raises:
        OSError: it cannot be executed, or the namespace is gone.
    """
    descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return await asyncio.create_subprocess_exec(
            *argv,
            env={**os.environ, **(environment or {})},
            pass_fds=inherited,
            start_new_session=True,
            stdin=streams.pop("stdin", asyncio.subprocess.DEVNULL),
            preexec_fn=lambda: _become(descriptor),  # a few system calls, and there is no thread whose lock they could need
            **streams,
        )
    finally:
        os.close(descriptor)


def _become(descriptor: int) -> None:
    """In the child, before the program: into the namespace, and signals as a program expects to find them."""
    enter_network(descriptor)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), PATIENCE)
        except TimeoutError:
            process.kill()
            await process.wait()
