"""``midonet-kube-node``: the program. It ties the socket, the kernel, the Kubernetes API and the files together."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, closing
from pathlib import Path

from midonet_kubernetes.errors import MidonetKubeError
from midonet_kubernetes.kubernetes_api.access import connect, in_cluster
from midonet_kubernetes.kubernetes_api.kubeconfig import read_kubeconfig
from midonet_kubernetes.linux.kernel import Kernel
from midonet_kubernetes.linux.real import LinuxKernel
from midonet_kubernetes.node import install
from midonet_kubernetes.node.cluster import Cluster
from midonet_kubernetes.node.daemon import Daemon, Site
from midonet_kubernetes.node.node_link import NODE_INTERFACE, NodeLink
from midonet_kubernetes.node.observer import Observer
from midonet_kubernetes.node.options import Options
from midonet_kubernetes.node.runner import Runner
from midonet_kubernetes.node.server import Server, lock_socket
from midonet_kubernetes.node.state import State
from midonet_kubernetes.observability import Redactor, configure
from midonet_kubernetes.observability import serve as observe

_log = logging.getLogger(__name__)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the daemon until SIGTERM or SIGINT, or remove what it has installed; returns the exit status."""
    parser = argparse.ArgumentParser(
        prog="midonet-kube-node",
        description="Wires the pods of this node. Settings come from the environment (MIDONETKUBE_*).",
    )
    parser.add_argument(
        "--remove", action="store_true", help="take away configuration, plugin and the node's own link, then end; pods stay wired"
    )
    chosen = parser.parse_args(arguments)
    try:
        options = Options.read(os.environ)
        configure(options.log_level, options.log_format, Redactor())
        if chosen.remove:
            remove(options)
        else:
            asyncio.run(serve(options))
    except MidonetKubeError as error:
        print(f"midonet-kube-node: {error}", file=sys.stderr)  # noqa: T201 - the log may not be set up yet
        return error.exit_code
    return 0


async def serve(options: Options) -> None:
    """Run until told to end.

    Raises:
        MidonetKubeError: it cannot start, or another daemon took the socket over.
    """
    access = read_kubeconfig(Path(options.kubeconfig)) if options.kubeconfig else in_cluster(os.environ)
    lock = lock_socket(options.socket)
    loop, kernel, observer = asyncio.get_running_loop(), LinuxKernel(), Observer()
    async with AsyncExitStack() as open_things:
        open_things.callback(os.close, lock)
        worker = open_things.enter_context(ThreadPoolExecutor(1, thread_name_prefix="kernel"))
        client = await connect(access)
        open_things.push_async_callback(client.close)
        daemon = await loop.run_in_executor(worker, lambda: _daemon(options, kernel, observer))
        open_things.push_async_callback(loop.run_in_executor, worker, daemon.close)
        runner = Runner(daemon, kernel, worker, options)
        open_things.callback(runner.close)
        cluster = Cluster(client, options.node, runner, runner.node_changed)
        daemon.annotated_mac = cluster.annotated_mac
        runner.wrote_state = cluster.annotate
        observer.warn = lambda reason, message: _soon(loop, lambda: cluster.warn(reason, message))
        health = await observe(options.listen, registry=observer.metrics.registry, health=runner.health, ready=runner.ready)
        open_things.push_async_callback(health.close)
        await runner.maintain()
        server = Server(options.socket, runner.answer)
        await server.start()
        open_things.push_async_callback(server.close)
        _log.info("serving pods of Node %s on %s", options.node, options.socket)
        await _until_told(cluster.run(), runner.run(), runner.guard(server.check))


def _daemon(options: Options, kernel: Kernel, observer: Observer) -> Daemon:
    site = Site(options.node, options.datapath, options.clusters)
    return Daemon(site, kernel, State(options.state), time.monotonic, observer)


def _soon(loop: asyncio.AbstractEventLoop, work: Callable[[], None]) -> None:
    loop.call_soon_threadsafe(work)


async def _until_told(*jobs: Coroutine[None, None, None]) -> None:
    """Run the jobs until SIGTERM or SIGINT, or until one of them fails."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    stopped = asyncio.create_task(stop.wait())
    tasks = [asyncio.create_task(job) for job in jobs]
    done, _ = await asyncio.wait([stopped, *tasks], return_when=asyncio.FIRST_COMPLETED)
    for task in (stopped, *tasks):
        task.cancel()
    await asyncio.gather(stopped, *tasks, return_exceptions=True)
    for task in tasks:
        if task in done:
            task.result()


def remove(options: Options) -> None:
    """Take away what a daemon leaves on the node when it ends. Pods keep their interfaces until their runtime deletes them.

    Raises:
        MidonetKubeError: a file or the link cannot be removed.
    """
    taken = []
    if options.configuration is not None and install.remove(options.configuration):
        taken.append(str(options.configuration))
    if options.plugin_folder is not None and install.remove(options.plugin_folder / install.PLUGIN):
        taken.append(str(options.plugin_folder / install.PLUGIN))
    kernel = LinuxKernel()
    own = kernel.own_namespace()
    node_link = NodeLink(kernel, own, own, routed=False)
    with closing(own), closing(node_link):
        if node_link.remove():
            taken.append(f"the link {NODE_INTERFACE}")
    _log.info("removed: %s", ", ".join(taken) or "nothing, there was nothing")
