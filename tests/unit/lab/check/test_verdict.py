from __future__ import annotations

import pytest

from midonet_kubernetes.lab.check.plan import Row, Trial
from midonet_kubernetes.lab.check.verdict import judge


def trial(*names, kind="tcp", addresses=(), **more):
    return Trial("default/a", {"kind": kind, "address": "10.0.0.1", "port": 80, **more}, frozenset(names), frozenset(addresses))


def result(answers=None, errors=None, slowest=0.001):
    return {"answers": answers or {}, "errors": errors or {}, "slowest": slowest}


def outcome(a_trial, a_result):
    return judge(Row("row", "the agent", (a_trial,)), [a_result])


def test_the_right_name_from_the_right_address_passes():
    verdict = outcome(trial("web-1", addresses=["10.0.0.9"]), result({"web-1 10.0.0.9": 3}))
    assert (verdict.passed, verdict.tried, verdict.failures) == (True, 3, ())


@pytest.mark.parametrize(
    ("a_trial", "a_result", "says"),
    [
        (trial("web-1"), result({"web-2 10.0.0.9": 1}), "answered by web-2"),
        (trial("web-1", addresses=["10.0.0.9"]), result({"web-1 10.0.0.1": 1}), "saw 10.0.0.1 as the client, not 10.0.0.9"),
        (trial("web-1"), result({"web-1 10.0.0.9": 2}, {"no answer": 1}), "no answer (1 of 3)"),
        (trial("web-1", "web-2", until="web-2"), result({"web-1 10.0.0.9": 80}), "web-2 never answered in 80 connections"),
        (trial(), result({"web-1 10.0.0.9": 1}), "answered by web-1"),
        (trial(), result(errors={"no answer": 1}), "no answer, not refused"),
        (trial(), result(errors={"Connection refused": 1}, slowest=1.2), "refused only after 1.2 s"),
    ],
)
def test_what_is_wrong_is_said(a_trial, a_result, says):
    verdict = outcome(a_trial, a_result)
    assert verdict.passed is False
    assert says in verdict.failures[0]
    assert verdict.where == "the agent"


def test_a_refusal_at_once_passes():
    assert outcome(trial(), result(errors={"Connection refused": 2})).passed


def test_a_row_without_trials_is_neither_passed_nor_failed():
    assert judge(Row("row", "the agent"), []).passed is None


def spread(counts):
    names = frozenset(counts)
    a_trial = Trial("default/a", {"kind": "tcp", "address": "10.0.0.1", "port": 80}, names, every=True)
    return outcome(a_trial, result({f"{name} 10.0.0.9": count for name, count in counts.items() if count}))


def test_an_even_spread_passes_and_names_who_answered():
    verdict = spread({"web-1": 210, "web-2": 190, "web-3": 200})
    assert verdict.passed
    assert "web-1 210, web-2 190, web-3 200; p = 0.6" in verdict.detail


@pytest.mark.parametrize("counts", [{"web-1": 400, "web-2": 200}, {"web-1": 600, "web-2": 0}])
def test_an_uneven_spread_fails(counts):
    assert spread(counts).passed is False
