"""A world of its own for a lab: whatever happens in it, nothing of it outlives it.

The command forks. The child leaves the machine's mount, process and network namespaces (and, as an ordinary user, the user
namespace, in which it is root), and becomes process 1 of its own process namespace. When that process ends, by itself or by
SIGKILL, the kernel kills every other process in it; with the last process go its network namespaces, links and mounts.

::

    command ──fork──► guard ──fork──► init (process 1) ──fork──► lab
       ▲                │ dies with the command     │ reaps orphans, dies with the guard
       └── exit code ◄──┴───────────────────────────┘
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from midonet_kubernetes.errors import MachineError

CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = 0x00020000, 0x10000000, 0x20000000, 0x40000000
PR_SET_PDEATHSIG = 1
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 1 << 14, 1 << 18

SWITCHES = {
    "/proc/sys/kernel/apparmor_restrict_unprivileged_userns": ("1", "kernel.apparmor_restrict_unprivileged_userns=0"),
    "/proc/sys/kernel/unprivileged_userns_clone": ("0", "kernel.unprivileged_userns_clone=1"),
    "/proc/sys/user/max_user_namespaces": ("0", "user.max_user_namespaces=10000"),
    "/proc/sys/user/max_net_namespaces": ("0", "user.max_net_namespaces=10000"),
}
"""Files of settings that forbid an ordinary user's namespaces: the value that does, and what allows them."""

_libc = ctypes.CDLL(None, use_errno=True)


def isolated(lab: Callable[[], int], namespaces: Path) -> int:
    """Run ``lab`` in a world of its own and give its exit code.

    Args:
        lab: called in the new process; what it returns is the exit code.
        namespaces: an existing folder for the names of network namespaces; inside, it is an empty file system of its own.

    Raises:
        MachineError: the machine does not let this user have namespaces; the message says how to allow it.
    """
    problem_reader, problem_writer = os.pipe()
    guard = os.fork()
    if guard == 0:
        os.close(problem_reader)
        _guard(lab, namespaces, problem_writer)
    os.close(problem_writer)
    with os.fdopen(problem_reader) as reader:
        problem = reader.read()  # ends when the lab has begun, or with the reason why it could not
    code = _wait(guard)
    if problem:
        raise MachineError(problem)
    return code


def enter_network(descriptor: int) -> None:
    """Move the calling thread into the network namespace behind ``descriptor``.

    Raises:
        OSError: it is none, or we may not.
    """
    _call("setns", descriptor, CLONE_NEWNET)


def _guard(lab: Callable[[], int], namespaces: Path, problem: int) -> NoReturn:
    """The first child: dies with the command, leaves the namespaces, has the second child be process 1."""
    die_with_parent()
    leave_signals_to_the_lab()
    try:
        _unshare()
        init = os.fork()
        if init == 0:
            die_with_parent()
            _prepare_mounts(namespaces)
            _init(lab, problem)
    except OSError as error:
        os.write(problem, _explain(error).encode())
        os._exit(1)
    os.close(problem)
    os._exit(_wait(init))


def _init(lab: Callable[[], int], problem: int) -> NoReturn:
    """Process 1: reaps whatever loses its parent, and ends with the lab."""
    child = os.fork()
    if child == 0:
        os.close(problem)
        try:
            code = lab()
        except BaseException as error:  # noqa: BLE001 - the last stop before the process ends
            sys.excepthook(type(error), error, error.__traceback__)
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    os.close(problem)
    while True:
        pid, status = os.wait()
        if pid == child:
            os._exit(_exit_code(status))


def _unshare() -> None:
    user, group = os.geteuid(), os.getegid()
    flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET
    _call("unshare", flags if user == 0 else flags | CLONE_NEWUSER)
    if user != 0:
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {user} 1")
        Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def _prepare_mounts(namespaces: Path) -> None:
    _call("mount", b"none", b"/", None, MS_REC | MS_PRIVATE, None)
    _call("mount", b"tmpfs", os.fsencode(namespaces), b"tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, b"mode=700")
    with suppress(
        PermissionError
    ):  # a container with a covered /proc: process numbers are then the machine's, which only looks odd
        _call("mount", b"proc", b"/proc", b"proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, None)


def die_with_parent() -> None:
    """Have the kernel kill this process when the one that forked it ends, in whatever way."""
    parent = os.getppid()
    _call("prctl", PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent and os.getpid() != 1:  # it died before we asked
        os._exit(1)


def leave_signals_to_the_lab() -> None:
    """A terminal signals the whole group; only the command acts on it and tells the lab."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def _wait(pid: int) -> int:
    while True:
        try:
            return _exit_code(os.waitpid(pid, 0)[1])
        except InterruptedError:
            continue


def _exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return code if code >= 0 else 128 - code


def _call(function: str, *arguments: object) -> None:
    if getattr(_libc, function)(*arguments) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code), function)


def _explain(error: OSError) -> str:
    """Why the machine refused, and how to allow it."""
    refused = f"this machine refused {error.filename or 'a namespace'}: {error.strerror}."
    for path, (forbidding, setting) in SWITCHES.items():
        try:
            value = Path(path).read_text().strip()
        except OSError:
            continue
        if value == forbidding:
            return f"{refused} Allow it with `sudo sysctl -w {setting}`, or run the lab as root."
    if os.geteuid() == 0:
        return f"{refused} The lab needs CAP_SYS_ADMIN and CAP_NET_ADMIN: in a container, start it with --privileged."
    return f"{refused} Run the lab as root, or ask the administrator to allow user namespaces."
