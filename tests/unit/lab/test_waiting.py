import asyncio

import pytest

from midonet_kubernetes.errors import MidonetKubeError
from midonet_kubernetes.lab.programs import Program, Programs, Running
from midonet_kubernetes.lab.waiting import ABSENTEES_TOLD, MOST_RESTARTS, PATIENCE, Waiting, within

pytestmark = pytest.mark.looptime


def after(seconds):
    began = asyncio.get_running_loop().time()

    async def reached():
        return asyncio.get_running_loop().time() >= began + seconds

    return reached


async def never():
    return False


async def scheduler():
    return "Pod x is placed nowhere"


class Start:
    def __init__(self, logs):
        self.said, self.failure = [], ""
        self.programs = Programs(logs, self.said.append)
        self.until = Waiting(self.programs, lambda: self.failure, self.said.append).until


@pytest.fixture
def start(tmp_path):
    return Start(tmp_path)


async def test_what_comes_in_time_is_waited_for():
    assert await within(5, after(4))
    assert not await within(5, after(6))


async def test_what_comes_soon_is_no_reason_to_look_for_absentees(start):
    await start.until(after(ABSENTEES_TOLD - 1), "it comes", scheduler)
    assert start.said == []


async def test_an_absentee_is_told_once_and_may_still_come(start):
    await start.until(after(ABSENTEES_TOLD + 20), "it comes", scheduler)
    assert start.said == ["waiting, but Pod x is placed nowhere"]


@pytest.mark.parametrize(
    ("absentee", "failure", "why"),
    [
        (scheduler, "CNI ADD failed", "Pod x is placed nowhere"),
        (None, "CNI ADD failed", "CNI ADD failed"),
        (None, "", f"not in {PATIENCE:.0f} s"),
    ],
)
async def test_what_does_not_come_has_a_reason(start, absentee, failure, why):
    start.failure = failure
    with pytest.raises(MidonetKubeError, match=f"waited in vain until it comes: {why}"):
        await start.until(never, "it comes", absentee)


async def test_a_program_that_does_not_come_up_is_named_with_the_end_of_its_log(start, tmp_path):
    program = Program("agent", ["agent"], tmp_path)
    start.programs.running["agent"] = Running(program, restarts=MOST_RESTARTS, last_exit="exit code 1")
    start.programs.log("agent").write_text("no such kernel\n")
    with pytest.raises(MidonetKubeError, match=r"agent does not come up \(exit code 1\)[^$]*no such kernel"):
        await start.until(never, "it comes")
