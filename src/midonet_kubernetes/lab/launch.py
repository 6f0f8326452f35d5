"""The command's own side of a lab: claims the name, opens what the lab inherits, and turns signals into words."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from types import FrameType

from rich.console import Console

from midonet_kubernetes.errors import MidonetKubeError
from midonet_kubernetes.lab import session
from midonet_kubernetes.lab.isolation import isolated
from midonet_kubernetes.lab.manifests import Manifest
from midonet_kubernetes.lab.session import Plan
from midonet_kubernetes.lab.state import Place, claimed
from midonet_kubernetes.lab.telling import Teller
from midonet_kubernetes.linux.real import LinuxKernel

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def launch(place: Place, *, nodes: int, objects: Sequence[Manifest], stay: bool) -> int:
    """Run a lab in a world of its own until it ends; its exit code.

    Raises:
        UserError: the name is taken.
        MachineError: the machine does not allow namespaces.
    """
    with claimed(place), socket.create_server(("127.0.0.1", 0), backlog=128) as outside:
        plan = Plan(nodes, objects, stay, outside.fileno(), outside.getsockname()[1])
        heard, told = os.pipe()
        before = {number: signal.signal(number, _teller_of(told)) for number in SIGNALS}
        try:
            return isolated(lambda: _inside(place, plan, heard), place.namespaces)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(heard)
            os.close(told)


def _teller_of(told: int) -> Callable[[int, FrameType | None], None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        os.write(told, b"\n")

    return handle


def _inside(place: Place, plan: Plan, heard: int) -> int:
    """In the lab's world: run it, and turn errors into messages."""
    console = Console()
    try:
        return asyncio.run(_run(place, plan, heard, Teller(console)))
    except MidonetKubeError as error:
        print(f"midonet-kube lab: {error}", file=sys.stderr)
        return error.exit_code


async def _run(place: Place, plan: Plan, heard: int, teller: Teller) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        loop.remove_reader(heard)
        stop.set()

    loop.add_reader(heard, told)
    return await session.run(place, plan, LinuxKernel(), teller, stop)
