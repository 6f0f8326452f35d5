"""What packets cost: on one node and between nodes, to pods and to Services, against bridges, plain routing and kube-proxy."""

from __future__ import annotations

import os
import subprocess
import time
from collections import defaultdict
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from measuring import kube_proxy
from measuring.cluster_objects import TARGET_PORT, endpoints_translations
from measuring.clusters import FIRST_OWN_SERVICE, BridgeCluster, OurCluster, Pod, RoutedCluster, service, single_bridge
from measuring.networks import Namespaces, needs_root
from measuring.references import plugins
from measuring.report import Aim, Report, Table, median, percentile, plain
from measuring.sources import compiled, found

from midonet_kubernetes.minimidonet.agent.rule_table import GRACE
from midonet_kubernetes.minimidonet.agent.stream import Commit, Position
from midonet_kubernetes.topology.change import Change

OURS, OURS_LARGE = "midonet-kubernetes", "midonet-kubernetes, many Services"
BRIDGE, IPTABLES, KUBE_PROXY = "bridge", "bridge, iptables", "bridge, VXLAN, kube-proxy"
ROUTED, ROUTED_AS_OURS = "routed, VXLAN", "routed, VXLAN without GRO"
SAME, ACROSS = "same node", "other node"
SERVICE_SAME, SERVICE_ACROSS = "ClusterIP, same node", "ClusterIP, other node"
LOCAL, REMOTE, REWRITTEN = range(3)  # places of our Services
KINDS = {"stream": "Gbit/s", "requests": "k requests/s", "connections": "k connections/s", "packets": "k packets/s"}
UNITS = {"stream": 1e9 / 8, "requests": 1e3, "connections": 1e3, "packets": 1e3}


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Args:
        rounds: of all ways in turn.
        seconds: of each kind of traffic, each time.
        few: Services of a small cluster.
        many: Services of a large one.
        rewritten: connections while endpoints are rewritten.
    """

    rounds: int = 9
    seconds: float = 0.5
    few: int = 10
    many: int = 10_000
    rewritten: int = 500_000


SMALL = Size(rounds=1, seconds=0.02, few=2, many=5, rewritten=300)


@dataclass(frozen=True)
class Way:
    """From one pod to another one, or to a Service that leads there."""

    client: Pod
    server: Pod
    to: tuple[str, int] | None = None

    def command(self, program: Path, kind: str, processor: int, amount: str) -> list[str]:
        """What to execute."""
        address, port = self.to or (self.server.address, TARGET_PORT)
        ends = [self.client.namespace.path, address, str(port), str(TARGET_PORT), self.server.namespace.path]
        return [str(program), kind, str(processor), amount, *ends]


Ways = dict[tuple[str, str], Way]
Rates = defaultdict[tuple[str, str, str], list[float]]  # where, whose, kind: operations per second of processor time


def measure(size: Size, folder: Path) -> Report:
    """Measure everything."""
    report = Report("traffic", "Traffic")
    traffic, execute = compiled("traffic", folder), compiled("execute", folder)
    with Namespaces(folder) as namespaces, ExitStack() as stack:
        ways: Ways = {}
        small = stack.enter_context(OurCluster(namespaces, "s", execute, size.few))
        large = stack.enter_context(OurCluster(namespaces, "l", execute, size.many))
        pods = {OURS: _add_our_ways(ways, OURS, small), OURS_LARGE: _add_our_ways(ways, OURS_LARGE, large)}
        _add_routed_ways(ways, ROUTED, RoutedCluster(namespaces, "r"))
        _add_routed_ways(ways, ROUTED_AS_OURS, RoutedCluster(namespaces, "g", merges=False))
        _add_bridge_ways(report, ways, namespaces, execute)
        _tell_rates(report, size, _rounds(size, traffic, ways))
        _rewrite_endpoints(report, size, traffic, small, pods[OURS])
    return report


def _add_our_ways(ways: Ways, name: str, cluster: OurCluster) -> list[Pod]:
    """Pods, Services and ways of a cluster of ours; the pods: a client, then servers."""
    a, b, c, d = (cluster.add_pod(node, pod) for node, pod in ((1, "a"), (1, "b"), (2, "c"), (1, "d")))
    for place, servers in ((LOCAL, [b]), (REMOTE, [c]), (REWRITTEN, [b, c, d])):
        cluster.serve(place, [pod.address for pod in servers])
    cluster.program()
    ways[SAME, name], ways[ACROSS, name] = Way(a, b), Way(a, c)
    ways[SERVICE_SAME, name], ways[SERVICE_ACROSS, name] = Way(a, b, service(LOCAL)), Way(a, c, service(REMOTE))
    return [a, b, c, d]


def _add_routed_ways(ways: Ways, name: str, cluster: RoutedCluster) -> None:
    a, c = cluster.add_pod(1, "a"), cluster.add_pod(2, "c")
    ways[ACROSS, name] = Way(a, c)


def _add_bridge_ways(report: Report, ways: Ways, namespaces: Namespaces, execute: Path) -> None:
    folder = plugins()
    if folder is None:
        report.lacks("bridge and host-local: run `make kubernetes`")
        return
    ways[SAME, BRIDGE] = Way(*single_bridge(namespaces, "b", execute, folder, iptables=False))
    if found("iptables"):
        ways[SAME, IPTABLES] = Way(*single_bridge(namespaces, "i", execute, folder, iptables=True))
    else:
        report.lacks("bridge with ipMasq: iptables is not installed")
    if kube_proxy.missing():
        report.lacks(kube_proxy.missing())
        return
    cluster = BridgeCluster(namespaces, "k", execute, folder)
    a, b, c = cluster.add_pod(1, "a"), cluster.add_pod(1, "b"), cluster.add_pod(2, "c")
    cluster.serve({LOCAL: [b.address], REMOTE: [c.address]})
    ways[ACROSS, KUBE_PROXY] = Way(a, c)
    ways[SERVICE_SAME, KUBE_PROXY], ways[SERVICE_ACROSS, KUBE_PROXY] = Way(a, b, service(LOCAL)), Way(a, c, service(REMOTE))


def _rounds(size: Size, traffic: Path, ways: Ways) -> Rates:
    """All ways in turn, forwards and backwards, on one processor."""
    rates: Rates = defaultdict(list)
    processor = max(os.sched_getaffinity(0))
    for number in range(size.rounds):
        for (where, whose), way in sorted(ways.items(), reverse=bool(number % 2)):
            for kind in KINDS:
                if way.to is None or kind != "packets":  # the Services are for TCP
                    done = _output(way.command(traffic, kind, processor, str(size.seconds)))
                    operations, _, processor_time, *failures = done
                    assert not failures, f"{kind}, {where}, {whose}: {failures}"
                    rates[where, whose, kind].append(float(operations) / float(processor_time) / UNITS[kind])
    return rates


def _output(command: list[str]) -> list[str]:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


def _tell_rates(report: Report, size: Size, rates: Rates) -> None:
    for where in (SAME, ACROSS, SERVICE_SAME, SERVICE_ACROSS):
        names = [
            name
            for name in (OURS, OURS_LARGE, BRIDGE, IPTABLES, ROUTED, ROUTED_AS_OURS, KUBE_PROXY)
            if (where, name, "stream") in rates
        ]
        rows = [(name, *(_cell(rates.get((where, name, kind))) for kind in KINDS)) for name in names]
        title = f"{where}: for a second of processor time of client, server and the way between them"
        note = f"medians of {size.rounds} rounds, (quarter-three quarters); many Services: {size.many:,}, else {size.few}"
        report.tables.append(Table(title, ("", *KINDS.values()), rows, note))

    def compare(where: str, other: str, bound: float, *, to: str = "", ours: str = OURS) -> None:
        for kind in KINDS:
            mine, theirs = rates.get((where, ours, kind)), rates.get((to or where, other, kind))
            if mine and theirs:
                ratio = median(mine) / median(theirs)
                report.aims.append(Aim(f"{kind}, {where}, {ours} against {other} ({to or where})", ratio, bound, at_least=True))

    compare(SAME, IPTABLES, 0.95)
    compare(ACROSS, ROUTED, 0.9)
    for where in (ACROSS, SERVICE_SAME, SERVICE_ACROSS):
        compare(where, KUBE_PROXY, 1.0)
    for where, direct in ((SERVICE_SAME, SAME), (SERVICE_ACROSS, ACROSS)):
        for ours in (OURS, OURS_LARGE):
            ratio = median(rates[direct, ours, "connections"]) / median(rates[where, ours, "connections"])
            report.aims.append(Aim(f"a new connection to a {where}, {ours}, against one to the pod", ratio, 1.1))
        ratio = median(rates[where, OURS, "connections"]) / median(rates[where, OURS_LARGE, "connections"])
        report.aims.append(Aim(f"a new connection to a {where}: {size.many:,} Services against {size.few}", ratio, 1.1))


def _cell(values: list[float] | None) -> str:
    if not values:
        return "-"
    return f"{plain(median(values))} ({plain(percentile(values, 25))}-{plain(percentile(values, 75))})"


def _rewrite_endpoints(report: Report, size: Size, traffic: Path, cluster: OurCluster, pods: list[Pod]) -> None:
    """Change a Service's endpoints as fast as one processor can while connections to it are made."""
    client, *servers = pods
    changes = _cycle(cluster, [pod.address for pod in servers])
    command = Way(client, servers[0], service(REWRITTEN)).command(traffic, "connections", -1, f"{size.rewritten}n")
    command += [pod.namespace.path for pod in servers[1:]]
    programmer, rewrites, late = cluster.programmer(1), 0, 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as running:
        began = time.monotonic()
        while running.poll() is None:
            refused = programmer.take(Commit(changes[rewrites % len(changes)], Position("s", 1))).refused
            assert not refused, refused
            rewrites += 1
            now = time.monotonic()
            if programmer.has_late_work and not late:
                late = now + GRACE
            if late and now > late:
                late = 0.0
                programmer.finish()
        took = time.monotonic() - began
        assert running.stdout is not None
        done, _, _, *failures = running.stdout.read().split()
    failed = size.rewritten - int(done)
    why = ", ".join(f"{os.strerror(int(one.partition(':')[0]))}: {one.partition(':')[2]}" for one in failures)
    report.tables.append(
        Table(
            "A Service's endpoints rewritten at full speed under new connections",
            ("connections", "rewrites", "connections/s", "failed"),
            [(f"{size.rewritten:,}", f"{rewrites:,}", f"{size.rewritten / took:,.0f}", str(failed))],
            why,
        )
    )
    report.aims.append(Aim(f"failed of {size.rewritten:,} connections while endpoints are rewritten", failed, 0, unit=""))


def _cycle(cluster: OurCluster, addresses: list[str]) -> list[tuple[Change, ...]]:
    """What a node's agent is told of changes of the endpoints that end where they began: one leaves, moves, comes back."""
    first, second, third = addresses
    sets = [[first, second], [first], [first, third], [second, third], [third], addresses]
    number, before, changes = FIRST_OWN_SERVICE + REWRITTEN, addresses, []
    cluster.news(1)
    for after in sets:
        cluster.topology.push(endpoints_translations(number, after))
        changes.append(cluster.news(1))
        cluster.topology.retire(endpoints_translations(number, before))
        changes.append(cluster.news(1))
        before = after
    return changes


@needs_root
def test_traffic(tmp_path: Path) -> None:
    measure(Size(), tmp_path).keep()
