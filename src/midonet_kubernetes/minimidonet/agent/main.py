"""``minimidonet agent``: the program."""

from __future__ import annotations

import argparse
import asyncio
import errno
import logging
import os
import signal
import socket
import ssl
import sys
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from midonet_kubernetes import settings
from midonet_kubernetes.errors import KernelError, MachineError, MidonetApiError, MidonetKubeError, SettingError, UserError
from midonet_kubernetes.linux.kernel import Kernel
from midonet_kubernetes.linux.probe import probe
from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.linux.system_calls import bind_mount
from midonet_kubernetes.linux.twin.kernel import TwinKernel
from midonet_kubernetes.midonet_api import Credentials, HttpTransport, tls_context
from midonet_kubernetes.minimidonet.agent.agent import Agent
from midonet_kubernetes.minimidonet.agent.datapath import Datapath, open_namespace
from midonet_kubernetes.minimidonet.agent.network import LOOPBACK
from midonet_kubernetes.minimidonet.agent.observer import Observer
from midonet_kubernetes.minimidonet.agent.programmer import Programmer
from midonet_kubernetes.minimidonet.agent.server_client import HostName, ServerClient
from midonet_kubernetes.minimidonet.agent.stream import Commit
from midonet_kubernetes.observability import Redactor, configure, serve

_log = logging.getLogger(__name__)

_DESCRIPTION = """\
Puts the topology of this host into its kernel, and keeps it there. Traffic goes on while the agent, or the server, is away.
User, password and project of the API are read from the environment (MIDONETKUBE_MIDONET_USERNAME, …)."""


@dataclass(frozen=True)
class Options:
    """What was asked for.

    Args:
        api: URL of the server.
        host: who we are.
        namespace: path of the virtual network's namespace.
        listen: where metrics and health are served; None: nowhere.
        credentials: for the API.
        tls: how to check the server; None is the system's trust.
    """

    api: str
    host: HostName
    namespace: str
    listen: tuple[str, int] | None
    credentials: Credentials
    tls: ssl.SSLContext | None


def run(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> int:
    """Run the agent until SIGTERM or SIGINT; returns the exit status."""
    environment = os.environ if environment is None else environment
    chosen = _parser().parse_args(arguments)
    redactor = Redactor()
    try:
        level = chosen.log_level or settings.LOG_LEVEL.read(environment)
        configure(level, settings.LOG_FORMAT.read(environment), redactor)
        if chosen.remove:
            remove(chosen.namespace)
            return 0
        options = _options(chosen, environment)
        redactor.hide(options.credentials.password)
        asyncio.run(_dry_run(options) if chosen.dry_run else _serve(options))
    except MidonetKubeError as error:
        sys.stderr.write(f"minimidonet agent: {redactor(str(error))}\n")
        return error.exit_code
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("minimidonet agent", description=_DESCRIPTION)
    parser.add_argument("--api", default="", metavar="URL", help="the server; default: MIDONETKUBE_MIDONET_API")
    parser.add_argument("--ca", default="", metavar="FILE", help="certificate of the server's CA, PEM; default: the system's")
    who = parser.add_mutually_exclusive_group()
    who.add_argument("--host-id", default="", metavar="UUID", help="this host's id")
    who.add_argument("--host-id-file", default="", metavar="FILE", help="holds the id; made with a new one when missing")
    parser.add_argument("--name", default=socket.gethostname(), help="this host's name; default: the machine's")
    parser.add_argument(
        "--namespace",
        default=str(settings.DATAPATH_NAMESPACE.default),
        metavar="PATH",
        help="network namespace of the virtual network; made when missing; default %(default)s",
    )
    parser.add_argument("--listen", default="", metavar="HOST:PORT", help="serve metrics, health and profiles there")
    parser.add_argument("--log-level", choices=settings.LOG_LEVELS, help="default: MIDONETKUBE_LOG_LEVEL")
    what = parser.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="print what would be changed, change nothing, and end")
    what.add_argument("--remove", action="store_true", help="take away all that the agent has made, and end; pods stay wired")
    return parser


def _options(chosen: argparse.Namespace, environment: Mapping[str, str]) -> Options:
    try:
        api = settings.url(chosen.api) if chosen.api else settings.MIDONET_API.read(environment)
    except ValueError:
        raise SettingError("--api", chosen.api, settings.MIDONET_API.allowed) from None
    try:
        listen = settings.address(chosen.listen) if chosen.listen else None
    except ValueError:
        raise SettingError("--listen", chosen.listen, "HOST:PORT") from None
    credentials = Credentials(
        settings.MIDONET_USERNAME.read(environment),
        settings.MIDONET_PASSWORD.read(environment),
        settings.MIDONET_PROJECT.read(environment),
    )
    tls = tls_context(chosen.ca) if chosen.ca else None
    return Options(api, HostName(_host_id(chosen), chosen.name), chosen.namespace, listen, credentials, tls)


