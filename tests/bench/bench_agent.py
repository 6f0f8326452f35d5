"""The agent: a large topology into the kernel, one change of it, and what that costs; kube-proxy with the same Services."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import select
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from measuring import kube_proxy
from measuring.cluster_objects import endpoint_addresses, endpoints_translations, host_id
from measuring.networks import KERNEL, Namespaces, needs_root
from measuring.report import Aim, Report, Table, median, percentile, plain, say
from measuring.topologies import ADDRESS, Topology, ask, connection, creation, deletion, serve, wait_for

from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.minimidonet.agent.datapath import Datapath
from midonet_kubernetes.minimidonet.agent.programmer import Programmer
from midonet_kubernetes.minimidonet.agent.stream import Commit, Position
from midonet_kubernetes.testing.background import Background, ours

NODE, POD_CIDR, UNDERLAY = "node1", "10.244.1.0/24", "192.0.2.1"
READY = ("127.0.0.1", 9900)


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Args:
        services: numbers of Services, growing.
        endpoints: of each Service.
        loads: of each number of Services.
        changes: of endpoints, at each number of Services.
        pause: seconds between changes.
        proxied: numbers of Services that kube-proxy is given.
    """

    services: tuple[int, ...] = (100, 1_000, 10_000)
    endpoints: int = 10
    loads: int = 5
    changes: int = 400
    pause: float = 0.1
    proxied: tuple[int, ...] = (100, 1_000, 10_000)


SMALL = Size(services=(30,), endpoints=3, loads=1, changes=4, proxied=(30,))


@dataclass(frozen=True)
class Load:
    """Seconds that a load took, and of processor time."""

    seconds: float
    processor: float


@dataclass
class Followed:
    """What a running agent took at one number of Services."""

    start: float = 0.0  # seconds
    memory: float = 0.0  # MB
    answered: list[float] = field(default_factory=list)  # milliseconds from the API's answer until it was in the kernel
    sent: list[float] = field(default_factory=list)  # the same from the request on
    agent: float = 0.0  # milliseconds of processor time for a change
    server: float = 0.0


def measure(size: Size, folder: Path) -> Report:
    """Measure everything."""
    report = Report("agent", "minimidonet's agent")
    loads: dict[int, list[Load]] = {}
    followed: dict[int, Followed] = {}
    for count in size.services:
        here = folder / str(count)
        here.mkdir()
        with Namespaces(here) as namespaces:
            snapshot = asyncio.run(_prepare(here / "store", count, size.endpoints))
            loads[count] = [_load(namespaces, number, snapshot) for number in range(size.loads)]
            followed[count] = _follow(namespaces, here / "store", count, size)
    proxied = kube_proxy.measure(report, size.proxied, size.endpoints, folder)
    _tell_loads(report, size, loads, proxied)
    _tell_changes(report, size, followed, proxied)
    return report


async def _prepare(file: Path, services: int, endpoints: int) -> Commit:
    """Write a store, and answer what the node's agent is told of it."""
    topology = Topology(file)
    topology.add_node(NODE, POD_CIDR, UNDERLAY)
    topology.add_services(range(services), endpoints)
    changes = topology.snapshot(host_id(NODE))
    await topology.close()
    return Commit(tuple(changes), Position("store", 1), snapshot=True)


def _load(namespaces: Namespaces, number: int, snapshot: Commit) -> Load:
    """From a topology in hand until all of it is in the kernel, in a namespace that is new."""
    namespace, own = namespaces.make(f"loaded{number}"), namespaces.make(f"own{number}")
    datapath = Datapath(KERNEL, KERNEL.open_namespace(namespace.path), KERNEL.open_namespace(own.path))
    with contextlib.closing(datapath):
        datapath.prepare()
        gc.collect()
        gc.disable()  # as the agent does
        began, used = time.monotonic(), time.process_time()
        report = Programmer(host_id(NODE), datapath).take(snapshot)
        load = Load(time.monotonic() - began, time.process_time() - used)
        gc.enable()
        assert not report.refused, report.refused[:3]
    return load


def _follow(namespaces: Namespaces, store: Path, services: int, size: Size) -> Followed:
    """Start server and agent, and change endpoints."""
    own = namespaces.make("node")
    server = serve(namespaces, own, store)
    path = str(namespaces.folder / "midonet")
    where = ["--api", f"http://{ADDRESS[0]}:{ADDRESS[1]}/midonet-api", "--namespace", path, "--listen", f"{READY[0]}:{READY[1]}"]
    began = time.monotonic()
    agent = namespaces.program(own, [ours("minimidonet"), "agent", "--host-id", host_id(NODE), "--name", NODE, *where])
    wait_for(own, READY, "/readyz", agent)
    seen = Followed(start=time.monotonic() - began)
    with contextlib.closing(KERNEL.open_namespace(path)) as namespace:
        _change_endpoints(seen, Running(own, namespace, server, agent), services, size)
    seen.memory = agent.memory()[0] / 1e6
    return seen


@dataclass(frozen=True)
class Running:
    """Server and agent at work.

    Args:
        own: the namespace that they run in.
        datapath: the namespace that the agent programs.
        server: ``minimidonet serve``.
        agent: ``minimidonet agent``.
    """

    own: Namespace
    datapath: Namespace
    server: Background
    agent: Background

    def processor(self) -> tuple[float, float]:
        """Seconds of processor time of agent and server."""
        return _processor(self.agent), _processor(self.server)


