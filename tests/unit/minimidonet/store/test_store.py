from __future__ import annotations

import asyncio
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from midonet_kubernetes.minimidonet.store.file import File, StoreError, StoreFull
from midonet_kubernetes.minimidonet.store.store import Store
from midonet_kubernetes.testing.virtual_time import turn


def write(store: Store, id_: str, **fields: object) -> None:
    with store.transaction() as transaction:
        transaction.put("Router", id_, {"id": id_, **fields})


def ids(store: Store) -> list[str]:
    return list(store.tables.all("Router"))


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "store.sqlite")


async def test_what_is_durable_is_there_after_a_restart_in_the_same_order(path):
    store = Store.open(path)
    for name in ("c", "a", "b"):
        write(store, name)
    with store.transaction() as transaction:
        transaction.remove("Router", "c")
        transaction.put("Router", "c", {"id": "c", "name": "again"})
    await store.durable()
    revision, history = store.revision, store.id
    await store.close()
    again = Store.open(path)
    assert (ids(again), again.tables.get("Router", "c")) == (["a", "b", "c"], {"id": "c", "name": "again"})
    assert (again.revision, again.id) == (revision, history)
    await again.close()


async def test_an_object_that_was_made_anew_after_a_restart_is_last(path):
    store = Store.open(path)
    for name in ("a", "b"):
        write(store, name)
    await store.close()
    store = Store.open(path)
    with store.transaction() as transaction:
        transaction.remove("Router", "a")
    await store.durable()
    write(store, "a")
    await store.close()
    assert ids(await reopened(path)) == ["b", "a"]


STEPS = st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=4)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(STEPS, st.booleans()), max_size=6))
def test_order_and_content_are_the_same_after_a_restart(transactions):
    with TemporaryDirectory() as folder:
        store = Store.open(f"{folder}/s")
        for number, (steps, is_written) in enumerate(transactions):
            with store.transaction() as transaction:
                for name, stays in steps:
                    transaction.remove("Router", name)
                    if stays:
                        transaction.put("Router", name, {"id": name, "number": number})
            if is_written:
                store.flush()
        store.flush()
        expected = list(store.tables.all("Router").items())
        asyncio.run(store.close())
        again = asyncio.run(reopened(f"{folder}/s"))
        assert list(again.tables.all("Router").items()) == expected


async def reopened(path: str) -> Store:
    store = Store.open(path)
    await store.close()
    return store


class SlowFile(File):
    """Counts batches, and fails when told to."""

    batches = 0
    error: Exception | None = None

    def write(self, statements):
        self.batches += 1
        if self.error is not None:
            raise self.error
        super().write(statements)


async def test_writers_that_wait_together_share_a_batch(tmp_path):
    file = SlowFile(tmp_path / "s")
    store = Store(file)

    async def one(number: int) -> None:
        write(store, str(number))
        await store.durable()

    await asyncio.gather(*(one(number) for number in range(50)))
    assert file.batches == 1
    assert len(ids(store)) == 50
    await store.close()


async def test_a_reader_waits_for_the_writer_whose_object_it_saw(tmp_path):
    file = SlowFile(tmp_path / "s")
    store = Store(file)
    write(store, "a")
    assert ids(store) == ["a"]
    file.error = StoreFull("full")
    with pytest.raises(StoreFull):
        await store.durable()
    assert ids(store) == []
    await store.close()


async def test_a_batch_that_cannot_be_written_is_taken_back_with_all_that_came_after(tmp_path):
    file = SlowFile(tmp_path / "s")
    store = Store(file)
    told: list[int] = []
    store.subscribe(lambda revision, _: told.append(revision))
    write(store, "kept")
    await store.durable()
    file.error = StoreFull("full")

    async def fails(id_: str) -> str:
        write(store, id_)
        try:
            await store.durable()
        except StoreError as error:
            return str(error)
        return "written"

    assert await asyncio.gather(fails("x"), fails("y"), fails("z")) == ["full"] * 3
    assert (ids(store), store.revision, told) == (["kept"], 1, [1])
    file.error = None
    assert await fails("later") == "written"
    assert (ids(store), told) == (["kept", "later"], [1, 2])
    await store.close()


async def test_who_asks_while_a_batch_is_refused_is_refused_too(tmp_path):
    file = SlowFile(tmp_path / "s")
    store, outcomes = Store(file), []
    file.error = StoreFull("full")
    write(store, "a")
    store.when_durable(outcomes.append)
    write(store, "b")  # while the first is being written
    store.when_durable(outcomes.append)
    with pytest.raises(StoreFull):
        await store.durable()
    assert (ids(store), outcomes) == ([], [file.error] * 2)
    file.error = None
    await store.close()


async def test_who_was_just_answered_shares_the_next_batch_with_who_waited(tmp_path):
    file = SlowFile(tmp_path / "s")
    store = Store(file)
    answered, outcomes = asyncio.get_running_loop().create_future(), []
    write(store, "first")
    store.when_durable(answered.set_result)
    write(store, "waiting")  # while the first is being written
    store.when_durable(outcomes.append)
    await answered
    write(store, "second")
    await store.durable()
    assert (file.batches, outcomes, ids(store)) == (2, [None], ["first", "waiting", "second"])
    await store.close()


async def test_nothing_to_write_is_durable_at_once(path):
    store, outcomes = Store.open(path), []
    store.when_durable(outcomes.append)
    assert outcomes == [None]
    await store.durable()
    await store.close()


async def test_what_a_refused_batch_removed_stands_where_it_stood(tmp_path):
    file = SlowFile(tmp_path / "s")
    store = Store(file)
    with store.transaction() as transaction:
        for name in ("a", "b", "c"):
            transaction.put("Bridge", name, {"id": name})
            transaction.put("Port", name, {"id": name, "deviceId": "b"})
    await store.durable()
    file.error = StoreFull("full")
    with store.transaction() as transaction:
        transaction.remove("Bridge", "a")
        transaction.remove("Port", "b")
        transaction.put("Port", "b", {"id": "b", "deviceId": "b"})
    with pytest.raises(StoreFull):
        await store.durable()
    assert list(store.tables.all("Bridge")) == ["a", "b", "c"]
    assert list(store.tables.all("Port")) == ["a", "b", "c"]
    assert store.tables.find("Port", "deviceId", "b") == ["a", "b", "c"]
    file.error = None
    await store.close()


async def test_listeners_hear_of_a_transaction_only_when_nothing_can_undo_it(path):
    store = Store.open(path)
    told: list[int] = []
    store.subscribe(lambda revision, _: told.append(revision))
    write(store, "a")
    write(store, "b")
    assert told == []
    await store.durable()
    assert told == [2]  # what was written together is told together
    await store.close()


async def test_a_client_that_gives_up_does_not_take_the_others_with_it(path):
    store = Store.open(path)
    write(store, "a")
    waiting = [asyncio.create_task(store.durable()) for _ in range(3)]
    await turn()
    waiting[0].cancel()
    assert [isinstance(result, BaseException) for result in await asyncio.gather(*waiting, return_exceptions=True)] == [
        True,
        False,
        False,
    ]
    await store.close()


def test_a_store_in_memory_is_durable_at_once():
    store = Store()
    write(store, "a")
    assert store.durable_revision == 1


def test_a_store_can_be_written_without_an_event_loop(path):
    store = Store.open(path)
    write(store, "a")
    store.flush()
    assert store.durable_revision == 1
    asyncio.run(store.close())
    assert ids(asyncio.run(reopened(path))) == ["a"]
