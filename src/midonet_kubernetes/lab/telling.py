"""What the lab tells the person in front of it: progress, a table, what to do next."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from midonet_kubernetes.lab.state import DEFAULT_NAME, Place

NEXT = """
The lab is running; Ctrl-C ends it. From another terminal (the commands are in .venv/bin):
  midonet-kube lab exec{option} {pod} -- ip route     a command in a pod or on a node
  midonet-kube lab check{option}                      the table again
  midonet-kube lab apply{option} -f FILE              your own manifests; `lab delete` takes them away
  midonet-kube lab status{option}                     programs, nodes, pods
  kubectl --kubeconfig {kubeconfig} get pods,services,tr
"""
MARKS = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[dim]-[/]"}


class Teller:
    """Writes to the terminal; on anything else plain lines.

    Args:
        console: where to.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._began = time.monotonic()

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Show that something is being done, then how long it took."""
        began = time.monotonic()
        with self._console.status(escape(title)):
            yield
        self._console.print(f"{MARKS[True]} {escape(title)} [dim]{time.monotonic() - began:.1f} s[/]")

    def say(self, line: str) -> None:
        """One line."""
        self._console.print(escape(line), highlight=False, soft_wrap=True)

    def show_check(self, verdicts: Sequence[Mapping[str, Any]]) -> None:
        """The check as a table."""
        show_check(self._console, verdicts)

    def say_next(self, place: Place, pod: str) -> None:
        """What to try while the lab runs; ``pod`` is one to try it on."""
        option = "" if place.name == DEFAULT_NAME else f" --name {place.name}"
        self.say(NEXT.format(option=option, pod=pod.removeprefix("default/"), kubeconfig=place.kubeconfig))

    def elapsed(self) -> float:
        """Seconds since the start."""
        return time.monotonic() - self._began


def show_check(console: Console, verdicts: Sequence[Mapping[str, Any]]) -> None:
    """The check as a table, then what failed and where to look."""
    table = Table("", "check", "tried", "seen", box=None, pad_edge=False, header_style="bold")
    for verdict in verdicts:
        tried = str(verdict["tried"]) if verdict["passed"] is not None else ""
        table.add_row(MARKS[verdict["passed"]], escape(verdict["row"]), tried, escape(verdict["detail"]))
    console.print(table, highlight=False)
    for verdict in verdicts:
        if verdict["passed"] is False:
            console.print(
                f"{MARKS[False]} [bold]{escape(verdict['row'])}[/]: look at: {escape(verdict['where'])}", highlight=False
            )
            for failure in verdict["failures"]:
                console.print(f"    {escape(failure)}", highlight=False, soft_wrap=True)
    failed = sum(verdict["passed"] is False for verdict in verdicts)
    passed = sum(verdict["passed"] is True for verdict in verdicts)
    console.print(f"{passed} rows passed, {failed} failed", highlight=False)


def show_status(console: Console, status: Mapping[str, Any]) -> None:
    """Programs, nodes and pods of a lab."""
    programs = Table("program", "PID", "up", "restarts", "last exit", box=None, pad_edge=False, header_style="bold")
    for program in status["programs"]:
        up = f"{program['upSeconds']:.0f} s" if program["pid"] else "down"
        programs.add_row(program["name"], str(program["pid"] or ""), up, str(program["restarts"]), program["lastExit"])
    pods = Table("pod", "node", "address", "ready", box=None, pad_edge=False, header_style="bold")
    for pod in status["pods"]:
        pods.add_row(pod["name"], pod["node"], pod["address"], MARKS[pod["ready"]])
    nodes = Table("node", "address", "pods' network", "ready", box=None, pad_edge=False, header_style="bold")
    for node in status["nodes"]:
        nodes.add_row(node["name"], node["address"], node["podCIDR"], MARKS[node["ready"]])
    for table in (programs, nodes, pods):
        console.print(table, highlight=False)
        console.print()
    console.print(f"Translations: {status['translations']}, files: {escape(status['folder'])}", highlight=False)
