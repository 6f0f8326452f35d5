import pytest

from midonet_kubernetes.model.kubernetes import Metadata
from midonet_kubernetes.model.translation import Translation
from midonet_kubernetes.translate.outcome import Outcome, Problem, together

A, B = (Translation(metadata=Metadata(name=name)) for name in "ab")
BAD, WORSE = Problem("Bad", "x"), Problem("Worse", "y")


@pytest.mark.parametrize("keep", [(False, False), (True, False), (False, True)])
def test_outcomes_of_one_owner_are_one_and_kept_if_one_is_to_be_kept(keep):
    first, second = Outcome((A,), (BAD,), keep=keep[0]), Outcome((B,), (WORSE,), keep=keep[1])
    assert together(first, second) == Outcome((A, B), (BAD, WORSE), keep=any(keep))
