"""Runs the daemon's work in one thread, so that the event loop stays free while the kernel takes its time."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import TypeVar

from midonet_kubernetes.errors import MidonetKubeError, UserError
from midonet_kubernetes.linux.kernel import Kernel
from midonet_kubernetes.node import cni_protocol as cni
from midonet_kubernetes.node import install
from midonet_kubernetes.node.changes import Changes
from midonet_kubernetes.node.daemon import Daemon
from midonet_kubernetes.node.options import Options
from midonet_kubernetes.node.state import Annotation

T = TypeVar("T")

_log = logging.getLogger(__name__)

PERIOD = 30.0  # seconds between looks at everything
RETRY = 2.0  # seconds until we look again after something could not be put right
SOCKET_PERIOD = 2.0  # seconds between looks at the socket's file
SETTLING = 0.1  # seconds after a change until we look
REMOVERS = 20  # threads; more bring nothing
PATIENCE = 10 * PERIOD  # seconds that the kernel may take until we had better be restarted


class Runner:
    """The asynchronous face of ``Daemon``.

    Args:
        daemon: used in the worker's thread only.
        kernel: for word of changes.
        worker: an executor with one thread.
        options: where plugin and configuration go.

    Attributes:
        health: whether we are alive, for ``observability``.
        ready: whether pods can be served, for ``observability``.
        wrote_state: called when there may be annotations to write.
    """

    def __init__(self, daemon: Daemon, kernel: Kernel, worker: Executor, options: Options) -> None:
        self._daemon, self._worker, self._options = daemon, worker, options
        self._wake = asyncio.Event()
        self._changes = Changes(kernel, self._wake.set)
        self._failing = ""
        self._removers = ThreadPoolExecutor(REMOVERS, thread_name_prefix="remover")
        self._said: tuple[str, list[str]] | None = None  # what the Node said last
        self._news: tuple[str, list[str]] | None = None  # the same until it is taken in
        self._looked = time.monotonic()
        self.health = {"kernel thread": self._stuck}
        self.ready = {"pods": lambda: daemon.why_not}
        self.wrote_state: Callable[[], None] = lambda: None

    async def _do(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._worker, work)

    async def answer(self, line: bytes, descriptor: int | None) -> bytes:
        """See ``Daemon.answer``. What a DEL waits for in the kernel holds up neither others' DELs nor their ADDs."""
        if cni.command_of(line) == "DEL":
            removal = await self._do(lambda: self._daemon.removal(line))
            if removal is not None:
                await asyncio.get_running_loop().run_in_executor(self._removers, removal)
        output = await self._do(lambda: self._daemon.answer(line, descriptor))
        self.wrote_state()
        return output

    def _stuck(self) -> str:
        silent = time.monotonic() - self._looked
        return f"the kernel has not answered for {silent:.0f} s" if silent > PATIENCE else ""

    async def annotations(self) -> list[Annotation]:
        """See ``State.annotations``."""
        return await self._do(self._daemon.state.annotations)

    async def wish(self, pod: str) -> Annotation | None:
        """See ``Daemon.wish``."""
        return await self._do(lambda: self._daemon.wish(pod))

    async def annotation_written(self, annotation: Annotation) -> None:
        """See ``State.done``."""
        await self._do(lambda: self._daemon.state.done(annotation))

    def close(self) -> None:
        """Stop listening to the kernel, and wait for removals that are under way."""
        self._changes.close()
        self._removers.shutdown()

    def node_changed(self, pod_cidr: str, addresses: list[str]) -> None:
        """The Node says this; it is taken in soon."""
        if (pod_cidr, addresses) != self._said:
            self._said = self._news = pod_cidr, addresses
            self._wake.set()

    async def maintain(self, *, inside: bool = True) -> None:
        """Bring everything to what it should be; what cannot be now is logged and tried again soon."""
        try:
            await self._learn()
            for repair in await self._do(lambda: self._daemon.maintain(inside=inside)):
                _log.info("repaired: %s", repair)
            self._changes.follow(self._daemon.namespaces)
            await self._do(self._install)
            self._failing = ""
        except MidonetKubeError as error:
            level = logging.DEBUG if str(error) == self._failing else logging.ERROR
            self._failing = str(error)
            _log.log(level, "%s", error)
        self._looked = time.monotonic()

    async def _learn(self) -> None:
        news = self._news
        if news is None:
            return
        try:
            await self._do(lambda: self._daemon.learn(*news))
        except UserError as error:  # what the Node said before still holds
            _log.error("%s", error)
        if self._news is news:
            self._news = None

    def _install(self) -> None:
        """The plugin always; the configuration when pods can be served, for from then on the runtime calls us."""
        options = self._options
        if options.plugin_folder is not None:
            install.install_plugin(options.plugin_folder)
        if options.configuration is not None and self._daemon.attachments is not None:
            install.install_configuration(options.configuration, options.socket, options.plugin_folder)

    async def run(self) -> None:
        """Maintain for ever."""
        while True:
            inside = not await self._woken()
            await self.maintain(inside=inside)

    async def guard(self, check: Callable[[], bool]) -> None:
        """Look after the socket for ever.

        Args:
            check: of the server; False when it had to be made again.

        Raises:
            MachineError: from ``check``.
        """
        while True:
            await asyncio.sleep(SOCKET_PERIOD)
            if not check():
                _log.warning("the socket had been replaced or removed, it is made again")

    async def _woken(self) -> bool:
        """Wait for a reason to look, or for the period to pass; changes that come together are looked at together."""
        try:
            async with asyncio.timeout(RETRY if self._failing else PERIOD):
                await self._wake.wait()
        except TimeoutError:
            return False
        await asyncio.sleep(SETTLING)
        self._wake.clear()
        return True
