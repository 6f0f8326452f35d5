"""Judges what the probes brought back. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from midonet_kubernetes.lab.check.plan import AT_ONCE, Row, Trial
from midonet_kubernetes.lab.check.statistics import chi_square_p

REFUSALS = {"Connection refused"}
LEAST_P = 1e-4  # an even spread is called uneven once in ten thousand checks
MOST_FAILURES = 5  # told of one row


@dataclass(frozen=True)
class Verdict:
    """A row's outcome.

    Args:
        title: the row's.
        passed: None when there was nothing to try.
        tried: number of connections, datagrams and pings.
        detail: one line: what was seen.
        failures: what went wrong, a sentence each.
        where: where to look.
    """

    title: str
    passed: bool | None
    tried: int = 0
    detail: str = ""
    failures: tuple[str, ...] = field(default=())
    where: str = ""

    def as_dict(self) -> dict[str, Any]:
        """For ``-o json``."""
        return {
            "row": self.title,
            "passed": self.passed,
            "tried": self.tried,
            "detail": self.detail,
            "failures": list(self.failures),
            "where": self.where,
        }


def judge(row: Row, results: Sequence[Mapping[str, Any]]) -> Verdict:
    """The verdict over ``results``, one for each trial of the row and in its order."""
    if not row.trials:
        return Verdict(row.title, None, detail="nothing here to try it on")
    failures = [text for trial, result in zip(row.trials, results, strict=True) for text in _faults(trial, result)]
    tried = sum(sum(result["answers"].values()) + sum(result["errors"].values()) for result in results)
    detail = f"slowest {max(result['slowest'] for result in results) * 1000:.0f} ms"
    if any(trial.every for trial in row.trials):
        spread = _counts(row, results)
        p = chi_square_p(list(spread.values()))
        detail = ", ".join(f"{name} {count}" for name, count in sorted(spread.items())) + f"; p = {p:.3f}"
        if not failures and (p < LEAST_P or min(spread.values()) == 0):
            failures.append(f"uneven: {detail}")
    return Verdict(row.title, not failures, tried, detail, tuple(failures[:MOST_FAILURES]), row.where)


def _faults(trial: Trial, result: Mapping[str, Any]) -> list[str]:
    probe = trial.probe
    target = probe["address"] + (f":{probe['port']}" if probe["port"] else "")
    path = f"{trial.source} → {target} {probe['kind']}"
    if not trial.names:
        faults = [f"{path}: answered by {answer}" for answer in result["answers"]]
        faults += [f"{path}: {error}, not refused" for error in result["errors"] if error not in REFUSALS]
        if not faults and result["slowest"] > AT_ONCE:
            faults.append(f"{path}: refused only after {result['slowest']:.1f} s")
        return faults
    faults = [f"{path}: {error} ({count} of {_total(result)})" for error, count in result["errors"].items()]
    for answer in result["answers"]:
        name, _, source = answer.partition(" ")
        if name not in trial.names:
            faults.append(f"{path}: answered by {answer}")
        elif trial.addresses and source not in trial.addresses:
            faults.append(f"{path}: {name} saw {source} as the client, not {' or '.join(sorted(trial.addresses))}")
    wanted = probe.get("until")
    if wanted and not faults and not any(answer.split(" ")[0] == wanted for answer in result["answers"]):
        faults.append(f"{path}: {wanted} never answered in {_total(result)} connections")
    return faults


def _total(result: Mapping[str, Any]) -> int:
    return int(sum(result["answers"].values()) + sum(result["errors"].values()))


def _counts(row: Row, results: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """How often each expected name answered, zeros included."""
    counts: Counter[str] = Counter(dict.fromkeys(set().union(*(trial.names for trial in row.trials)), 0))
    for result in results:
        for answer, count in result["answers"].items():
            counts[answer.split(" ")[0]] += count
    return counts
