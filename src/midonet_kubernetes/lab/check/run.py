"""Runs the check: every source's probes in one process of its own, all sources at once; rows that fail are tried again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from midonet_kubernetes.lab.check.plan import Row
from midonet_kubernetes.lab.check.verdict import Verdict, judge

Prober = Callable[[str, list[dict[str, Any]]], Awaitable[list[dict[str, Any]]]]
"""Runs probes from a source (a node's name or a pod's ``namespace/name``) and gives their results in order."""

SOURCES_AT_ONCE = 8  # each is a process; more would only wait for each other


async def check(rows: Sequence[Row], prober: Prober, *, patience: float, pause: float = 0.5) -> list[Verdict]:
    """The verdict on every row.

    Args:
        rows: what to try.
        prober: how to try it.
        patience: seconds in which a row that fails is tried again (endpoints may still be on their way into the kernel).
        pause: seconds between two tries.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + patience
    verdicts: dict[str, Verdict] = {}
    open_rows = list(rows)
    while True:
        for verdict in await _once(open_rows, prober):
            verdicts[verdict.title] = verdict
        open_rows = [row for row in open_rows if verdicts[row.title].passed is False]
        if not open_rows or loop.time() + pause > deadline:
            return [verdicts[row.title] for row in rows]
        await asyncio.sleep(pause)


async def _once(rows: Sequence[Row], prober: Prober) -> list[Verdict]:
    """Each row once."""
    by_source: dict[str, list[tuple[int, int]]] = {}
    for r, row in enumerate(rows):
        for t, trial in enumerate(row.trials):
            by_source.setdefault(trial.source, []).append((r, t))
    results: dict[tuple[int, int], dict[str, Any]] = {}
    slots = asyncio.Semaphore(SOURCES_AT_ONCE)

    async def from_source(source: str, places: list[tuple[int, int]]) -> None:
        async with slots:
            answers = await prober(source, [rows[r].trials[t].probe for r, t in places])
        results.update(zip(places, answers, strict=True))

    async with asyncio.TaskGroup() as group:
        for source, places in by_source.items():
            group.create_task(from_source(source, places))
    return [judge(row, [results[r, t] for t in range(len(row.trials))]) for r, row in enumerate(rows)]
