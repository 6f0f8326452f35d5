"""Time that passes because a test says so: for tests marked ``looptime``, in which hours take milliseconds."""

from __future__ import annotations

import asyncio


async def elapse(seconds: float) -> None:
    """Let all that is due happen until ``seconds`` of the event loop's time have passed.

    Raises:
        AssertionError: the time would be real.
    """
    assert getattr(asyncio.get_running_loop(), "looptime_on", False), "the test is not marked looptime"
    await asyncio.sleep(seconds)


async def turn() -> None:
    """Let every task that is ready run once; no time passes."""
    await asyncio.sleep(0)
