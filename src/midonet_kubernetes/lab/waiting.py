"""Waiting for what others do."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

POLL = 0.1  # seconds


async def within(seconds: float, reached: Callable[[], Awaitable[bool]]) -> bool:
    """Wait until something holds; whether it does."""
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + seconds
    while not await reached():
        if loop.time() >= ends_at:
            return False
        await asyncio.sleep(POLL)
    return True
