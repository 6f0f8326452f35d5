from __future__ import annotations

import asyncio

from midonet_kubernetes.minimidonet.store.file import File
from midonet_kubernetes.minimidonet.store.rows import MOST_ROWS, Row, statements
from midonet_kubernetes.minimidonet.store.writer import Writer


def rows(count: int) -> list[Row]:
    return [Row("Router", str(number), {"id": str(number)}) for number in range(count)]


async def test_what_is_written_is_told_in_order_and_a_failure_is_no_end(tmp_path):
    file = File(tmp_path / "store")
    writer, told, ready = Writer(file), [], asyncio.Event()

    def done(error: Exception | None) -> None:
        told.append(error)
        if len(told) == 3:
            ready.set()

    writer.write(statements(1, rows(2)), done)
    writer.write([("no SQL", ())], done)
    writer.write(statements(2, rows(3)), done)
    await ready.wait()
    assert [error is None for error in told] == [True, False, True]
    writer.close()
    assert [id_ for _, id_, _ in file.load()] == ["0", "1", "2"]
    file.close()


async def test_closing_waits_for_what_is_to_be_written(tmp_path):
    file = File(tmp_path / "store")
    writer = Writer(file)
    writer.write(statements(1, rows(1000)), lambda _: None)
    writer.close()
    assert len(list(file.load())) == 1000
    file.close()
    writer.close()


def test_a_usual_batch_is_one_statement_and_so_one_transaction():
    assert len(statements(1, rows(MOST_ROWS - 1))) == 1
    assert len(statements(1, rows(MOST_ROWS))) == 2
    assert len(statements(1, [Row("Router", "gone", None)])) == 2
