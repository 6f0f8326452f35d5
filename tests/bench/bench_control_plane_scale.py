"""What size costs: one more endpoint among 1,000 and among 10,000 Services, and the memory of the largest cluster.

The Kubernetes API is the embedded one, in which everything is in place before we begin. For the first, both APIs are in this
process, so that only our own work is measured; for the second, each is a process of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import random
import signal
import sys
import time
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from measuring.report import Aim, Report, Table, percentile, plain
from measuring.settled_cluster import fill, push

from midonet_kubernetes.controllers.main import GARBAGE
from midonet_kubernetes.controllers.program import Controllers
from midonet_kubernetes.exchange import Request, Response, StreamedResponse, Transport
from midonet_kubernetes.testing.background import Background, free_ports, ours, until
from midonet_kubernetes.testing.cluster_load import Load
from midonet_kubernetes.testing.installation import CONTROLLERS, Replica
from midonet_kubernetes.testing.objects import SLICES, Json
from midonet_kubernetes.testing.twins import Twins, busy

FULL_API = Path(__file__).parent / "measuring" / "full_api.py"
NODES = 50
KINDS = 5  # that the controllers watch
_PATIENCE = 600.0  # seconds


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Args:
        few: Services of the smaller cluster.
        many: Services of the larger cluster.
        changes: endpoints that are added, in each of the clusters.
        largest: the cluster whose memory is measured.
    """

    few: int = 1_000
    many: int = 10_000
    changes: int = 1_000
    largest: Load = field(default_factory=lambda: Load(250, 100_000, 10_000))


SMALL = Size(few=5, many=20, changes=5, largest=Load(2, 10, 5, 2))


def measure(size: Size, folder: Path) -> Report:
    """Measure everything.

    Args:
        size: how much.
        folder: for all files.
    """
    report = Report("control-plane-scale", "Control plane of a large cluster")
    took = {
        services: asyncio.run(_latencies(Load(NODES, 10 * services, services), size.changes))
        for services in (size.few, size.many)
    }
    _tell_latencies(report, took)
    _tell_memory(report, size.largest, asyncio.run(_memory(size.largest, folder)))
    return report


async def _latencies(load: Load, changes: int) -> list[float]:
    """Milliseconds from one more endpoint in a slice to MidoNet's answer, one after the other."""
    twins = Twins()
    for name in load.node_names:
        await twins.add_host(name)
    await push(twins.midonet, fill(twins.api.registry, load, pods=False))
    answered = Answered(twins.midonet_transport())
    program = twins.controllers(midonet=answered)
    running, usual = asyncio.create_task(program.run()), gc.get_threshold()
    try:
        await until("nothing to do", lambda: _has_nothing_to_do(program), seconds=_PATIENCE)
        gc.set_threshold(*GARBAGE)
        gc.collect()
        gc.freeze()  # the APIs' objects are no garbage of the controllers
        chosen = random.Random(1).sample(range(load.services), min(changes, load.services))
        return [await _add_endpoint(twins, program, answered, load.slice(number, more=1)) for number in chosen]
    finally:
        gc.unfreeze()
        gc.set_threshold(*usual)
        running.cancel()
        await asyncio.wait({running})


class Answered:
    """A transport that says when MidoNet has answered a rule's POST.

    Args:
        inner: carries the requests.
    """

    def __init__(self, inner: Transport) -> None:
        self._inner = inner
        self.rule = asyncio.Event()

    async def send(self, request: Request) -> Response:
        """Send."""
        response = await self._inner.send(request)
        if request.method == "POST" and request.path.endswith("/rules"):
            self.rule.set()
        return response

    def stream(self, request: Request) -> AbstractAsyncContextManager[StreamedResponse]:
        """A stream, as it is."""
        return self._inner.stream(request)

    async def close(self) -> None:
        """Close the inner transport."""
        await self._inner.close()


async def _has_nothing_to_do(program: Controllers) -> bool:
    left = busy(program, statuses=False)
    assert left == "", left
    return True


async def _add_endpoint(twins: Twins, program: Controllers, answered: Answered, changed: Json) -> float:
    answered.rule.clear()
    begun = time.perf_counter()
    await twins.apply(SLICES, changed)
    await answered.rule.wait()
    took = (time.perf_counter() - begun) * 1e3
    await until("nothing to do", lambda: _has_nothing_to_do(program), every=0.002)
    return took


