"""The controllers at a real kube-apiserver: the load that the Go program was measured with, and a full cluster.

The reference for the first is what the Go program took for the same objects at the same kind of API server; for the second it is
a bare client that creates Translations of Pods, as ours are, in the same API server, with as many requests in flight, and
does nothing else.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path

from measuring.controllers import Life, bare_rate, follow, new_pod
from measuring.report import Aim, Report, Table, plain

from midonet_kubernetes.controllers.reconciler import WORKERS
from midonet_kubernetes.testing import kubernetes_programs, real_kubernetes
from midonet_kubernetes.testing.cluster_load import Load
from midonet_kubernetes.testing.installation import CONTROLLERS, Installation
from midonet_kubernetes.testing.real_kubernetes import RealKubernetes

CERTIFICATES = Path(__file__).parents[1] / "unit" / "kubernetes_api" / "certificates"
DEPLOY = Path(__file__).parents[2] / "deploy"
IN_FLIGHT = sum(WORKERS.values())
# Measured with the Go program at a real kube-apiserver: 10 Nodes, 500 Pods, 100 Services of 10 endpoints; seconds.
GO_START, GO_RESTART, GO_NEW_POD = 691.0, 1248.0, 1236.0


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Args:
        go: the load that the Go program was measured with.
        full: a full cluster.
        bare: Translations that the bare client creates, before and after.
        restarts: how many are measured; the median counts.
        new_pod_after: seconds after a restart.
    """

    go: Load = field(default_factory=lambda: Load(10, 500, 100))
    full: Load = field(default_factory=lambda: Load(50, 5000, 1000))
    bare: int = 3000
    restarts: int = 5
    new_pod_after: float = 10.0


SMALL = Size(go=Load(2, 4, 2, 2), full=Load(2, 6, 3, 2), bare=20, restarts=1, new_pod_after=0.5)


def measure(size: Size, folder: Path) -> Report:
    """Measure everything.

    Args:
        size: how much.
        folder: for all files.
    """
    report = Report("control-plane", "Control plane at a real kube-apiserver")
    found = kubernetes_programs.find()
    if not found:
        report.lacks(kubernetes_programs.ABSENT)
        return report
    for name, load, tell in (("go", size.go, _tell_go), ("full", size.full, _tell_full)):
        directory = folder / name
        directory.mkdir()
        with real_kubernetes.started(found[0], directory, CERTIFICATES) as kubernetes:
            lives = asyncio.run(_measure(kubernetes, load, size, directory))
        tell(report, load, lives, found[0].minor)
    return report


@dataclass(frozen=True)
class Lives:
    """The first start, and the start after it.

    Args:
        bare: Translations a second that a bare client creates.
        first: on a cluster that has everything and a MidoNet that has nothing.
        again: with nothing changed, the median one.
        writes: of all these together, to either API.
        new_pod: seconds from the request that makes a Pod to its binding in MidoNet, some time after the restart.
    """

    bare: float
    first: Life
    again: Life
    writes: int
    new_pod: float


async def _measure(kubernetes: RealKubernetes, load: Load, size: Size, folder: Path) -> Lives:
    await kubernetes.kubectl("apply", "-f", DEPLOY)
    token = (await kubernetes.kubectl("create", "token", CONTROLLERS, "--namespace=kube-system", "--duration=4h")).strip()
    client = kubernetes.client(connections=IN_FLIGHT)
    try:
        await load.create(client)
        bare = await bare_rate(client, load, size.bare, IN_FLIGHT)
        async with Installation(kubernetes, folder, token) as installation:
            for name in load.node_names:
                await installation.add_host(name)
            first = await follow(installation, client, "first", load.translations + 3)  # one Service is the API server's own
            restarts = [await follow(installation, client, f"again-{number}", 0) for number in range(size.restarts)]
            with installation.running("once more"):
                await asyncio.sleep(size.new_pod_after)
                seconds = await new_pod(installation, client, load)
        bare = (bare + await bare_rate(client, load, size.bare, IN_FLIGHT)) / 2
    finally:
        await client.close()
    restarts.sort(key=lambda life: life.ready)
    return Lives(bare, first, restarts[len(restarts) // 2], sum(map(_writes, restarts)), seconds)


def _tell_go(report: Report, load: Load, lives: Lives, minor: str) -> None:
    rows = (
        ("first start", GO_START, lives.first.pushed, 100.0),
        ("restart, nothing changed", GO_RESTART, lives.again.ready, 400.0),
        ("new Pod soon after the restart", GO_NEW_POD, lives.new_pod, 1000.0),
    )
    report.tables.append(
        Table(
            f"{load.nodes} Nodes, {load.pods} Pods, {load.services} Services x {load.endpoints}, kube-apiserver {minor}: seconds",
            ("", "Go program", "ours", "times faster"),
            [(what, plain(go), plain(seconds), plain(go / seconds)) for what, go, seconds, _ in rows],
        )
    )
    for what, go, seconds, bound in rows:
        report.aims.append(Aim(f"{what}, the Go program's load: times faster than it", go / seconds, bound, at_least=True))
    report.aims.append(Aim("writes of restarts with nothing changed", lives.writes, 0, unit=""))


def _writes(life: Life) -> int:
    return life.midonet + life.kubernetes + life.events


def _tell_full(report: Report, load: Load, lives: Lives, minor: str) -> None:
    first, again, count = lives.first, lives.again, load.translations + 3
    rate = count / first.pushed
    report.tables.append(
        Table(
            f"{count} Translations ({load.nodes} Nodes, {load.pods} Pods, {load.services} Services x {load.endpoints}), {minor}",
            ("", "first start", "restart"),
            [
                ("seconds until all is pushed", plain(first.pushed), plain(again.ready)),
                ("seconds until all statuses are written", plain(first.told), ""),
                ("Translations a second", plain(rate), ""),
                ("the same by a bare client that only creates", plain(lives.bare), ""),
                ("writes to MidoNet for each Translation", plain(first.midonet / count), str(again.midonet)),
                ("writes of Translations and statuses for each", plain(first.kubernetes / count), str(again.kubernetes)),
                ("Events for each", plain(first.events / count), str(again.events)),
                (
                    "processor seconds until all is pushed, controllers",
                    plain(first.cpu.controllers),
                    plain(again.cpu.controllers),
                ),
                ("the same, API server and etcd", plain(first.cpu.kubernetes), plain(again.cpu.kubernetes)),
                ("the same, minimidonet", plain(first.cpu.midonet), plain(again.cpu.midonet)),
                ("memory at the end, MB", plain(first.memory / 1e6), plain(again.memory / 1e6)),
            ],
            "all programs share the machine; the bare client and the API server have it to themselves. Restart: median",
        )
    )
    report.aims += [
        Aim(
            "full load: Translations created and pushed a second, against a bare client's creates",
            rate / lives.bare,
            0.7,
            at_least=True,
        ),
        Aim("full load: statuses written, against the time of the push", first.told / first.pushed, 3),
        Aim("full load: ready after a restart", again.ready, 3, unit="s"),
        Aim("full load: writes of restarts with nothing changed", lives.writes, 0, unit=""),
    ]


def test_control_plane(tmp_path: Path) -> None:
    measure(Size(), tmp_path).keep()
