"""Network namespaces of the real kernel. All of it works inside a user namespace, without privileges outside."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from midonet_kubernetes.errors import KernelError
from midonet_kubernetes.linux.system_calls import CLONE_NEWNET, bind_mount, setns, unmount, unshare

_THREADS_NAMESPACE = "/proc/thread-self/ns/net"
_LIMIT_OF_A_SYSCTL = 4096
_NS_GET_NSTYPE = 0xB703  # ioctl_nsfs(2)


class LinuxNamespace:
    """A network namespace by descriptor; see ``kernel.Namespace``.

    Args:
        descriptor: of the namespace; closed by ``close``.
        path: where it is mounted, or "".

    Raises:
        KernelError: EINVAL, the descriptor is something else.
    """

    def __init__(self, descriptor: int, path: str = "") -> None:
        self._descriptor, self._path = descriptor, path
        if not _is_network(descriptor):
            os.close(descriptor)
            raise KernelError(f"open the network namespace {path}", errno.EINVAL, "it is something else")
        self._identity = os.fstat(descriptor).st_ino

    @property
    def path(self) -> str:
        """Where it is mounted, or ""."""
        return self._path

    @property
    def identity(self) -> int:
        """The inode, which ``ip netns`` and ``lsns`` show too."""
        return self._identity

    def fileno(self) -> int:
        """The descriptor."""
        return self._descriptor

    def close(self) -> None:
        """Let go of it. Closing twice is fine."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    @contextmanager
    def entered(self) -> Iterator[None]:
        """See ``kernel.Namespace``: other tasks of the thread, and threads that it starts, would be in the namespace too."""
        home = os.open(_THREADS_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            setns(self._descriptor, CLONE_NEWNET)
            try:
                yield
            finally:
                setns(home, CLONE_NEWNET)
        finally:
            os.close(home)

    def read_sysctl(self, name: str) -> str:
        """See ``kernel.Namespace.read_sysctl``."""
        return self._sysctl(name, None)

    def write_sysctl(self, name: str, value: str) -> None:
        """See ``kernel.Namespace.write_sysctl``."""
        self._sysctl(name, value)

    def _sysctl(self, name: str, value: str | None) -> str:
        # /proc/sys/net shows the namespace of the thread that opens it.
        path = "/proc/sys/" + (name if "/" in name else name.replace(".", "/"))
        try:
            with self.entered():
                descriptor = os.open(path, os.O_CLOEXEC | (os.O_RDONLY if value is None else os.O_WRONLY))
            try:
                if value is None:
                    return os.read(descriptor, _LIMIT_OF_A_SYSCTL).decode().strip()
                os.write(descriptor, value.encode())
            finally:
                os.close(descriptor)
        except OSError as refused:
            operation = f"read {name}" if value is None else f"set {name} to {value}"
            raise KernelError(operation, refused.errno or errno.EIO) from None
        return value


def create(path: str) -> LinuxNamespace:
    """See ``kernel.Kernel.create_namespace``."""
    operation = f"make the network namespace {path}"
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        # An empty file is what is left when we were killed before the mount, or after a reboot.
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o444))
    except OSError as refused:
        raise KernelError(operation, refused.errno or errno.EIO) from None
    if _is_mounted(path):
        raise KernelError(operation, errno.EEXIST)
    with _new() as descriptor:
        bind_mount(f"/proc/self/fd/{descriptor}", path)
    return open_at(path)


def create_unnamed() -> LinuxNamespace:
    """A namespace that lives as long as something uses it."""
    with _new() as descriptor:
        return LinuxNamespace(os.dup(descriptor))


@contextmanager
def _new() -> Iterator[int]:
    """A descriptor of a new namespace, made in a thread of its own, so that this one never leaves its own."""
    made: list[int] = []
    refused: list[KernelError] = []

    def make() -> None:
        try:
            unshare(CLONE_NEWNET)
            made.append(os.open(_THREADS_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC))
        except KernelError as error:
            refused.append(error)

    thread = threading.Thread(target=make, name="new network namespace")
    thread.start()
    thread.join()
    if refused:
        raise refused[0]
    try:
        yield made[0]
    finally:
        os.close(made[0])


def open_at(path: str) -> LinuxNamespace:
    """See ``kernel.Kernel.open_namespace``."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as refused:
        raise KernelError(f"open the network namespace {path}", refused.errno or errno.EIO) from None
    return LinuxNamespace(descriptor, path)


def own() -> LinuxNamespace:
    """See ``kernel.Kernel.own_namespace``."""
    return LinuxNamespace(os.open(_THREADS_NAMESPACE, os.O_RDONLY | os.O_CLOEXEC))


def remove(path: str) -> None:
    """See ``kernel.Kernel.remove_namespace``."""
    while _is_mounted(path):  # perhaps more than once
        unmount(path)
    file = Path(path)
    with suppress(FileNotFoundError):
        if file.is_dir() or file.stat().st_size:
            raise KernelError(f"remove the network namespace {path}", errno.EINVAL, "it is something else")
        file.unlink()


def mounted_in(folder: str) -> list[str]:
    """See ``kernel.Kernel.namespaces``."""
    if not Path(folder).is_dir():
        return []
    return sorted(str(path) for path in Path(folder).iterdir() if _is_mounted(str(path)))


def _is_mounted(path: str) -> bool:
    """A network namespace is mounted there."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        return _is_network(descriptor)
    finally:
        os.close(descriptor)


def _is_network(descriptor: int) -> bool:
    try:
        return fcntl.ioctl(descriptor, _NS_GET_NSTYPE) == CLONE_NEWNET
    except OSError:
        return False
