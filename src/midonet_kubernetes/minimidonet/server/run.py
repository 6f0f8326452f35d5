"""Listening, TLS, and a stop that lets running requests end."""

from __future__ import annotations

import asyncio
import gc
import ipaddress
import resource
import signal
import ssl
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from aiohttp import web

from midonet_kubernetes.errors import MachineError, UserError
from midonet_kubernetes.minimidonet.auth.access import Access, OpenAccess
from midonet_kubernetes.minimidonet.quirks import Quirks
from midonet_kubernetes.minimidonet.routes import ROUTES
from midonet_kubernetes.minimidonet.server.api import ROOT
from midonet_kubernetes.minimidonet.server.connections import Connections
from midonet_kubernetes.minimidonet.server.face import Face
from midonet_kubernetes.minimidonet.server.metrics import ServerMetrics
from midonet_kubernetes.minimidonet.server.service import Service
from midonet_kubernetes.minimidonet.store.store import Store

STOP_SECONDS = 5.0
# After how many new objects those in circles are looked for. Requests leave next to none, and each of their objects that stays
# would be looked at again and again: with Python's own numbers (700, 10, 10) that is 4 % of a POST.
COLLECTIONS = (20_000, 50, 50)


@dataclass(frozen=True)
class Options:
    """How to serve.

    Args:
        listen: hosts and ports; port 0 is any free one.
        store: file, or ``:memory:``.
        quirks: which of MidoNet's defects are shown.
        access: None is MidoNet's mock, which lets everybody in.
        allow_anonymous: let everybody in who is not on this machine, too.
        tls: None is plain HTTP.
        log_access: write a line for each request.
    """

    listen: tuple[tuple[str, int], ...]
    store: str
    quirks: Quirks
    access: Access | None = None
    allow_anonymous: bool = False
    tls: ssl.SSLContext | None = None
    log_access: bool = False


def check_addresses(options: Options) -> None:
    """Keep an open server on this machine.

    Raises:
        UserError: it would let anybody in from elsewhere.
    """
    if options.access is not None or options.allow_anonymous:
        return
    for host, port in options.listen:
        if not _is_loopback(host):
            raise UserError(
                f"--listen {host}:{port} lets anybody in from other machines: give --users FILE, listen on 127.0.0.1, "
                "or say --allow-anonymous if that is what you want"
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


async def serve(options: Options, *, say: Callable[[str], None] = print, stop: asyncio.Event | None = None) -> None:
    """Serve until SIGTERM or SIGINT (or ``stop``), then end running requests and write what is waiting.

    Args:
        options: how.
        say: told the URL, one line for each address, when requests are answered.
        stop: instead of signals.

    Raises:
        UserError: an option cannot be.
        MachineError: an address or the store cannot be used.
    """
    check_addresses(options)
    stop = stop or _until_signal()
    _allow_many_connections()
    with _without_collections():
        store = Store.open(options.store)
        service = Service(store, quirks=options.quirks, access=options.access or OpenAccess())
    metrics = ServerMetrics(
        frozenset(route.path.split("/")[1] for route in ROUTES),
        streams=service.hub.readers,
        alive=service.agents.alive,
        revision=lambda: store.durable_revision,
    )
    face = Face(service, metrics, log_access=options.log_access)
    runner = web.ServerRunner(
        Connections(face),
        shutdown_timeout=STOP_SECONDS,
    )
    await runner.setup()
    try:
        for url in await _listen(runner, options.listen, options.tls):
            say(f"minimidonet: serving {url}{ROOT}")
        await service.hub.prepare()
        await stop.wait()
        face.is_stopping = True
        service.hub.close()
    finally:
        await runner.cleanup()
        await store.close()


def _allow_many_connections() -> None:
    """As many open files as this process may have: each connection is one."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


@contextmanager
def _without_collections() -> Iterator[None]:
    """Loading makes many objects that stay: looking at them again and again would double its time, now and later."""
    gc.disable()
    try:
        yield
        gc.freeze()
    finally:
        gc.set_threshold(*COLLECTIONS)
        gc.enable()


async def _listen(runner: web.ServerRunner, addresses: Sequence[tuple[str, int]], tls: ssl.SSLContext | None) -> list[str]:
    scheme = "https" if tls is not None else "http"
    urls = []
    for host, port in addresses:
        site = web.TCPSite(runner, host or None, port, ssl_context=tls)
        try:
            await site.start()
        except OSError as error:
            raise MachineError(f"cannot listen on {host}:{port} ({error.strerror}): choose another --listen") from error
        bound = runner.addresses[-1]
        shown = f"[{bound[0]}]" if ":" in bound[0] else bound[0]
        urls.append(f"{scheme}://{shown}:{bound[1]}")
    return urls


def _until_signal() -> asyncio.Event:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    return stop


def say(line: str) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()
