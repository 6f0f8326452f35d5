"""Figures as tables, against what was aimed at; printed, and kept for ``tools/performance_page.py``."""

from __future__ import annotations

import json
import math
import os
import platform
import statistics
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

RESULTS = Path(__file__).parents[3] / "bench-results"


@dataclass(frozen=True)
class Table:
    """Rows of text; the first column names the row."""

    title: str
    columns: tuple[str, ...]
    rows: Sequence[tuple[str, ...]]
    note: str = ""

    def lines(self) -> list[str]:
        """As text with columns of even width."""
        cells = [self.columns, *self.rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(self.columns))]
        shown = [
            "  ".join(
                cell.rjust(width) if column else cell.ljust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            )
            for row in cells
        ]
        return [self.title, *(f"  {line.rstrip()}" for line in shown), *([f"  {self.note}"] if self.note else [])]


@dataclass(frozen=True)
class Aim:
    """A figure and its bound.

    Args:
        what: the figure, in words that stand alone.
        figure: as measured.
        bound: what it should be.
        at_least: the bound is a lower one.
        unit: of both; "x" for ratios.
    """

    what: str
    figure: float
    bound: float
    at_least: bool = False
    unit: str = "x"

    @property
    def is_met(self) -> bool:
        """Whether the figure is on the right side of the bound."""
        return self.figure >= self.bound if self.at_least else self.figure <= self.bound

    def line(self) -> str:
        """In one line."""
        sign = "at least" if self.at_least else "at most"
        verdict = "met" if self.is_met else "MISSED"
        return f"{verdict:6}  {self.what}: {plain(self.figure)} {self.unit} (aim: {sign} {plain(self.bound)})"


@dataclass
class Report:
    """What one benchmark has found.

    Args:
        name: of the benchmark.
        title: for people.
    """

    name: str
    title: str
    tables: list[Table] = field(default_factory=list)
    aims: list[Aim] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)
    load_before: float = field(default_factory=lambda: os.getloadavg()[0])
    began: float = field(default_factory=time.time)

    def lacks(self, what: str) -> None:
        """A reference cannot be measured here; said in one line."""
        self.lacking.append(what)
        say(f"skipped: {what}")

    def show(self) -> None:
        """Print everything."""
        say(f"\n{self.title}  (load of the machine: {self.load_before:.1f} before, {os.getloadavg()[0]:.1f} after)")
        say(", ".join(machine().values()))
        for table in self.tables:
            say("\n" + "\n".join(table.lines()))
        if self.aims:
            say("")
        for aim in self.aims:
            say(aim.line())

    def keep(self) -> None:
        """Print everything, and keep it for the page."""
        self.show()
        RESULTS.mkdir(exist_ok=True)
        document = {
            **asdict(self),
            "aims": [{**asdict(aim), "line": aim.line(), "is_met": aim.is_met} for aim in self.aims],
            "load_after": os.getloadavg()[0],
            "seconds": time.time() - self.began,
            "machine": machine(),
        }
        (RESULTS / f"{self.name}.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def say(line: str) -> None:
    """One line on standard output, at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    processor = "unknown"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            processor = line.partition(":")[2].strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return {
        "processor": f"{len(os.sched_getaffinity(0))} cores of {processor}",
        "memory": f"{memory:.0f} GiB",
        "kernel": f"Linux {platform.release().partition('-')[0]}",
        "python": platform.python_version(),
        "day": time.strftime("%Y-%m-%d"),
    }


def percentile(values: Iterable[float], percent: float) -> float:
    """The smallest value that ``percent`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def median(values: Sequence[float]) -> float:
    """The middle one."""
    return statistics.median(values)


def spread(values: Sequence[float]) -> str:
    """The middle half, as text."""
    return f"{plain(percentile(values, 25))}-{plain(percentile(values, 75))}"


def plain(value: float) -> str:
    """A number with three digits, or all of those before the point."""
    if value == 0 or not math.isfinite(value):
        return str(value) if value else "0"
    digits = max(0, 2 - math.floor(math.log10(abs(value))))
    return f"{value:,.{digits}f}"
