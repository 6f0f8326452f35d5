import asyncio

import pytest

from midonet_kubernetes.testing.mortal import Life, running
from midonet_kubernetes.testing.objects import NODES, PODS, SERVICES, node, pod, service
from midonet_kubernetes.testing.twins import Twins, differences

pytestmark = pytest.mark.looptime


async def first_objects(twins):
    await twins.add_host("n1")
    await twins.apply(NODES, node("n1", 1))
    await twins.apply(PODS, pod("a", "n1", "10.1.1.5"))
    await twins.apply(SERVICES, service("web", 80, 443, clusterIP="10.96.0.80"))


async def then_change(twins):
    """What is changed is created, replaced, made anew, and retired."""
    await twins.apply(PODS, pod("a", "n1", "10.1.1.5", mac="0a:00:00:00:00:02"))
    await twins.apply(PODS, pod("b", "n1", "10.1.1.6", mac="0a:00:00:00:00:03"))
    await twins.apply(SERVICES, service("web", 80, 8080, clusterIP="10.96.0.80"))
    await twins.apply(SERVICES, service("other", 53, clusterIP="10.96.0.53"))


async def then_remove(twins):
    await twins.remove(f"{PODS}/a")
    await twins.remove(f"{SERVICES}/web")


STORY = (first_objects, then_change, then_remove)


async def end_of(chapters, steps=None, *, statuses=True):
    """MidoNet and the Translations at the end of a story in which the process dies once and another goes on."""
    twins, life = Twins(), Life(steps, statuses=statuses)
    for chapter in chapters[:-1]:
        await chapter(twins)
        async with running(twins, Life(statuses=statuses)) as program:
            await twins.settle(program, statuses=statuses)
    await chapters[-1](twins)
    async with running(twins, life) as program:
        settled = asyncio.ensure_future(twins.settle(program, statuses=statuses))
        dead = asyncio.ensure_future(life.over.wait())
        await asyncio.wait({settled, dead}, return_when=asyncio.FIRST_COMPLETED)
        for task in (settled, dead):
            task.cancel()
    async with running(twins) as program:
        await twins.settle(program)
    last = Life()
    async with running(twins, last) as program:
        await twins.settle(program)
    assert last.writes == []
    return twins.topology(), wishes(await twins.translations()), life


def wishes(translations):
    return {key: (one.resources, one.status.pushed, one.metadata.finalizers) for key, one in translations.items()}


@pytest.mark.slow
@pytest.mark.parametrize("statuses", [True, False], ids=["with statuses", "no status was ever written"])
@pytest.mark.parametrize("chapters", [STORY[:1], STORY[:2], STORY], ids=["start", "change", "removal"])
async def test_whenever_the_process_dies_the_next_one_ends_where_an_undisturbed_one_does(chapters, statuses):
    topology, translations, life = await end_of(chapters, statuses=statuses)
    assert life.writes
    for steps in range(2 * len(life.writes)):
        got_topology, got_translations, got_life = await end_of(chapters, steps, statuses=statuses)
        assert got_life.over.is_set()
        assert (steps, differences(topology, got_topology)) == (steps, [])
        assert got_translations == translations, steps


async def test_a_restart_with_nothing_changed_writes_nothing():
    twins = Twins()
    await first_objects(twins)
    async with running(twins) as program:
        await twins.settle(program)
    life = Life()
    async with running(twins, life) as program:
        await twins.settle(program)
    assert life.writes == []
