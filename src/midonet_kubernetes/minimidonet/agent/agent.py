"""When what happens: registration, the stream, notices of the kernel, late deletions, reports. One thread, one event loop."""

from __future__ import annotations

import asyncio
import gc
import logging
import random
import time
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from contextlib import aclosing, suppress
from typing import Any

from midonet_kubernetes.errors import ApiError, KernelError, MidonetApiError, Unreachable
from midonet_kubernetes.linux.kernel import Watch
from midonet_kubernetes.minimidonet.agent.datapath import Datapath
from midonet_kubernetes.minimidonet.agent.observer import Observer
from midonet_kubernetes.minimidonet.agent.programmer import NETWORK, RULES, Part, Programmer, Report, name_of_link
from midonet_kubernetes.minimidonet.agent.rule_table import GRACE
from midonet_kubernetes.minimidonet.agent.server_client import ServerClient
from midonet_kubernetes.minimidonet.agent.stream import Commit, Position
from midonet_kubernetes.topology.host_network import Link

_log = logging.getLogger(__name__)

FIRST_RETRY, LONGEST_RETRY = 0.2, 4.0  # seconds; what was missed while the server was away is there within five
GATHER = 0.05  # seconds between a notice and the comparison, for more notices to come
PERIOD = 30.0  # seconds between comparisons of what the kernel tells nobody about
REPORT_PERIOD = 0.2  # seconds between reports at least
MOST_REPORTED = 1000


class Backoff:
    """Growing pauses between attempts, each with some chance, so that a thousand agents do not come back at once."""

    def __init__(self) -> None:
        self._pause = FIRST_RETRY

    def succeeded(self) -> None:
        """Begin with short pauses again."""
        self._pause = FIRST_RETRY

    def next(self) -> float:
        """Seconds to wait now."""
        pause, self._pause = self._pause, min(self._pause * 2, LONGEST_RETRY)
        return pause * random.uniform(0.5, 1.0)  # noqa: S311 - nobody gains from guessing it


