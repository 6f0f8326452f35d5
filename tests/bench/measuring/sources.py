"""The benchmarks' own programs in C, compiled where they are needed."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def compiled(name: str, folder: Path, *options: str) -> Path:
    """The program ``name`` in a folder, made from ``name``.c."""
    program = folder / name
    if not program.exists():
        compiler = [os.environ.get("CC", "cc"), "-O2", "-Wall", "-Wextra", "-pthread", *options]
        subprocess.run([*compiler, "-o", str(program), str(HERE / f"{name}.c")], check=True)
    return program


def found(name: str) -> str | None:
    """Where a program of the machine is, also for users without the system folders in their path."""
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