def _tell_latencies(report: Report, took: dict[int, list[float]]) -> None:
    few, many = took
    report.tables.append(
        Table(
            f"One more endpoint in one Service of many x 10, {len(took[few])} times: milliseconds until MidoNet has answered",
            ("", *(f"{services:,} Services" for services in took)),
            [(f"p{percent}", *(plain(percentile(each, percent)) for each in took.values())) for percent in (50, 99)],
        )
    )
    for percent in (50, 99):
        ratio = percentile(took[many], percent) / percentile(took[few], percent)
        report.aims.append(Aim(f"one more endpoint, p{percent}: {many:,} Services against {few:,}", ratio, 1.3))


@dataclass(frozen=True)
class Memory:
    """Resident bytes of the controllers.

    Args:
        steady: when everything was known.
        relisted: after everything was listed again.
        peak: meanwhile.
        seconds: from the start until everything was known.
    """

    steady: int
    relisted: int
    peak: int
    seconds: float


async def _memory(load: Load, folder: Path) -> Memory:
    port, listen, midonet = free_ports(3)
    shape = [str(number) for number in (load.nodes, load.pods, load.services, load.endpoints)]
    settings = {
        "MIDONETKUBE_KUBECONFIG": str(_kubeconfig(folder, port)),
        "MIDONETKUBE_MIDONET_API": f"http://127.0.0.1:{midonet}/midonet-api",
        "MIDONETKUBE_LISTEN": f"127.0.0.1:{listen}",
    }
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(Background([sys.executable, FULL_API, str(port), *shape], folder / "api.log"))
        await _says(api, "serving", 1)
        server = Background([ours("minimidonet"), "serve", f"--listen=127.0.0.1:{midonet}"], folder / "midonet.log")
        stack.enter_context(server)
        await _says(server, "serving", 1)
        begun = time.monotonic()
        process = stack.enter_context(Background([ours(CONTROLLERS)], folder / "controllers.log", settings))
        replica = Replica(process, f"http://127.0.0.1:{listen}")
        await until("everything known", replica.done, seconds=_PATIENCE, every=0.5, programs=[api, process])
        seconds = time.monotonic() - begun
        await until("every status written", replica.settled, seconds=_PATIENCE, every=0.5, programs=[api, process])
        steady, _ = process.memory()
        process.forget_peak()
        api.process.send_signal(signal.SIGUSR1)
        await _says(api, "serving", 2)
        await _says(api, "watch", 3 * KINDS)  # at the start, once more in vain, and after the relist
        relisted, peak = process.memory()
    return Memory(steady, relisted, peak, seconds)


async def _says(program: Background, word: str, times: int) -> None:
    """Until a program has said something so often."""

    async def said() -> bool:
        assert program.log.read_text(encoding="utf-8").count(f"{word} ") >= times, program.tail()
        return True

    await until(f"{program.name} saying {word!r} {times} times", said, seconds=_PATIENCE, every=0.2, programs=[program])


def _kubeconfig(folder: Path, port: int) -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "full", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "contexts": [{"name": "full", "context": {"cluster": "full", "user": ""}}],
        "current-context": "full",
    }
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(document), encoding="ascii")
    return path


def _tell_memory(report: Report, load: Load, memory: Memory) -> None:
    cluster = f"{load.services:,} Services x {load.endpoints}, {load.pods:,} Pods on {load.nodes} Nodes"
    figures = (("steady", memory.steady), ("after a relist of everything", memory.relisted), ("peak of that relist", memory.peak))
    report.tables.append(
        Table(
            f"Memory of the controllers, {cluster} (ready after {memory.seconds:.0f} s): MB",
            ("", "resident"),
            [(what, plain(size / 1e6)) for what, size in figures],
        )
    )
    report.aims.append(Aim("memory with 10,000 Services and 100,000 Pods", memory.steady / 1e6, 500, unit="MB"))
    report.aims.append(Aim("memory while everything is listed again, against before", memory.peak / memory.steady, 1.3))


def test_control_plane_scale(tmp_path: Path) -> None:
    measure(Size(), tmp_path).keep()
