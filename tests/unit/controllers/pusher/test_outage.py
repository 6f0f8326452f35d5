import asyncio

import pytest

from midonet_kubernetes.controllers.pusher.outage import Outage
from midonet_kubernetes.errors import MidonetApiError, Unreachable
from midonet_kubernetes.testing.virtual_time import elapse

pytestmark = pytest.mark.looptime


class Midonet:
    def __init__(self):
        self.away, self.asked = True, 0

    async def probe(self):
        self.asked += 1
        if self.away:
            raise Unreachable("away")


async def test_everybody_waits_until_midonet_answers_again():
    midonet = Midonet()
    outage = Outage(midonet.probe)
    outage.begin(Unreachable("cut"))
    outage.begin(Unreachable("cut again"))
    waiting = [asyncio.ensure_future(outage.wait()) for _ in range(32)]
    await elapse(100.0)
    assert outage.why == "away"
    assert not any(task.done() for task in waiting)
    midonet.away = False
    await elapse(15.0)
    assert all(task.done() for task in waiting)
    assert outage.why == ""
    await outage.close()


async def test_an_hour_is_some_hundreds_of_questions():
    midonet = Midonet()
    outage = Outage(midonet.probe)
    outage.begin(Unreachable("cut"))
    await elapse(3600.0)
    assert 200 < midonet.asked < 500
    await outage.close()


async def test_an_error_of_one_object_stops_nobody_while_midonet_answers():
    midonet = Midonet()
    midonet.away = False
    outage = Outage(midonet.probe)
    assert await outage.check(MidonetApiError("500", status=500)) is False
    await outage.wait()


async def test_an_error_of_one_object_that_is_everybodys_makes_all_wait():
    outage = Outage(Midonet().probe)
    assert await outage.check(MidonetApiError("500", status=500)) is True
    assert outage.why == "500"
    await outage.close()