class Notices:
    """When the kernel last said that the rule set has changed."""

    def __init__(self) -> None:
        self.times: list[float] = []

    @contextmanager
    def of(self, namespace: Namespace) -> Iterator[None]:
        """Listen."""
        stop = threading.Event()
        with contextlib.closing(KERNEL.watch_rule_sets(namespace)) as watch:

            def listen() -> None:
                while not stop.is_set():
                    if select.select([watch], [], [], 0.2)[0]:
                        self.times.append(time.monotonic())
                        list(watch.read())

            thread = threading.Thread(target=listen)
            thread.start()
            try:
                yield
            finally:
                stop.set()
                thread.join()


def _change_endpoints(seen: Followed, running: Running, services: int, size: Size) -> None:
    """Move one endpoint of a Service, then of the next one: a new rule is posted, then the old one is deleted."""
    notices = Notices()
    with connection(running.own) as there, notices.of(running.datapath):
        time.sleep(1)  # the start has its late work too
        before = running.processor()
        for number in range(size.changes):
            service = number * 7919 % services
            old = endpoints_translations(service, endpoint_addresses(service, size.endpoints, moved=number // services))
            new = endpoints_translations(service, endpoint_addresses(service, size.endpoints, moved=number // services + 1))
            notices.times.clear()
            path, media, body = creation(new[0].resources[0])
            sent = time.monotonic()
            status, said = ask(there, "POST", path, media, body)
            answered = time.monotonic()
            assert status == 201, (status, said)
            ends_at = answered + 20
            while not notices.times:
                assert time.monotonic() < ends_at, running.agent.tail()
                time.sleep(0.0002)
            seen.answered.append(max(0.0, notices.times[0] - answered) * 1e3)
            seen.sent.append((notices.times[0] - sent) * 1e3)
            assert ask(there, "DELETE", deletion(old[0].resources[0]))[0] == 204
            time.sleep(size.pause)
        used = (after - earlier for after, earlier in zip(running.processor(), before, strict=True))
        seen.agent, seen.server = (seconds * 1e3 / size.changes for seconds in used)


def _processor(program: Background) -> float:
    """Seconds of processor time of all threads, to the nanosecond."""
    threads = Path(f"/proc/{program.process.pid}/task").glob("*/schedstat")
    return sum(int(thread.read_text(encoding="ascii").split()[0]) for thread in threads) / 1e9


def _tell_loads(report: Report, size: Size, loads: dict[int, list[Load]], proxied: dict[int, kube_proxy.Synced]) -> None:
    rows, ratio, largest = [], 0.0, 0
    for count, took in loads.items():
        seconds, processor = median([load.seconds for load in took]), median([load.processor for load in took])
        cells = [plain(seconds), plain(min(load.seconds for load in took)), plain(processor)]
        other = proxied.get(count)
        if other:
            ratio, largest = seconds / other.first, count
            cells += [plain(other.first), plain(other.processor), f"1/{1 / ratio:,.0f}", f"1/{other.processor / processor:,.0f}"]
        rows.append((f"{count:,}", *cells, *("-" * (7 - len(cells)))))
    columns = ("Services", "agent", "best", "its CPU", "kube-proxy", "its CPU", "ratio", "of CPU")
    title = f"Seconds from the topology in hand to the kernel, {size.endpoints} endpoints each"
    note = f"agent: median and best of {size.loads}"
    if proxied:
        note += f"; {kube_proxy.versions()}, nftables mode: its own metric of its first full sync"
    report.tables.append(Table(title, columns, rows, note))
    if largest:
        report.aims.append(Aim(f"load of {largest:,} Services against kube-proxy", ratio, 1 / 50))


def _tell_changes(report: Report, size: Size, followed: dict[int, Followed], proxied: dict[int, kube_proxy.Synced]) -> None:
    rows = []
    for count, seen in followed.items():
        times = (percentile(values, percent) for values in (seen.answered, seen.sent) for percent in (50, 99))
        other = proxied.get(count)
        change = plain(other.change * 1e3) if other else "-"
        rows.append((f"{count:,}", *map(plain, times), plain(seen.agent), plain(seen.server), change))
    columns = ("Services", "answered p50", "p99", "sent p50", "p99", "agent's CPU", "server's CPU", "kube-proxy's sync")
    note = f"{size.changes} changes; answered: from the API's answer to the kernel; sent: from the request to the kernel"
    report.tables.append(Table("One endpoint of a Service moved, milliseconds", columns, rows, note))
    starts = [(f"{count:,}", plain(seen.start), plain(seen.memory)) for count, seen in followed.items()]
    report.tables.append(Table("The whole agent", ("Services", "start to ready, s", "memory, MB"), starts))
    few, many = min(followed), max(followed)
    report.aims += [
        Aim(f"start of the whole agent with {many:,} Services", followed[many].start, 8, unit="s"),
        Aim(f"from the API's answer to the kernel at {many:,}, p99", percentile(followed[many].answered, 99), 20, unit="ms"),
        Aim(f"agent's processor time of a change, {many:,} against {few:,}", followed[many].agent / followed[few].agent, 1.5),
        Aim(f"agent's memory with {many:,} Services", followed[many].memory, 250, unit="MB"),
    ]


@needs_root
def test_agent(tmp_path: Path) -> None:
    say("this takes some minutes")
    measure(Size(), tmp_path).keep()
