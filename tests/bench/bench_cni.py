"""ADD and DEL of a pod, from the plugin's start to its end: ours with its daemon against bridge with host-local."""

from __future__ import annotations

import contextlib
import os
import socket
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measuring.networks import Namespaces, needs_root, output_of
from measuring.nodes import BridgeNode, Node, OurNode, call
from measuring.references import plugins
from measuring.report import Aim, Report, Table, median, percentile, plain
from measuring.sources import compiled, found

from midonet_kubernetes.linux.kernel import Namespace
from midonet_kubernetes.testing.background import ours

OURS, BRIDGE, MASQUERADE = "midonet-kube-cni", "bridge", "bridge, ipMasq"
IN_A_ROW, AT_ONCE = "in a row", "at once"


@dataclass(frozen=True)
class Size:
    """How much is measured.

    Args:
        in_a_row: pods that are added one after the other.
        at_once: pods that are added at the same time.
        rounds: of all nodes in turn.
        on_a_node: pods that a full node has.
        turns: of the empty and the full node.
        own: executions of the plugin alone.
    """

    in_a_row: int = 100
    at_once: int = 20
    rounds: int = 4
    on_a_node: int = 250
    turns: int = 60
    own: int = 300


SMALL = Size(in_a_row=4, at_once=3, rounds=1, on_a_node=6, turns=3, own=3)


def measure(size: Size, folder: Path) -> Report:
    """Measure everything.

    Args:
        size: how much.
        folder: for all files.
    """
    report = Report("cni", "CNI plugin and node daemon")
    execute = compiled("execute", folder)
    with Namespaces(folder) as namespaces:
        nodes = _nodes(report, namespaces)
        pods = [namespaces.make(f"pod{number}") for number in range(max(size.in_a_row, size.at_once, size.on_a_node))]
        took = _rounds(size, execute, nodes, pods)
        _tell_calls(report, size, took)
        _full_node(report, size, execute, namespaces, pods)
        _plugin_alone(report, size, execute, folder, pods[0])
    return report


def _nodes(report: Report, namespaces: Namespaces) -> dict[str, Node]:
    nodes: dict[str, Node] = {OURS: OurNode(namespaces, "ours", "10.244.0.0/20")}
    folder = plugins()
    if folder is None:
        report.lacks("bridge and host-local: run `make kubernetes`")
        return nodes
    nodes[BRIDGE] = BridgeNode(namespaces, "bridge", folder, "10.245.0.0/20")
    if found("iptables") is None:
        report.lacks("bridge with ipMasq: iptables is not installed")
    else:
        nodes[MASQUERADE] = BridgeNode(namespaces, "masquerade", folder, "10.246.0.0/20", masquerade=True)
    return nodes


Took = defaultdict[tuple[str, str, str], list[list[float]]]


def _rounds(size: Size, execute: Path, nodes: dict[str, Node], pods: list[Namespace]) -> Took:
    """Seconds of each call, by what was done, by command and by node; a list for each round. Nodes take turns."""
    took: Took = defaultdict(list)
    for number in range(size.rounds):
        for name in sorted(nodes, reverse=bool(number % 2)):
            for kind, count, at_once in ((IN_A_ROW, size.in_a_row, 1), (AT_ONCE, size.at_once, size.at_once)):
                for command in ("ADD", "DEL"):
                    calls = call(execute, nodes[name], command, pods[:count], at_once)
                    took[kind, command, name].append([one.seconds for one in calls])
    return took


def _tell_calls(report: Report, size: Size, took: Took) -> None:
    for kind, count in ((IN_A_ROW, size.in_a_row), (AT_ONCE, size.at_once)):
        rows = []
        for command in ("ADD", "DEL"):
            for name in (OURS, BRIDGE, MASQUERADE):
                rounds = took.get((kind, command, name))
                if rounds:
                    rows.append((command, name, *_row(rounds)))
        report.tables.append(
            Table(
                f"{count} pods {kind}: milliseconds from the plugin's start to its end",
                ("", "plugin", "p50", "p99", "medians of rounds"),
                rows,
            )
        )
        _aims(report, kind, count, took)


def _row(rounds: list[list[float]]) -> tuple[str, ...]:
    every = [seconds * 1e3 for one in rounds for seconds in one]
    medians = sorted(median(one) * 1e3 for one in rounds)
    return plain(percentile(every, 50)), plain(percentile(every, 99)), f"{plain(medians[0])}-{plain(medians[-1])}"


