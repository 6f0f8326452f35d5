"""What all tests share."""

from __future__ import annotations

import asyncio

from hypothesis import settings

settings.register_profile("house", deadline=None)  # a busy machine is no counterexample
settings.load_profile("house")


def pytest_configure():
    # Nobody closes the event loop that Python 3.11 makes when it is first asked for one outside of a task.
    asyncio.set_event_loop(None)
