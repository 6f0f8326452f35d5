import asyncio

import looptime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midonet_kubernetes.kubernetes_api.queue import Priority, Queue
from midonet_kubernetes.testing.virtual_time import elapse, turn

pytestmark = pytest.mark.looptime

LOW = Priority.LOW


async def take_all(queue):
    taken = []
    while queue.depth:
        key = await queue.get()
        taken.append(key)
        queue.done(key)
    return taken


async def test_keys_come_in_the_order_they_were_added():
    queue = Queue()
    for key in "cab":
        queue.add(key)
    assert await take_all(queue) == ["c", "a", "b"]


async def test_a_queued_key_is_queued_once():
    queue = Queue()
    for _ in range(10_000):
        queue.add("a")
    assert await take_all(queue) == ["a"]


async def test_a_key_added_while_worked_on_comes_once_more_after():
    queue = Queue()
    queue.add("a")
    assert await queue.get() == "a"
    queue.add("a")
    queue.add("a")
    assert queue.depth == 0
    queue.done("a")
    assert await take_all(queue) == ["a"]


async def test_normal_keys_come_before_low_ones():
    queue = Queue()
    queue.add("low", LOW)
    queue.add("normal")
    assert await take_all(queue) == ["normal", "low"]


async def test_a_low_key_rises_and_keeps_its_age():
    queue = Queue()
    queue.add("b", LOW)
    await elapse(5)
    queue.add("a", LOW)
    queue.add("b")
    queue.add("b", LOW)
    assert queue.oldest_age() == 5
    assert await take_all(queue) == ["b", "a"]


async def test_a_key_added_while_worked_on_is_as_old_as_the_first_addition():
    queue = Queue()
    queue.add("a")
    await queue.get()
    queue.add("a", LOW)
    await elapse(5)
    queue.add("a")
    queue.done("a")
    assert queue.oldest_age() == 5


async def test_a_key_added_low_and_then_normal_while_worked_on_comes_back_normal():
    queue = Queue()
    queue.add("a")
    await queue.get()
    queue.add("a", LOW)
    queue.add("a")
    queue.add("b", LOW)
    queue.done("a")
    assert await take_all(queue) == ["a", "b"]


async def test_a_delayed_key_comes_in_its_time():
    queue = Queue()
    queue.add_after("a", 10)
    assert (queue.depth, queue.delayed) == (0, 1)
    assert await queue.get() == "a"
    assert asyncio.get_running_loop().time() == 10


async def test_of_two_delays_the_earlier_one_counts(caplog):
    queue = Queue()
    queue.add_after("a", 10)
    queue.add_after("a", 3)
    queue.add_after("a", 20)
    await queue.get()
    queue.done("a")
    assert asyncio.get_running_loop().time() == 3
    await elapse(30)
    assert (queue.delayed, queue.depth) == (0, 0)
    assert not caplog.records


async def test_waits_double_up_to_the_longest_and_forget_ends_that():
    queue = Queue(shortest=1, longest=10, random=lambda: 0.5)
    assert [queue.retry("a") for _ in range(5)] == [1.5, 3, 6, 7.5, 7.5]
    assert queue.failures("a") == 5
    assert queue.retry("b") == 1.5
    queue.forget("a")
    assert queue.retry("a") == 1.5


async def test_a_server_may_ask_for_a_longer_wait():
    queue = Queue(shortest=1)
    assert queue.retry("a", at_least=30) == 30


async def test_age_is_that_of_the_key_that_waits_longest():
    queue = Queue()
    assert queue.oldest_age() == 0
    queue.add("a", LOW)
    await elapse(2)
    queue.add("b")
    await elapse(3)
    assert queue.oldest_age() == 5
    assert await queue.get() == "b"
    assert queue.oldest_age() == 5
    assert await queue.get() == "a"
    assert queue.oldest_age() == 0


async def test_a_worker_that_goes_away_after_being_woken_wakes_another():
    queue = Queue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await elapse(0)
    queue.add("a")
    first.cancel()
    async with asyncio.timeout(1):
        assert await second == "a"
    assert first.cancelled()


async def test_a_worker_that_goes_away_while_waiting_is_forgotten():
    queue = Queue()
    waiting = asyncio.create_task(queue.get())
    await elapse(0)
    waiting.cancel()
    await asyncio.wait({waiting})
    assert not queue._takers
    queue.add("a")
    async with asyncio.timeout(1):
        assert await queue.get() == "a"


async def test_workers_that_go_away_while_keys_come_go_without_complaint():
    queue = Queue()
    workers = [asyncio.create_task(queue.get()) for _ in range(3)]
    await elapse(1)
    for worker in workers:
        worker.cancel()
    queue.add("a")  # before the workers have noticed
    await asyncio.wait(workers)
    assert [worker.cancelled() for worker in workers] == [True] * 3
    assert await queue.get() == "a"


async def test_others_have_their_turn_while_a_worker_finds_keys_without_end():
    queue, turns = Queue(), []

    async def work():
        while True:
            key = await queue.get()
            queue.add(key)
            queue.done(key)
            turns.append("work")

    async def other():
        for _ in range(3):
            await turn()
            turns.append("other")

    queue.add("a")
    worker = asyncio.create_task(work())
    await other()
    worker.cancel()
    await asyncio.wait({worker})
    assert turns.count("other") == 3
    assert turns.count("work") < 5


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 5), st.sampled_from(list(Priority)), st.floats(0, 3), st.floats(0, 2)), max_size=40),
    st.integers(1, 3),
)
def test_every_addition_is_followed_by_a_look_and_no_key_is_looked_at_by_two(additions, workers):
    async def scenario():
        queue = Queue()
        wanted, looked_at, busy = {}, {}, set()

        async def work(duration):
            while True:
                key = await queue.get()
                assert key not in busy
                busy.add(key)
                looked_at[key] = wanted.get(key)  # what a level-based worker sees
                await elapse(duration)
                busy.discard(key)
                queue.done(key)

        tasks = [asyncio.create_task(work(0.3 * (number + 1))) for number in range(workers)]
        for number, (key, priority, pause, delay) in enumerate(additions):
            wanted[key] = number
            queue.add_after(key, delay, priority) if delay > 1 else queue.add(key, priority)
            await elapse(pause)
        await elapse(100)
        assert looked_at == wanted
        assert queue.depth == 0
        for task in tasks:
            assert not task.done()
            task.cancel()
        await asyncio.wait(tasks)

    with asyncio.Runner(loop_factory=looptime.new_event_loop) as runner:
        runner.run(scenario())
