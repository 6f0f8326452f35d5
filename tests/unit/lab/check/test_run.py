from __future__ import annotations

import asyncio

import pytest

from midonet_kubernetes.lab.check.plan import Row, Trial
from midonet_kubernetes.lab.check.run import check

pytestmark = pytest.mark.looptime


def a_row(title, *sources):
    probe = {"kind": "tcp", "address": "10.0.0.1", "port": 80}
    return Row(title, "somewhere", tuple(Trial(source, probe, frozenset({"web"})) for source in sources))


def answering_from(second):
    """Before that second nothing answers, from then on everything does."""

    async def prober(_source, probes):
        good = asyncio.get_running_loop().time() >= second
        return [
            {"answers": {"web x": 1} if good else {}, "errors": {} if good else {"no answer": 1}, "slowest": 0.0} for _ in probes
        ]

    return prober


async def test_a_row_that_fails_is_tried_again_until_it_passes(looptime):
    (verdict,) = await check([a_row("one", "a", "b")], answering_from(3.0), patience=10.0)
    assert verdict.passed
    assert looptime == 3.0


async def test_patience_ends(looptime):
    (verdict,) = await check([a_row("one", "a")], answering_from(99.0), patience=10.0)
    assert verdict.passed is False
    assert looptime <= 10.0


async def test_only_failed_rows_are_tried_again():
    asked = []

    async def prober(source, probes):
        asked.append(source)
        answer = {} if source == "bad" else {"web x": 1}
        return [{"answers": answer, "errors": {} if answer else {"no answer": 1}, "slowest": 0.0} for _ in probes]

    good, bad = await check([a_row("one", "good"), a_row("two", "bad")], prober, patience=2.0)
    assert (good.passed, bad.passed) == (True, False)
    assert asked.count("good") == 1
    assert asked.count("bad") > 1
