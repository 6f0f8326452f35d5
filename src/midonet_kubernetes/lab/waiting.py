"""Waiting for what others do, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from midonet_kubernetes.errors import MidonetKubeError
from midonet_kubernetes.lab.programs import Programs

PATIENCE = 60.0  # seconds for one step of the start; far more than any needs
ABSENTEES_TOLD = 10.0  # seconds after which it is said who should have done what is waited for
MOST_RESTARTS = 5  # of a program during the start: it will not come up
POLL = 0.05  # seconds

Reached = Callable[[], Awaitable[bool]]


async def within(seconds: float, reached: Reached) -> bool:
    """Wait until something holds; whether it does."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + seconds
    while not await reached():
        if loop.time() >= ends_at:
            return False
        await asyncio.sleep(POLL)
    return True


class Waiting:
    """Waits for the steps of a start, and says why when one does not come.

    Args:
        programs: that the step may need.
        last_failure: the last one of a pod, "" when there was none.
        say: told of what takes long.
    """

    def __init__(self, programs: Programs, last_failure: Callable[[], str], say: Callable[[str], None]) -> None:
        self._programs, self._last_failure, self._say = programs, last_failure, say

    async def until(self, reached: Reached, what: str, absentee: Callable[[], Awaitable[str]] | None = None) -> None:
        """Wait until something holds.

        Args:
            reached: whether it does.
            what: it is, for the message.
            absentee: which component of the cluster keeps it from holding, "" when none is seen to.

        Raises:
            MidonetKubeError: it takes too long, or a program will not come up; the message has the end of a log.
        """
        loop = asyncio.get_running_loop()
        began, missing = loop.time(), ""
        while not await reached():
            self._complain_of_restarts()
            if absentee is not None and not missing and loop.time() > began + ABSENTEES_TOLD:
                missing = await absentee()
                if missing:
                    self._say(f"waiting, but {missing}")
            if loop.time() > began + PATIENCE:
                why = missing or self._last_failure() or f"not in {PATIENCE:.0f} s"
                logs = "\n".join(last_lines(self._programs.log(name)) for name in self._programs.running)
                raise MidonetKubeError(f"waited in vain until {what}: {why}\n{logs}")
            await asyncio.sleep(POLL)

    def _complain_of_restarts(self) -> None:
        for running in self._programs.running.values():
            if running.restarts >= MOST_RESTARTS:
                name = running.program.name
                raise MidonetKubeError(f"{name} does not come up ({running.last_exit}). {last_lines(self._programs.log(name))}")


def last_lines(log: Path, lines: int = 8) -> str:
    """The end of a log, for a person who will not find it later."""
    try:
        text = log.read_text(encoding="utf-8", errors="replace").rstrip()
    except OSError:
        text = ""
    return f"The end of {log.name}:\n" + "\n".join(f"    {line}" for line in text.splitlines()[-lines:])
