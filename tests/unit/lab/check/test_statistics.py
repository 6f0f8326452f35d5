from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from midonet_kubernetes.lab.check.statistics import chi_square_p


@pytest.mark.parametrize(
    ("counts", "p"),
    [  # p-values of Pearson's test as statistical tables give them
        ([50, 50], 1.0),
        ([60, 40], 0.0455),
        ([40, 60, 50], 0.1353),
        ([30, 14, 34, 45, 57, 20], 4.2e-07),
        ([10, 10, 10, 10, 10, 10, 10, 10, 10, 28], 0.0033),
    ],
)
def test_p_is_what_the_tables_say(counts, p):
    assert chi_square_p(counts) == pytest.approx(p, rel=0.05, abs=5e-8)


@pytest.mark.parametrize("counts", [[], [7], [0, 0, 0]])
def test_nothing_to_compare_is_even(counts):
    assert chi_square_p(counts) == 1.0


@given(st.lists(st.integers(0, 300), min_size=2, max_size=40))
def test_p_is_a_probability_whatever_the_counts(counts):
    assert 0.0 <= chi_square_p(counts) <= 1.0


def test_an_endpoint_that_never_answers_is_noticed():
    assert chi_square_p([300, 300, 0]) < 1e-20
