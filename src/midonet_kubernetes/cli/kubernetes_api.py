"""``midonet-kube kubernetes-api``: the embedded Kubernetes API as a program of its own."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ipaddress
import logging
import signal
import socket
import ssl
import time
from pathlib import Path

from midonet_kubernetes import settings
from midonet_kubernetes.errors import SettingError, UserError
from midonet_kubernetes.kubernetes_api.embedded.api import Api
from midonet_kubernetes.kubernetes_api.embedded.cluster import Cluster, Networks
from midonet_kubernetes.kubernetes_api.embedded.http_face import HttpFace, Listeners
from midonet_kubernetes.kubernetes_api.embedded.journal import SqliteJournal
from midonet_kubernetes.kubernetes_api.embedded.registry import Registry
from midonet_kubernetes.kubernetes_api.embedded.store import Store

_MEMORY = ":memory:"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add description and arguments."""
    parser.description = (
        "Serve a small Kubernetes API with the controllers of a cluster, for kubectl and for the lab.\n"
        "There are no users: whoever reaches it may do everything, so listen where only friends are.\n"
        "When it listens, it prints one line: ready URL"
    )
    parser.epilog = (
        "example:\n"
        "  midonet-kube kubernetes-api --listen 127.0.0.1:8001 --store :memory:\n"
        "  kubectl --server http://127.0.0.1:8001 get nodes"
    )
    parser.add_argument(
        "--listen", metavar="HOST:PORT", action="append", default=[], help="where to listen; may be repeated; port 0: any"
    )
    parser.add_argument(
        "--fd", metavar="N", action="append", default=[], type=int, help="an inherited listening socket; may be repeated"
    )
    parser.add_argument("--store", metavar="FILE", required=True, help=f"SQLite file of the objects, or {_MEMORY}")
    parser.add_argument(
        "--pod-cidr", metavar="CIDR", default="10.244.0.0/16", help="network of all Pods; each Node gets a /24 of it"
    )
    parser.add_argument("--service-cidr", metavar="CIDR", default="10.96.0.0/16", help="network of all ClusterIPs")
    parser.add_argument("--advertise", metavar="IP:PORT", help="where Pods reach this API: endpoint of the Service kubernetes")
    parser.add_argument("--cert", metavar="FILE", help="serve HTTPS with this certificate")
    parser.add_argument("--key", metavar="FILE", help="the certificate's key")


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT; the exit code.

    Raises:
        UserError: an argument is wrong, an address is taken, or the file is no store.
    """
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    if not arguments.listen and not arguments.fd:
        raise UserError("nothing to listen on: give --listen HOST:PORT or --fd N")
    listeners = _listeners(arguments)
    networks = _networks(arguments)
    asyncio.run(_serve(_open(arguments.store), networks, listeners))
    return 0


def _listeners(arguments: argparse.Namespace) -> Listeners:
    addresses = [_address("--listen", text) for text in arguments.listen]
    return Listeners(addresses, [_inherited(number) for number in arguments.fd], _tls(arguments.cert, arguments.key))


def _address(flag: str, text: str) -> tuple[str, int]:
    try:
        return settings.address(text)
    except ValueError:
        raise SettingError(flag, text, "it has to be HOST:PORT") from None


def _inherited(number: int) -> socket.socket:
    try:
        inherited = socket.socket(fileno=number)
        listening = inherited.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    except OSError as error:
        raise SettingError("--fd", str(number), f"it has to be the descriptor of a listening socket ({error.strerror})") from None
    if not listening:
        raise SettingError("--fd", str(number), "the socket has to be listening already")
    return inherited


def _tls(certificate: str | None, key: str | None) -> ssl.SSLContext | None:
    if certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(certificate, key)
    except OSError as error:
        raise UserError(f"the certificate {certificate} and key {key} cannot be used: {error}") from error
    return context


def _networks(arguments: argparse.Namespace) -> Networks:
    advertised = None if arguments.advertise is None else _address("--advertise", arguments.advertise)
    return Networks(_cidr("--pod-cidr", arguments.pod_cidr), _cidr("--service-cidr", arguments.service_cidr), advertised)


def _cidr(flag: str, text: str) -> ipaddress.IPv4Network:
    try:
        return settings.cidr(text)
    except ValueError:
        raise SettingError(flag, text, "it has to be an IPv4 network, as 10.96.0.0/16") from None


def _open(name: str) -> Store:
    if name == _MEMORY:
        # Counting on from the time of day, a restarted server is ahead of its predecessor, so that watchers list again.
        return Store(revision=int(time.time()))
    return Store(SqliteJournal(Path(name)))


async def _serve(store: Store, networks: Networks, listeners: Listeners) -> None:
    registry = Registry(store)
    face = HttpFace(Api(registry), listeners)
    work = asyncio.create_task(Cluster(registry, networks).run())
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    try:
        urls = await face.start()
        print("ready", urls[0], flush=True)
        await _first_of(stopped, work)
    except OSError as error:
        raise UserError(f"cannot listen: {error}; choose another --listen") from error
    finally:
        work.cancel()
        await face.stop()
        store.close()


async def _first_of(stopped: asyncio.Event, work: asyncio.Task[None]) -> None:
    """Wait until told to stop; the end of the controllers' work is an error and comes out as one."""
    waiting = asyncio.create_task(stopped.wait())
    await asyncio.wait({waiting, work}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if work.done():
        with contextlib.suppress(asyncio.CancelledError):
            await work
