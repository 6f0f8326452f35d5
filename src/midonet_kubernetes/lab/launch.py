"""The command's own side of a lab: claims the name, opens what the lab inherits, and turns signals into words."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType

from rich.console import Console

from midonet_kubernetes.errors import MidonetKubeError
from midonet_kubernetes.lab import session, underlay
from midonet_kubernetes.lab.api import Api
from midonet_kubernetes.lab.embedded_api import embedded_api
from midonet_kubernetes.lab.isolation import isolated
from midonet_kubernetes.lab.real_api import real_api
from midonet_kubernetes.lab.session import Plan
from midonet_kubernetes.lab.state import Place, claimed
from midonet_kubernetes.lab.telling import Teller
from midonet_kubernetes.linux.real import LinuxKernel

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def launch(place: Place, plan: Plan, kubeconfig: Path | None) -> int:
    """Run a lab in a world of its own until it ends; its exit code.

    Args:
        place: for its files.
        plan: what the user asked for.
        kubeconfig: of the API server to run it on; None for the embedded one.

    Raises:
        UserError: the name is taken, or the kubeconfig cannot be used.
        MachineError: the machine does not allow namespaces.
    """
    with claimed(place), _api(place, plan, kubeconfig) as api:
        heard, told = os.pipe()
        before = {number: signal.signal(number, _teller_of(told)) for number in SIGNALS}
        try:
            return isolated(lambda: _inside(place, plan, api, heard), place.namespaces)
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            os.close(heard)
            os.close(told)


def _api(place: Place, plan: Plan, kubeconfig: Path | None) -> AbstractContextManager[Api]:
    nodes = underlay.planned(place, plan.nodes)
    if kubeconfig is None:
        return embedded_api(place, nodes, plan.networks)
    return real_api(place, nodes, plan.networks, kubeconfig)


def _teller_of(told: int) -> Callable[[int, FrameType | None], None]:
    def handle(_number: int, _frame: FrameType | None) -> None:
        os.write(told, b"\n")

    return handle


def _inside(place: Place, plan: Plan, api: Api, heard: int) -> int:
    """In the lab's world: run it, and turn errors into messages."""
    console = Console()
    try:
        return asyncio.run(_run(place, plan, api, heard, Teller(console)))
    except MidonetKubeError as error:
        print(f"midonet-kube lab: {error}", file=sys.stderr)
        return error.exit_code


async def _run(place: Place, plan: Plan, api: Api, heard: int, teller: Teller) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def told() -> None:
        loop.remove_reader(heard)
        stop.set()

    loop.add_reader(heard, told)
    return await session.run(place, plan, api, LinuxKernel(), teller=teller, stop=stop)
