"""Network namespaces of a benchmark, and what is executed in them."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import pytest

from measuring.report import say
from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.linux.network import Routing
from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.testing.background import Background
from midonet_kubernetes.topology.host_network import Address, Link

KERNEL = LinuxKernel()
needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="makes network namespaces: run it as root")


class Namespaces:
    """Makes namespaces that are mounted in a folder, and takes them away again.

    Args:
        folder: for the mounts; short, for it is part of paths of sockets.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()
        for path in KERNEL.namespaces(str(self.folder)):
            KERNEL.remove_namespace(path)

    def make(self, name: str) -> Namespace:
        """A new one, with its loopback up."""
        namespace = KERNEL.create_namespace(str(self.folder / name))
        self._stack.callback(namespace.close)
        with routing(namespace) as inside:
            inside.set_link(Link("lo"))
        return namespace

    def program(
        self, namespace: Namespace, argv: Sequence[str | Path], environment: Mapping[str, str] | None = None
    ) -> Background:
        """Start a program in a namespace; it ends before the namespaces do."""
        log = self.folder / f"{Path(argv[0]).name}.{Path(namespace.path).name}.log"
        with namespace.entered():
            running = Background(argv, log, environment)
        return self._stack.enter_context(running)


@contextmanager
def routing(namespace: Namespace) -> Iterator[Routing]:
    """A routing socket in a namespace."""
    with contextlib.closing(KERNEL.routing(namespace)) as inside:
        yield inside


def wire(first: Namespace, second: Namespace, addresses: tuple[str, str], name: str = "eth0", mtu: int = 1500) -> None:
    """A cable between two namespaces: a pair of links of one name, with these addresses."""
    with routing(first) as here:
        here.add_veth(Link(name, mtu=mtu), Link(name, mtu=mtu), second)
    for namespace, address in zip((first, second), addresses, strict=True):
        with routing(namespace) as inside:
            inside.set_link(Link(name, mtu=mtu))
            inside.replace_address(Address(name, address))


def output_of(namespace: Namespace, argv: Sequence[str | Path], given: str = "") -> str:
    """What a program prints that runs in a namespace to its end.

    Raises:
        CalledProcessError: it failed; what it complained about has been printed.
    """
    with namespace.entered():
        done = subprocess.run([str(word) for word in argv], input=given, capture_output=True, text=True, check=False)
    if done.returncode:
        say(done.stderr)
    done.check_returncode()
    return done.stdout
