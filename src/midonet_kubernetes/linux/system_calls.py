"""The system calls of network namespaces that Python 3.11 does not offer."""

from __future__ import annotations

import ctypes
import errno
import os

from midonet_kubernetes.errors import KernelError

CLONE_NEWNET = 0x40000000
MS_BIND = 4096
MNT_DETACH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def _check(result: int, operation: str) -> None:
    if result:
        raise KernelError(operation, ctypes.get_errno() or errno.EIO)


def unshare(flags: int) -> None:
    """Give the calling thread namespaces of its own. EPERM: needs CAP_SYS_ADMIN in its user namespace."""
    _check(_libc.unshare(flags), "make a network namespace")


def setns(descriptor: int, kind: int) -> None:
    """Put the calling thread into a namespace."""
    _check(_libc.setns(descriptor, kind), "enter a network namespace")


def bind_mount(source: str, target: str) -> None:
    """Mount ``source`` at ``target`` as well."""
    _check(_libc.mount(os.fsencode(source), os.fsencode(target), None, MS_BIND, None), f"mount a network namespace at {target}")


def unmount(target: str) -> None:
    """Take the topmost mount at ``target`` away, now for everybody and for users of it when they are done."""
    _check(_libc.umount2(os.fsencode(target), MNT_DETACH), f"unmount {target}")
