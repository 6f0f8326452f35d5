"""Rules of the house that no linter knows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCES = sorted((ROOT / "src").rglob("*.py"))
TESTS = [test for test in sorted((ROOT / "tests").rglob("*.py")) if test != Path(__file__) and "bench" not in test.parts]
LONGEST = 400  # lines of a module: past it, it has two subjects
FORBIDDEN_NAMES = {"utils", "common", "base", "manager", "helpers", "helper", "misc"}


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: str(source.relative_to(ROOT)))
def test_a_module_has_one_subject(source):
    assert len(source.read_text().splitlines()) <= LONGEST
    assert source.stem not in FORBIDDEN_NAMES
    assert source.parent.name not in FORBIDDEN_NAMES


@pytest.mark.parametrize("test", TESTS, ids=lambda test: str(test.relative_to(ROOT)))
def test_tests_neither_sleep_nor_mock(test):
    text = test.read_text()
    assert not re.search(r"\bsleep\(", text), "wait for what is to happen, or let virtual time elapse"
    assert not re.search(r"unittest.mock|MagicMock|\bmocker\b", text), "use a twin"