def _aims(report: Report, kind: str, count: int, took: Took) -> None:
    bounds = {"ADD": 0.5 if kind == IN_A_ROW else 0.35, "DEL": 1.0}
    for command, bound in bounds.items():
        for name in (BRIDGE, MASQUERADE):
            if (kind, command, name) in took:
                for percent in (50, 99):
                    ratio = _figure(took[kind, command, OURS], percent) / _figure(took[kind, command, name], percent)
                    report.aims.append(Aim(f"{command}, {count} {kind}, p{percent}, against {name}", ratio, bound))


def _figure(rounds: list[list[float]], percent: float) -> float:
    return percentile([seconds for one in rounds for seconds in one], percent)


def _full_node(report: Report, size: Size, execute: Path, namespaces: Namespaces, pods: list[Namespace]) -> None:
    """One pod more, on a node without pods and on one with all but one, in turn."""
    nodes = {1: OurNode(namespaces, "empty", "10.247.0.0/20"), size.on_a_node: OurNode(namespaces, "full", "10.248.0.0/20")}
    *others, last = pods[: size.on_a_node]
    call(execute, nodes[size.on_a_node], "ADD", others)
    took: dict[int, list[float]] = {number: [] for number in nodes}
    used = dict.fromkeys(nodes, 0.0)
    for _ in range(size.turns):
        for number, node in nodes.items():
            before = node.daemon.cpu_seconds()
            took[number] += [one.seconds * 1e3 for one in call(execute, node, "ADD", [last])]
            used[number] += (node.daemon.cpu_seconds() - before) * 1e3 / size.turns
            call(execute, node, "DEL", [last])
    memory = {number: node.daemon.memory()[0] / 1e6 for number, node in nodes.items()}
    call(execute, nodes[size.on_a_node], "DEL", others)
    first, full = nodes
    report.tables.append(
        Table(
            "One pod more on a node",
            ("", "first pod", f"pod {full}"),
            [
                (f"ADD, milliseconds (median of {size.turns} in turn)", *(plain(median(took[number])) for number in nodes)),
                ("of that the daemon's processor time", *(plain(used[number]) for number in nodes)),
                ("daemon's memory, MB", *(plain(memory[number]) for number in nodes)),
            ],
        )
    )
    report.aims.append(Aim(f"ADD of pod {full} of a node against its first", median(took[full]) / median(took[first]), 1.2))
    report.aims.append(Aim(f"daemon's memory with {full} pods", memory[full], 60, unit="MB"))


def _plugin_alone(report: Report, size: Size, execute: Path, folder: Path, pod: Namespace) -> None:
    """The plugin's own time: what it takes more than a static program that does nothing, when answers are there at once."""
    configuration = folder / "alone"
    configuration.write_text(f'{{"cniVersion":"1.1.0","name":"n","type":"t","socket":"{folder}/alone.api"}}', encoding="ascii")
    plugin, nothing = ours("midonet-kube-cni"), str(compiled("nothing", folder, "-static"))
    runs = {
        "a static program that does nothing": (nothing, "VERSION"),
        "VERSION": (plugin, "VERSION"),
        "ADD, a daemon that answers at once": (plugin, "ADD"),
    }
    jobs = [
        f"{program}\t{configuration}\t{folder}/alone.out\tCNI_COMMAND={command}\tCNI_CONTAINERID=c\tCNI_NETNS={pod.path}"
        "\tCNI_IFNAME=eth0\tCNI_PATH=/"
        for program, command in runs.values()
    ]
    with _answering(folder / "alone.api"):
        lines = output_of(pod, [execute], "\n".join(jobs * size.own) + "\n").splitlines()
    took = {what: [float(line.split()[0]) / 1e3 for line in lines[place :: len(runs)]] for place, what in enumerate(runs)}
    rows = [(what, plain(median(times)), plain(percentile(times, 99))) for what, times in took.items()]
    base, *_, own = map(median, took.values())
    bytes_on_disk = plugin.stat().st_size
    report.tables.append(Table(f"The plugin alone ({bytes_on_disk / 1e3:.0f} kB), milliseconds", ("", "p50", "p99"), rows))
    report.aims.append(Aim("the plugin's own time, more than that of a program that does nothing", own - base, 1.5, unit="ms"))
    report.aims.append(Aim("the plugin's size", bytes_on_disk / 1e6, 1.0, unit="MB"))


@contextmanager
def _answering(path: Path) -> Iterator[None]:
    """A daemon that says the same to everybody."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(16)
    thread = threading.Thread(target=_answer, args=(listener,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
        listener.close()


def _answer(listener: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while True:
            with listener.accept()[0] as connection:
                _, descriptors, _, _ = socket.recv_fds(connection, 1 << 16, 4)
                for descriptor in descriptors:
                    os.close(descriptor)
                connection.sendall(b"1 0 3\n{}\n")


@needs_root
def test_cni(tmp_path: Path) -> None:
    measure(Size(), tmp_path).keep()