class Agent:
    """The agent of one host.

    Args:
        server: where the topology comes from.
        datapath: the namespace.
        programmer: of that namespace.
        keep_in_place: called now and then, puts the namespace back to where others look for it.
        observer: hears of everything.
    """

    def __init__(
        self,
        server: ServerClient,
        datapath: Datapath,
        programmer: Programmer,
        observer: Observer,
        keep_in_place: Callable[[], None] = lambda: None,
    ) -> None:
        self._server, self._datapath, self._programmer = server, datapath, programmer
        self._observer, self._keep_in_place = observer, keep_in_place
        self._position: Position | None = None  # where the stream goes on; None: from the beginning
        self._has_topology = False
        self._no_stream = "not connected yet"
        self._refused: tuple[str, ...] = ()
        self._known, self._unknown = asyncio.Event(), asyncio.Event()  # to the server
        self._doubt, self._late, self._news = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._doubts: set[Part] = set()
        self._new_links: set[str] = set()

    def why_not_ready(self) -> str:
        """What is missing until the kernel has the topology, "" when nothing is."""
        if not self._has_topology:
            return f"no topology: {self._no_stream}"
        return self._refused[0] if self._refused else ""

    async def run(self) -> None:
        """Work for ever."""
        loop = asyncio.get_running_loop()
        for watch in self._datapath.watches:
            loop.add_reader(watch.fileno(), self._hear, watch)
        jobs = (self._stay_registered, self._follow, self._settle_doubts, self._finish_late, self._look_after, self._report)
        try:
            async with asyncio.TaskGroup() as group:
                for job in jobs:
                    group.create_task(job())
        finally:
            for watch in self._datapath.watches:
                loop.remove_reader(watch.fileno())

    async def _stay_registered(self) -> None:
        backoff, told = Backoff(), ""
        while True:
            self._unknown.clear()
            try:
                lease = await self._server.register(self._datapath.host_addresses(), self._datapath.host_interfaces())
            except ApiError as error:
                told = _tell(f"cannot register: {error}", told)
                await asyncio.sleep(backoff.next())
                continue
            told = ""
            backoff.succeeded()
            self._known.set()
            await _wait(self._unknown, lease / 3)

    async def _follow(self) -> None:
        backoff, told = Backoff(), ""
        await self._known.wait()
        while True:
            try:
                async with aclosing(self._server.follow(self._position)) as stream:
                    async for commits in stream:
                        backoff.succeeded()
                        told = ""
                        await self._take_all(commits)
                self._no_stream = "the server ended the stream"
            except Unreachable as error:
                self._no_stream = str(error)
            except MidonetApiError as error:
                self._no_stream, self._position = str(error), None
                if error.status == 404:
                    self._unknown.set()
            self._observer.connected(False)
            told = _tell(f"the topology is not followed, traffic goes on: {self._no_stream}", told)
            await asyncio.sleep(backoff.next())

    async def _take_all(self, commits: list[Commit]) -> None:
        if self._no_stream:
            _log.info("following the topology, now at revision %d", commits[-1].position.revision)
            self._no_stream = ""
            self._observer.connected(True)
        queue = squashed(commits)
        commits.clear()
        while queue:
            self._position = self._program(queue.pop(0))
            await asyncio.sleep(0)
        self._news.set()

    def _program(self, commit: Commit) -> Position:
        began, position, snapshot = time.monotonic(), commit.position, commit.snapshot
        if not commit.changes and not snapshot:
            return position
        if snapshot:
            gc.disable()  # all that comes now stays: looking through it again and again costs a third of the start
        self._has_topology = True
        step = self._programmer.compile(commit)
        del commit  # a whole view takes as much memory as what is made of it
        report = self._programmer.program(step)
        if snapshot:
            del step
            gc.freeze()
            gc.enable()
            _log.info("programmed revision %d, operations: %d", position.revision, report.operations)
        self._observer.programmed(position.revision, report, time.monotonic() - began, len(self._programmer.unsupported))
        self._after(report)
        return position

    def _after(self, report: Report) -> None:
        if report.refused and report.refused != self._refused:
            for refused in report.refused[:5]:
                _log.warning("the kernel refuses: %s", refused)
        if report.refused:
            self._doubts |= {NETWORK, RULES}
            self._doubt.set()
        self._refused = report.refused
        if self._programmer.has_late_work:
            self._late.set()

    def _hear(self, watch: Watch) -> None:
        for notice in watch.read():
            if notice.kind in {"rule set", "everything"}:
                self._doubts.add(RULES)
            if notice.kind != "rule set":
                self._doubts.add(NETWORK)
            if isinstance(notice.subject, Link) and not notice.gone:
                self._new_links.add(notice.subject.name)
            self._doubt.set()

    async def _settle_doubts(self) -> None:
        """Compare after notices, after refusals, and now and then."""
        backoff = Backoff()
        while True:
            heard = await _wait(self._doubt, PERIOD)
            if self._refused:
                await asyncio.sleep(backoff.next())
            elif RULES not in self._doubts:  # a table that is gone cannot wait
                await asyncio.sleep(GATHER)
            self._doubt.clear()
            doubts: AbstractSet[Part] = self._doubts or {NETWORK}
            self._doubts = set()
            new_links, self._new_links = self._new_links, set()
            if not self._has_topology:  # all that is there would be too much
                continue
            report = self._programmer.compare(doubts)
            self._observer.worked(report)
            self._count_repairs(report, new_links if heard else set())
            self._after(report)
            if not report.refused:
                backoff.succeeded()

    def _count_repairs(self, report: Report, new_links: set[str]) -> None:
        repairs = [str(operation) for operation in report.network if name_of_link(operation) not in new_links]
        if report.rules:
            repairs.append(f"the table ({report.rules} operations)")
        if repairs and not self._refused:
            shown = ", ".join(repairs[:5]) + (", …" if len(repairs) > 5 else "")
            _log.warning("put right what somebody else had changed: %s", shown)
            self._observer.repaired(len(repairs))

    async def _finish_late(self) -> None:
        while True:
            await self._late.wait()
            self._late.clear()
            await asyncio.sleep(GRACE)
            self._after(self._programmer.finish())  # which calls for another round if something is too young

    async def _look_after(self) -> None:
        while True:
            self._keep_in_place()
            with suppress(KernelError):
                self._observer.tracked(self._datapath.conntrack.usage())
            await asyncio.sleep(1)

    async def _report(self) -> None:
        """Tell the server what is programmed; what could not be told is told with the next news."""
        while True:
            await self._news.wait()
            self._news.clear()
            with suppress(ApiError):
                await self._server.report(self.status())
            await asyncio.sleep(REPORT_PERIOD)

    def status(self) -> dict[str, Any]:
        """What is programmed, and what cannot be: at most ``MOST_REPORTED`` objects, and how many there are."""
        unsupported = self._programmer.unsupported
        shown = [{"kind": item.kind, "id": item.id, "reason": item.reason} for item in unsupported[:MOST_REPORTED]]
        return {
            "store": self._position.store if self._position else "",
            "revision": self._position.revision if self._position else 0,
            "unsupported": shown,
            "unsupportedCount": len(unsupported),
            "refused": list(self._refused[:MOST_REPORTED]),
        }


def squashed(commits: list[Commit]) -> list[Commit]:
    """Commits that came together, as few: a snapshot stays alone, what follows it is one commit."""
    made: list[Commit] = []
    for commit in commits:
        if made and not commit.snapshot and not made[-1].snapshot:
            made[-1] = Commit(made[-1].changes + commit.changes, commit.position)
        else:
            made.append(commit)
    return made


def _tell(message: str, told: str) -> str:
    """Log a message once, until something else is to be said."""
    if message != told:
        _log.warning("%s", message)
    return message


async def _wait(event: asyncio.Event, seconds: float) -> bool:
    """Whether the event came in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
