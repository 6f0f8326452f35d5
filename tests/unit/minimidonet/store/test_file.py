from __future__ import annotations

import sqlite3

import pytest

from midonet_kubernetes.minimidonet.store import file as store_file
from midonet_kubernetes.minimidonet.store.file import File, StoreError, StoreFull, backup
from midonet_kubernetes.minimidonet.store.rows import Row, statements

NEWER = store_file.SCHEMA_VERSION + 1


@pytest.fixture
def path(tmp_path):
    return tmp_path / "store.sqlite"


def filled(path, count: int = 1) -> None:
    file = File(path)
    file.write(statements(count, [Row("Router", str(number), {"id": str(number)}) for number in range(count)]))
    file.close()


def schema(path) -> set[tuple[str, str]]:
    """The columns of each table."""
    connection = sqlite3.connect(path)
    try:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {(table, column[1]) for table in tables for column in connection.execute(f"PRAGMA table_info({table})")}
    finally:
        connection.close()


def test_rows_come_back(path):
    filled(path, 3)
    file = File(path)
    assert list(file.load()) == [("Router", str(number), {"id": str(number)}) for number in range(3)]
    assert file.revision == 3
    file.close()


def test_two_servers_cannot_have_one_file(path):
    file = File(path)
    with pytest.raises(StoreError, match="in use by another minimidonet"):
        File(path)
    file.close()
    File(path).close()


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda path: path.write_bytes(b"this is no database " * 100), "damaged.*put a backup in its place"),
        (
            lambda path: sqlite3.connect(path).execute(f"PRAGMA user_version = {NEWER}").connection.close(),
            f"version {NEWER}.*newer",
        ),
        (lambda path: sqlite3.connect(path).execute("PRAGMA application_id = 7").connection.close(), "another program"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_what_to_do(path, spoil, says):
    filled(path)
    spoil(path)
    with pytest.raises(StoreError, match=says):
        File(path)
    with pytest.raises(StoreError, match=says):  # the refusal let the lock go
        File(path)


def test_a_damaged_page_is_found_when_objects_are_loaded(path):
    filled(path, 2000)
    content = bytearray(path.read_bytes())
    for place in range(3 * 4096, len(content), 4096):
        content[place : place + 200] = b"\xff" * 200
    path.write_bytes(bytes(content))
    with pytest.raises(StoreError, match="damaged"):  # noqa: PT012 - where it shows depends on the page
        file = File(path)
        try:
            list(file.load())
        finally:
            file.close()


def test_an_object_that_is_no_json_is_found(path):
    filled(path)
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE objects SET object = '{' WHERE kind = 'Router'")
    connection.close()
    file = File(path)
    with pytest.raises(StoreError, match="damaged"):
        list(file.load())
    file.close()


@pytest.mark.parametrize(
    "damage", ["DELETE FROM objects WHERE kind = ''", "UPDATE objects SET object = 'x'", "DELETE FROM history"]
)
def test_a_lost_revision_or_history_is_found(path, damage):
    filled(path)
    with sqlite3.connect(path) as connection:
        connection.execute(damage)
    connection.close()
    with pytest.raises(StoreError, match="damaged"):
        File(path)


def test_a_store_of_the_first_version_is_migrated(path):
    filled(path, 3)
    with sqlite3.connect(path) as connection:  # as it was
        connection.execute("ALTER TABLE history ADD COLUMN revision INTEGER NOT NULL DEFAULT 7")
        connection.execute("DELETE FROM objects WHERE kind = ''")
        connection.execute("PRAGMA user_version = 1")
    connection.close()
    file = File(path)
    assert (file.revision, [id_ for _, id_, _ in file.load()]) == (7, ["0", "1", "2"])
    file.write(statements(8, [Row("Router", "new", {"id": "new"})]))
    file.close()
    file = File(path)
    assert file.revision == 8
    file.close()
    File(path.with_name("new")).close()
    assert schema(path) == schema(path.with_name("new"))


def test_a_folder_that_is_not_there_is_said(tmp_path):
    with pytest.raises(StoreError, match="No such file"):
        File(tmp_path / "nowhere" / "store")


def test_a_full_device_refuses_the_batch_and_keeps_the_rest(path):
    filled(path)
    file = File(path)
    (pages,) = file._connection.execute("PRAGMA page_count").fetchone()
    file._connection.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StoreFull, match="make room"):
        file.write(statements(2, [Row("Router", f"x{number}", {"id": "x" * 1000}) for number in range(50)]))
    assert [id_ for _, id_, _ in file.load()] == ["0"]
    file._connection.execute("PRAGMA max_page_count = 1000000")
    file.write(statements(3, [Row("Router", "later", {"id": "later"})]))
    assert [id_ for _, id_, _ in file.load()] == ["0", "later"]
    file.close()


def test_an_older_version_is_migrated_step_by_step_and_only_once(path, monkeypatch):
    filled(path)
    steps: list[str] = []

    def rename(connection: sqlite3.Connection) -> None:
        steps.append("rename")
        connection.execute("UPDATE objects SET kind = 'Gateway' WHERE kind = 'Router'")

    monkeypatch.setattr(store_file, "MIGRATIONS", (*store_file.MIGRATIONS, rename))
    monkeypatch.setattr(store_file, "SCHEMA_VERSION", store_file.SCHEMA_VERSION + 1)
    for _ in range(2):
        file = File(path)
        assert [kind for kind, _, _ in file.load()] == ["Gateway"]
        file.close()
    assert steps == ["rename"]


def test_a_migration_that_fails_changes_nothing(path, monkeypatch):
    filled(path)

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("DELETE FROM objects")
        raise sqlite3.OperationalError("no")

    with monkeypatch.context() as patch:
        patch.setattr(store_file, "MIGRATIONS", (*store_file.MIGRATIONS, fail))
        patch.setattr(store_file, "SCHEMA_VERSION", store_file.SCHEMA_VERSION + 1)
        with pytest.raises(StoreError):
            File(path)
    file = File(path)
    assert len(list(file.load())) == 1
    file.close()


def test_a_backup_of_a_store_in_use_is_a_store_with_a_history_of_its_own(path, tmp_path):
    file = File(path)
    file.write(statements(1, [Row("Router", "a", {"id": "a"})]))
    backup(path, tmp_path / "copy")
    file.write(statements(2, [Row("Router", "b", {"id": "b"})]))
    copy = File(tmp_path / "copy")
    assert ([id_ for _, id_, _ in copy.load()], copy.revision) == (["a"], 1)
    assert copy.id != file.id
    copy.close()
    file.close()


def test_a_backup_overwrites_nothing_and_says_when_there_is_no_store(path, tmp_path):
    with pytest.raises(StoreError, match="not there"):
        backup(path, tmp_path / "copy")
    filled(path)
    (tmp_path / "copy").write_text("precious")
    with pytest.raises(StoreError, match="there already"):
        backup(path, tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "precious"
