"""``midonet-kube-controllers``: reads its settings, connects, runs until it is told to stop."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import os
import signal
import sys
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from midonet_kubernetes import __version__, settings
from midonet_kubernetes.controllers import report
from midonet_kubernetes.controllers.program import Controllers, Options
from midonet_kubernetes.errors import MidonetKubeError
from midonet_kubernetes.kubernetes_api.access import connect, in_cluster
from midonet_kubernetes.kubernetes_api.client import Client
from midonet_kubernetes.kubernetes_api.kubeconfig import read_kubeconfig
from midonet_kubernetes.midonet_api import Client as MidonetClient
from midonet_kubernetes.midonet_api import Credentials, HttpTransport
from midonet_kubernetes.observability import Metrics, Redactor, configure, serve
from midonet_kubernetes.observability.metrics import CONTROLLERS
from midonet_kubernetes.observability.requests import MeasuredTransport

# Hundreds of thousands of objects live as long as we do; looking through them for garbage often takes a third of a start.
GARBAGE = (50_000, 20, 50)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the answer is its exit status."""
    parser = argparse.ArgumentParser(
        prog="midonet-kube-controllers",
        description="Makes Kubernetes objects into MidoNet objects. All settings are environment variables:",
        epilog=_settings_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    parser.parse_args(arguments)
    try:
        asyncio.run(_run(os.environ))
    except MidonetKubeError as error:
        sys.stderr.write(f"midonet-kube-controllers: {error}\n")
        return error.exit_code
    return 0


def _settings_help() -> str:
    lines = []
    for setting in settings.CONTROLLERS_SETTINGS:
        default = "must be set" if setting.default is None else f"default: {setting.default or 'empty'}"
        lines += [setting.name, f"    {setting.help}; {setting.allowed} ({default})"]
    return "\n".join(lines)


async def _run(environment: Mapping[str, str]) -> None:
    for setting in settings.CONTROLLERS_SETTINGS:
        setting.read(environment)  # a wrong one stops us before anything has begun
    gc.set_threshold(*GARBAGE)
    redactor = Redactor()
    redactor.hide(settings.MIDONET_PASSWORD.read(environment))
    configure(settings.LOG_LEVEL.read(environment), settings.LOG_FORMAT.read(environment), redactor)
    metrics = Metrics(CONTROLLERS)
    async with contextlib.AsyncExitStack() as stack:
        kubernetes, midonet = await _kubernetes(environment), _midonet(environment, metrics)
        stack.push_async_callback(midonet.close)
        stack.push_async_callback(kubernetes.close)
        options = Options(
            controllers=settings.ENABLED_CONTROLLERS.read(environment),
            tenant=settings.TENANT.read(environment),
            endpoints_source=settings.ENDPOINTS_SOURCE.read(environment),
        )
        program = Controllers(kubernetes, midonet, options, metrics=metrics)
        listener = await serve(
            settings.LISTEN.read(environment),
            registry=metrics.registry,
            ready={"controllers": program.not_ready},
            reports={"/status": lambda: report.status(program)},
            actions={"/verify": lambda: report.verify(program)},
        )
        stack.push_async_callback(listener.close)
        await until_told(program.run())


async def until_told(work: Coroutine[Any, Any, None]) -> None:
    """Do ``work`` until SIGTERM or SIGINT; then cancel it and wait until it has cleaned up."""
    task, told = asyncio.ensure_future(work), asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, told.set)
    waiting = asyncio.ensure_future(told.wait())
    await asyncio.wait({task, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()


async def _kubernetes(environment: Mapping[str, str]) -> Client:
    file = settings.KUBECONFIG.read(environment)
    return await connect(read_kubeconfig(Path(file)) if file else in_cluster(environment))


def _midonet(environment: Mapping[str, str], metrics: Metrics) -> MidonetClient:
    address = settings.MIDONET_API.read(environment)
    credentials = Credentials(
        settings.MIDONET_USERNAME.read(environment),
        settings.MIDONET_PASSWORD.read(environment),
        settings.MIDONET_PROJECT.read(environment),
    )
    return MidonetClient(MeasuredTransport(HttpTransport(address), metrics), urlsplit(address).path, credentials)
