"""Compiles the CNI plugin while the package is built, and installs it beside the other programs."""

from __future__ import annotations

import os
import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PROGRAM = "midonet-kube-cni"
# Static, since the plugin runs in the file system of any host; the rest keeps it small and refuses careless code.
FLAGS = ("-std=gnu11", "-Os", "-static", "-s", "-Wall", "-Wextra", "-D_FORTIFY_SOURCE=2", "-fstack-protector-strong")
HELP = "install one with `apt-get install gcc libc6-dev` (Debian) or `dnf install gcc glibc-static` (Fedora)"


class CniPluginHook(BuildHookInterface):  # type: ignore[type-arg]
    """Adds the compiled plugin to the scripts of a wheel, also of an editable one. A source distribution needs nothing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - hatchling names it
        """Compile, and tell hatchling where the result is.

        Raises:
            SystemExit: there is no C compiler or no static C library, or the source does not compile.
        """
        if self.target_name != "wheel":
            return
        program = Path(self.root, "build", "cni", PROGRAM)
        program.parent.mkdir(parents=True, exist_ok=True)
        compile_plugin(Path(self.root, "cni", f"{PROGRAM}.c"), program)
        build_data["shared_scripts"][str(program)] = PROGRAM
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{sysconfig.get_platform().replace('-', '_').replace('.', '_')}"


def compile_plugin(source: Path, program: Path, flags: tuple[str, ...] = FLAGS) -> None:
    """Compile ``source`` with ``$CC`` or ``cc``; ``program`` is replaced in one step, also while it runs.

    Raises:
        SystemExit: as in ``CniPluginHook.initialize``; one line that says what to install.
    """
    compiler = shlex.split(os.environ.get("CC", "")) or ["cc"]
    unfinished = program.with_suffix(f".{os.getpid()}")
    try:
        done = subprocess.run([*compiler, *flags, "-o", unfinished, source], capture_output=True, text=True, check=False)
    except OSError as error:
        raise SystemExit(f"{PROGRAM}: the C compiler {compiler[0]!r} cannot be run ({error.strerror}); {HELP}") from None
    if done.returncode == 0:
        unfinished.replace(program)
        return
    unfinished.unlink(missing_ok=True)
    if "-lc" in done.stderr and "cannot find" in done.stderr:
        raise SystemExit(f"{PROGRAM}: there is no static C library to link with; {HELP}")
    if "stdio.h" in done.stderr and "No such file" in done.stderr:
        raise SystemExit(f"{PROGRAM}: the headers of the C library are missing; {HELP}")
    raise SystemExit(f"{PROGRAM}: {source} does not compile with {compiler[0]!r}:\n{done.stderr}")