def _host_id(chosen: argparse.Namespace) -> str:
    """The id that was given, or that of the file, which is made when it is missing.

    Raises:
        UserError: it is none, or the file cannot be used.
    """
    name, text = "--host-id", chosen.host_id
    if chosen.host_id_file:
        name, file = f"--host-id-file {chosen.host_id_file}", Path(chosen.host_id_file)
        try:
            if not file.exists() and not chosen.dry_run:
                file.parent.mkdir(parents=True, exist_ok=True)
                made = file.with_name(f".{file.name}.{os.getpid()}")
                made.write_text(f"{uuid4()}\n", encoding="ascii")
                made.rename(file)
            text = file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            raise UserError(f"{name} cannot be used: {error}") from error
    try:
        return str(UUID(text))
    except ValueError:
        raise UserError(f"{name}: {text!r} is no UUID; give this host's id with --host-id or --host-id-file") from None


async def _serve(options: Options) -> None:
    kernel = LinuxKernel()
    observer = Observer()
    async with AsyncExitStack() as open_things:
        transport = HttpTransport(options.api, tls=options.tls)
        open_things.push_async_callback(transport.close)
        _check_kernel()
        datapath = _open_datapath(kernel, options.namespace)
        open_things.callback(datapath.close)
        datapath.prepare()
        server = ServerClient(transport, options.host, options.credentials, urlsplit(options.api).path or "/midonet-api")
        programmer = Programmer(options.host.id, datapath)
        agent = Agent(server, datapath, programmer, observer, lambda: _keep_in_place(kernel, datapath, options.namespace))
        if options.listen is not None:
            ready = {"topology in the kernel": agent.why_not_ready}
            listener = await serve(options.listen, registry=observer.metrics.registry, ready=ready)
            open_things.push_async_callback(listener.close)
        _log.info("agent of host %s (%s), network namespace %s", options.host.id, options.host.name, options.namespace)
        await _until_told(agent)


def _open_datapath(kernel: LinuxKernel, path: str) -> Datapath:
    try:
        return Datapath(kernel, open_namespace(kernel, path), kernel.own_namespace())
    except KernelError as error:
        if error.code == errno.EPERM:
            raise MachineError(f"{error}: run the agent as root, or in a user namespace of its own") from error
        raise


def _keep_in_place(kernel: LinuxKernel, datapath: Datapath, path: str) -> None:
    """Mount our namespace again when somebody unmounted it: what is in it is still there, and others look for it.

    Raises:
        MachineError: somebody mounted another namespace there.
    """
    try:
        with closing(kernel.open_namespace(path)) as there:
            if there.identity != datapath.namespace.identity:
                raise MachineError(f"{path} is another network namespace now: start the agent again, to program that one")
    except KernelError:
        try:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).touch()
            bind_mount(f"/proc/self/fd/{datapath.namespace.fileno()}", path)
            _log.warning("%s had been removed, it is mounted again", path)
        except (KernelError, OSError) as error:
            _log.warning("%s is gone and cannot be mounted again: %s", path, error)


def _check_kernel() -> None:
    missing = [f"{finding.feature}: {finding.remedy}" for finding in probe() if not finding.works]
    if missing:
        raise MachineError("this kernel cannot carry the virtual network; missing: " + "; ".join(missing))


async def _until_told(agent: Agent) -> None:
    """Run until SIGTERM or SIGINT, or until the agent fails."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stopped, working = asyncio.create_task(stop.wait()), asyncio.create_task(agent.run())
    await asyncio.wait({stopped, working}, return_when=asyncio.FIRST_COMPLETED)
    for task in (stopped, working):
        task.cancel()
    for result in await asyncio.gather(stopped, working, return_exceptions=True):
        if isinstance(result, ExceptionGroup):
            raise result.exceptions[0]


async def _dry_run(options: Options) -> None:
    """Print what would be changed, one line each."""
    kernel: Kernel = LinuxKernel()
    try:
        kernel.open_namespace(options.namespace).close()
    except KernelError as error:
        if error.code != errno.ENOENT:
            raise
        print(f"make the network namespace {options.namespace}")  # noqa: T201 - what the user asked for
        kernel = TwinKernel()
        kernel.create_namespace(options.namespace).close()
    transport = HttpTransport(options.api, tls=options.tls)
    server = ServerClient(transport, options.host, options.credentials, urlsplit(options.api).path or "/midonet-api")
    datapath = Datapath(kernel, kernel.open_namespace(options.namespace), kernel.own_namespace())
    with closing(datapath):
        programmer = Programmer(options.host.id, datapath)
        try:
            for line in programmer.differences(await _first_snapshot(server)):
                print(line)  # noqa: T201 - as above
        finally:
            await transport.close()


async def _first_snapshot(server: ServerClient) -> Commit:
    async with aclosing(server.follow(None)) as stream:
        async for commits in stream:
            return commits[0]
    raise MidonetApiError("the server ended the stream before it had sent the topology")


def remove(path: str) -> None:
    """Take away all that an agent has made in a namespace, and the namespace when nothing else is in it.

    Raises:
        KernelError: the kernel refuses.
    """
    kernel = LinuxKernel()
    try:
        namespace = kernel.open_namespace(path)
    except KernelError as error:
        if error.code != errno.ENOENT:
            raise
        _log.info("removed: nothing, there is no network namespace %s", path)
        return
    with closing(Datapath(kernel, namespace, kernel.own_namespace())) as datapath:
        removed = Programmer("", datapath).remove()
        ports = datapath.links().keys() - {LOOPBACK}
    if not ports:
        kernel.remove_namespace(path)
        removed.append(f"the network namespace {path}")
    _log.info("removed: %s", ", ".join(removed) or "nothing, there was nothing")
