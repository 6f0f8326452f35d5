import os
import sys
from contextlib import suppress
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
PRIORITY = -10
SESSION = Path("/proc/self/autogroup")  # where it is, priorities count within a session only (sched(7))


@pytest.fixture(autouse=True)
def _before_other_work(request):
    """What is measured, and its references, come before other work of the machine, if we may."""
    if not request.path.name.startswith("bench_"):
        yield
        return
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    _prefer(PRIORITY, PRIORITY)
    yield
    _prefer(usual, 0)


def _prefer(process, session):
    with suppress(OSError):
        os.setpriority(os.PRIO_PROCESS, 0, process)
    with suppress(OSError):
        SESSION.write_text(f"{session}\n", encoding="ascii")
