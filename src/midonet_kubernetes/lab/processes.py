"""The lab's processes as the rest of the machine numbers them: inside, the lab has process numbers of its own."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

PROC = Path("/proc")


def with_outside_pids(status: dict[str, Any]) -> dict[str, Any]:
    """The answer to ``status`` with the numbers that ``kill`` and ``ps`` of this terminal understand."""
    numbers = _numbers_in(status["supervisor"])
    programs = [{**program, "pid": numbers.get(program["pid"], 0)} for program in status["programs"]]
    return {**status, "programs": programs}


def _numbers_in(world: str) -> dict[int, int]:
    """Process number inside the process namespace ``world`` (as ``pid:[4026532…]``) to number outside."""
    found: dict[int, int] = {}
    for process in PROC.iterdir():
        if not process.name.isdecimal():
            continue
        try:
            if str((process / "ns/pid").readlink()) == world:
                numbers = re.search(r"^NSpid:\s+(.*)$", (process / "status").read_text(), re.MULTILINE)
                if numbers:
                    found[int(numbers[1].split()[-1])] = int(process.name)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found
