"""Where a lab's files are, and that one name is one lab."""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from midonet_kubernetes.errors import UserError

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,30}[a-z0-9])?")
DEFAULT_NAME = "lab"
LONGEST_SOCKET = 107  # bytes of a Unix socket's path (unix(7))


@dataclass(frozen=True)
class Place:
    """The folder of one lab. It is made when the lab starts and removed when it ends; a later start finds what a kill left."""

    name: str
    folder: Path

    @property
    def control(self) -> Path:
        """The socket on which the lab listens to other terminals."""
        return self.folder / "control"

    @property
    def logs(self) -> Path:
        """One log file for each program."""
        return self.folder / "logs"

    @property
    def kubeconfig(self) -> Path:
        """For kubectl on this machine."""
        return self.folder / "kubeconfig"

    @property
    def namespaces(self) -> Path:
        """Network namespaces by name; inside the lab only."""
        return self.folder / "netns"

    def of_node(self, node: str) -> Path:
        """A node's own files: state, sockets, CNI configuration."""
        return self.folder / "nodes" / node

    def remove(self) -> None:
        """Remove every file of the lab."""
        shutil.rmtree(self.folder, ignore_errors=True)


def labs_folder() -> Path:
    """Where all labs of this user are: their run-time folder, or one in the temporary folder that only they can read."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if os.geteuid() == 0:
        return Path("/run/midonet-kube/labs")
    if runtime and os.access(runtime, os.W_OK):
        return Path(runtime) / "midonet-kube" / "labs"
    return Path(tempfile.gettempdir()) / f"midonet-kube-{os.geteuid()}" / "labs"


def place(name: str) -> Place:
    """The folder of the lab called ``name``; it need not exist.

    Raises:
        UserError: the name is none, or its folder lies too deep for a Unix socket.
    """
    if not NAME.fullmatch(name):
        raise UserError(f"--name {name!r}: a lab's name is made of a-z, 0-9 and '-', at most 32 characters")
    found = Place(name, labs_folder() / name)
    longest = found.of_node("node-99") / "node.sock"
    if len(os.fsencode(longest)) > LONGEST_SOCKET:
        raise UserError(f"{found.folder} is too long for a Unix socket: set XDG_RUNTIME_DIR to a shorter folder")
    return found


@contextmanager
def claimed(where: Place) -> Iterator[None]:
    """Hold the name while the lab runs; leftovers of a killed one are removed first, and all files at the end.

    Raises:
        UserError: a lab of that name runs.
    """
    parent = where.folder.parent
    with _opened_lock(parent, where.name) as lock:
        if not try_lock(lock.fileno(), lock.name):
            raise UserError(f"a lab named {where.name!r} is running: use another --name, or end it with `midonet-kube lab down`")
        try:
            where.remove()
            where.folder.mkdir(mode=0o700)
            for folder in (where.logs, where.namespaces):
                folder.mkdir()
            yield
        finally:
            where.remove()
            with suppress(OSError):  # somebody else's lab is in the folder, say
                Path(lock.name).unlink()
                parent.rmdir()
                parent.parent.rmdir()


def _opened_lock(parent: Path, name: str) -> TextIO:
    while True:
        parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if parent.stat().st_uid != os.geteuid():
            raise UserError(f"{parent} belongs to somebody else: set XDG_RUNTIME_DIR to a folder of your own")
        try:
            return (parent / f"{name}.lock").open("w")
        except FileNotFoundError:  # the last lab that ended took the folder with it just now
            continue


def try_lock(descriptor: int, path: str) -> bool:
    """Lock the file for as long as the descriptor is open, or say that somebody else has (or had, and removed it meanwhile)."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.fstat(descriptor), os.stat(path))  # noqa: PTH116 - beside fstat
    except (BlockingIOError, FileNotFoundError):
        return False
