"""Kills a process when it has made so many steps into or out of system calls, in any of its threads: ``killer.py PID STEPS``.

It says "watching" when it has begun to count, and ends with the process.
"""

import ctypes
import os
import signal
import sys
from pathlib import Path

SYSCALL, SEIZE, INTERRUPT = 24, 0x4206, 0x4207  # ptrace(2)
TRACE_SYSGOOD, TRACE_CLONE = 0x1, 0x8
STEP = signal.SIGTRAP | 0x80
EVERY_THREAD = 0x40000000  # __WALL of waitpid(2)

_libc = ctypes.CDLL(None, use_errno=True)
_libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
_libc.ptrace.restype = ctypes.c_long


def ptrace(request, thread, data=0):
    if _libc.ptrace(request, thread, None, data) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def watch(process, steps):
    for thread in map(int, os.listdir(f"/proc/{process}/task")):  # noqa: PTH208 - numbers, not paths
        ptrace(SEIZE, thread, TRACE_SYSGOOD | TRACE_CLONE)
        ptrace(INTERRUPT, thread)
    os.write(sys.stdout.fileno(), b"watching\n")
    while Path(f"/proc/{process}").exists():
        thread, status = os.waitpid(-1, EVERY_THREAD)
        if not os.WIFSTOPPED(status):
            continue
        caught, event = os.WSTOPSIG(status), status >> 16
        steps -= caught == STEP
        if steps <= 0:
            os.kill(process, signal.SIGKILL)
        try:
            ptrace(SYSCALL, thread, 0 if event or caught == STEP else caught)
        except ProcessLookupError:  # killed
            continue


if __name__ == "__main__":
    try:
        watch(int(sys.argv[1]), int(sys.argv[2]))
    except ChildProcessError:  # nothing is left to wait for
        sys.exit(0)
