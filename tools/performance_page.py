"""Writes docs/performance.md from what the last benchmarks have left in bench-results.

usage: python tools/performance_page.py
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "bench-results", ROOT / "docs" / "performance.md"
ORDER = ("control-plane", "control-plane-scale", "agent", "traffic", "cni", "midonet_api")  # then whatever else there is

_INTRO = """\
# Performance

Made by `tools/performance_page.py` from the output of `make bench`; do not edit it. Every figure stands beside a reference
that was measured in the same run, in turn with ours where that is possible: kube-proxy in nftables mode, the `bridge` and
`host-local` plugins, plain routing, a bare aiohttp server. Aims come from the project's plan. Read ratios rather than absolute
figures: the machine did other work meanwhile (its load is given), and the benchmarks and their references alike had priority.
"""


def page(reports: list[dict[str, Any]]) -> str:
    """The whole page."""
    lines = [_INTRO, *_machines(reports), *_missed(reports)]
    for report in reports:
        lines += ["", f"## {report['title']}", "", _circumstances(report)]
        lines += [f"Not measured: {what}." for what in report["lacking"]]
        for table in report["tables"]:
            lines += ["", f"**{table['title']}**", "", *_table(table["columns"], table["rows"])]
            if table["note"]:
                lines += ["", table["note"]]
        lines += ["", "**Aims**", "", *_table(("", "aim"), [_aim(aim) for aim in report["aims"]])]
    return "\n".join(lines) + "\n"


def _machines(reports: list[dict[str, Any]]) -> list[str]:
    machines = {
        json.dumps({key: report["machine"][key] for key in ("processor", "memory", "kernel", "python")}) for report in reports
    }
    return [
        f"Machine: {machine['processor']}, {machine['memory']}, {machine['kernel']}, Python {machine['python']}."
        for machine in map(json.loads, sorted(machines))
    ]


def _circumstances(report: dict[str, Any]) -> str:
    load = f"{report['load_before']:.1f} to {report['load_after']:.1f}"
    return f"Measured on {report['machine']['day']}, in {report['seconds'] / 60:.0f} minutes, at a load of {load}."


def _missed(reports: list[dict[str, Any]]) -> list[str]:
    missed = [(report["title"], *_aim(aim)) for report in reports for aim in report["aims"] if not aim["is_met"]]
    if not missed:
        return ["", "All aims are met."]
    met = sum(aim["is_met"] for report in reports for aim in report["aims"])
    return ["", "## Where we lose", "", f"{met} aims are met, {len(missed)} are not:", "", *_table(("", "figure", ""), missed)]


def _aim(aim: dict[str, Any]) -> tuple[str, str]:
    return aim["what"], ("" if aim["is_met"] else "**missed:** ") + aim["line"].rpartition(f"{aim['what']}: ")[2]


def _table(columns: Any, rows: Any) -> list[str]:
    aligned = "|".join(["---", *["---:"] * (len(columns) - 1)])
    return [_row(columns), f"|{aligned}|", *map(_row, rows)]


def _row(cells: Any) -> str:
    return f"| {' | '.join(str(cell).replace('|', '/') for cell in cells)} |"


def main() -> int:
    """Write the page."""
    found = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in RESULTS.glob("*.json")}
    if not found:
        sys.stderr.write(f"performance_page: nothing in {RESULTS}: run `make bench` first\n")
        return 1
    known = [name for name in ORDER if name in found]
    PAGE.write_text(page([found[name] for name in (*known, *sorted(found.keys() - set(ORDER)))]), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
