import asyncio

import pytest

from midonet_kubernetes.controllers.pusher.survey import Survey
from midonet_kubernetes.controllers.pusher.wanted import read
from midonet_kubernetes.errors import ApiError, Unreachable
from midonet_kubernetes.exchange import Response
from midonet_kubernetes.midonet_api import Client
from midonet_kubernetes.model.translation import Resource
from midonet_kubernetes.testing.twins import Twins

A, B, C = (f"{digit}" * 8 + "-0000-4000-8000-000000000000" for digit in "abc")
CHAIN = read(Resource("Chain", "", f'{{"id":"{A}","name":"n"}}'))
RULE = read(Resource("Rule", A, f'{{"id":"{B}","type":"accept"}}'))
ORPHAN = read(Resource("Rule", C, f'{{"id":"{B}","type":"accept"}}'))


class Counting:
    def __init__(self, inner):
        self.inner, self.asked = inner, []

    async def send(self, request):
        self.asked.append(request.path)
        return await self.inner.send(request)


async def no_pause():
    return


@pytest.fixture
async def midonet():
    twins = Twins()
    for wanted in (CHAIN, RULE):
        assert (await twins.midonet.create(wanted.kind, wanted.parent, wanted.body, wanted.text)).ok
    return Counting(twins.midonet_transport())


async def test_what_is_as_wanted_has_its_digest(midonet):
    survey = Survey(Client(midonet), no_pause)
    assert await survey.look(CHAIN) == CHAIN.pushed()
    assert await survey.look(RULE) == RULE.pushed()


async def test_what_is_otherwise_has_none(midonet):
    other = read(Resource("Chain", "", f'{{"id":"{A}","name":"other"}}'))
    found = await Survey(Client(midonet), no_pause).look(other)
    assert (found.id, found.digest) == (A, "")


async def test_what_is_under_an_absent_parent_is_absent_without_asking(midonet):
    survey = Survey(Client(midonet), no_pause)
    assert await survey.look(ORPHAN) is None
    assert midonet.asked == ["/midonet-api/chains"]


async def test_each_list_is_read_once_however_many_ask_at_once(midonet):
    survey = Survey(Client(midonet), no_pause)
    await asyncio.gather(*(survey.look(wanted) for wanted in (CHAIN, RULE) * 20))
    assert sorted(midonet.asked) == ["/midonet-api/chains", f"/midonet-api/chains/{A}/rules"]
    await survey.forget()
    await survey.look(CHAIN)
    assert len(midonet.asked) == 3


@pytest.mark.parametrize(
    "failure", [Response(500), Response(200, {}, b"<html>"), Unreachable("away")], ids=["500", "HTML", "away"]
)
async def test_a_list_that_fails_is_read_anew_the_next_time(failure):
    answers = [failure, Response(200, {}, b"[]")]

    class Failing:
        async def send(self, _request):
            answer = answers.pop(0)
            if isinstance(answer, Exception):
                raise answer
            return answer

    survey = Survey(Client(Failing()), no_pause)
    with pytest.raises(ApiError):
        await survey.look(CHAIN)
    assert await survey.look(CHAIN) is None
